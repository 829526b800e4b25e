import numpy as np
import pytest

from backissue.search.asked import AskedTokens
from backissue.search.embedding import StaticEmbedder, unit_rows

TEXT = "The harbour froze in winter, and the frozen harbour was closed."


class Counting:
    """The bundled model, which counts the tokens that are compared."""

    def __init__(self):
        self._model = StaticEmbedder.bundled()
        self.compared = []

    def __getattr__(self, name):
        return getattr(self._model, name)

    def unit_vectors_of(self, ids):
        self.compared += ids.tolist()
        return self._model.unit_vectors_of(ids)


def test_cosines_are_those_of_the_vectors_and_never_below_0(embedder):
    asked, ids = AskedTokens("frozen harbour", embedder), embedder.token_ids(TEXT)
    wanted = embedder.unit_vectors_of(ids) @ unit_rows(asked.vectors).T
    assert (wanted < 0).any()
    assert asked.cosines(ids) == pytest.approx(np.maximum(wanted, 0.0), abs=1e-6)
    assert asked.counts == pytest.approx(np.linalg.norm(asked.vectors, axis=1))


def test_each_token_is_compared_once():
    model = Counting()
    asked, ids = AskedTokens("frozen harbour", model), model.token_ids(TEXT)
    first = asked.cosines(ids[:5])
    both = asked.cosines(ids)
    assert sorted(model.compared) == sorted({*ids.tolist()})
    assert (both[:5] == first).all()


def test_what_is_too_much_to_keep_is_compared_again(embedder, monkeypatch):
    ids = embedder.token_ids(TEXT)
    wanted = AskedTokens("frozen harbour", embedder).cosines(ids)
    monkeypatch.setattr("backissue.search.asked._KEPT", 3)
    asked = AskedTokens("frozen harbour", embedder)
    for _ in range(2):
        assert (asked.cosines(ids) == wanted).all()
        assert "_known" not in vars(asked)


@pytest.mark.parametrize("question", ["", "?", "harbour"])
def test_no_tokens_have_no_cosines(embedder, question):
    asked = AskedTokens(question, embedder)
    assert asked.cosines(embedder.token_ids("")).shape == (0, len(asked.vectors))

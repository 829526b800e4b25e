import numpy as np
import pytest

from backissue.search.asked import AskedTokens
from backissue.search.calibration import Calibration, Judgement, LogisticModel
from backissue.search.embedding import unit_rows
from backissue.search.errors import MissingExtraError
from backissue.search.forward import starts_of
from backissue.search.rerank import WINDOW_TOKENS, Evidence, FastReranker, interactions
from backissue.search.types import Mode


def tokens(*vectors):
    return np.array(vectors, dtype=np.float32).reshape(len(vectors), 2)


def both(query, passages):
    starts = starts_of(map(len, passages))
    together = np.concatenate(passages) if passages else tokens()
    cosines = np.maximum(unit_rows(together) @ unit_rows(query).T, 0.0)
    return interactions(query, cosines, starts)


def interaction(query, passages):
    return both(query, passages)[0]


def evidence(embedder, question, *texts, words=0.0, together=0.0, readable=False):
    ids = [embedder.token_ids(text) for text in texts]
    n = len(texts)
    return Evidence(
        words=np.full(n, words),
        covered=np.full(n, words),
        together=np.full(n, together),
        cosine=np.full(n, 0.5),
        readable=np.full(n, readable),
        tokens=np.concatenate(ids),
        token_starts=starts_of(map(len, ids)),
        asked=AskedTokens(question, embedder),
        texts=lambda: [("", text) for text in texts],
    )


EAST, NORTH, NORTH_EAST = (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)


def test_interaction_is_the_mean_of_best_cosines_weighted_by_norms():
    query = tokens((3.0, 0.0), NORTH)  # norms 3 and 1
    # Against a passage of EAST alone: 3/4 · 1 + 1/4 · 0. Against NORTH_EAST: both cosines are 1/√2.
    assert interaction(query, [tokens(EAST), tokens(NORTH_EAST), tokens(EAST, NORTH)]) == pytest.approx(
        [3 / 4, 2**-0.5, 1.0]
    )


def test_an_opposite_token_counts_nothing_rather_than_against():
    assert interaction(tokens(EAST), [tokens((-1.0, 0.0))]) == pytest.approx([0.0])


def test_what_stands_together_fills_a_window():
    nothing = (-1.0, -1.0)
    together = tokens(EAST, NORTH, *[nothing] * 200)
    apart = tokens(EAST, *[nothing] * 200, NORTH)
    whole, window = both(tokens(EAST, NORTH), [together, apart])
    assert whole == pytest.approx([1.0, 1.0])
    assert window == pytest.approx([1.0, 0.5])


@pytest.mark.parametrize("length", [1, WINDOW_TOKENS // 2, WINDOW_TOKENS // 2 + 1, WINDOW_TOKENS, 5 * WINDOW_TOKENS])
def test_windows_are_those_of_a_plain_loop_over_half_steps(length):
    rng = np.random.default_rng(length)
    query = tokens(*rng.normal(size=(4, 2)))
    passages = [tokens(*rng.normal(size=(n, 2))) for n in (length, 3, length + 7)]
    whole, window = both(query, passages)
    weights = np.linalg.norm(query, axis=1)

    def cover(vectors):
        cosines = [[q @ p / np.linalg.norm(q) / np.linalg.norm(p) for p in vectors] for q in query]
        return sum(w * max(0.0, *row) for w, row in zip(weights, cosines, strict=True)) / weights.sum()

    half = WINDOW_TOKENS // 2
    for i, passage in enumerate(passages):
        starts = range(0, len(passage), half)
        assert whole[i] == pytest.approx(cover(passage), abs=1e-5)
        assert window[i] == pytest.approx(max(cover(passage[s : s + WINDOW_TOKENS]) for s in starts), abs=1e-5)


def test_empty_texts_score_nothing():
    assert interaction(tokens(EAST), [tokens(), tokens(EAST)]) == pytest.approx([0.0, 1.0])
    assert interaction(tokens(), [tokens(EAST)]) == pytest.approx([0.0])
    assert len(interaction(tokens(EAST), [])) == 0


def test_a_logistic_model_adds_its_weighted_features():
    model = LogisticModel(-1.0, {"a": 2.0, "b": 0.5})
    assert model.log_odds({"a": np.array([1.0, 0.0]), "c": np.array([9.0, 9.0])}) == pytest.approx([1.0, -1.0])
    assert Judgement(1.0, {}).probability == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert 0.0 <= Judgement(-1e9, {}).probability < Judgement(1e9, {}).probability <= 1.0


def test_a_foreign_passage_has_features_of_its_own(embedder):
    def features(readable):
        model = Calibration.bundled().reranker[Mode.HYBRID]
        text = "Harbour\nThe harbour froze."
        one = evidence(embedder, "frozen harbour", text, words=0.4, together=0.3, readable=readable)
        return FastReranker(embedder, model).features(one)

    near, far = features(True), features(False)
    assert near["window"] == far["foreign_window"] > 0
    assert near["foreign_window"] == far["window"] == 0
    assert (near["foreign"], far["foreign"]) == (0.0, 1.0)


def test_the_fast_reranker_prefers_the_passage_that_answers(embedder):
    question = "What does North Korea get for its shells?"
    answers = "W zamian za pociski Korea Północna dostaje żywność i ropę."
    beside = "Piłkarze wygrali mecz po rzutach karnych."
    model = Calibration.bundled().reranker[Mode.HYBRID]
    first, second = FastReranker(embedder, model).judge(question, evidence(embedder, question, answers, beside))
    assert first.log_odds > second.log_odds


def test_a_cross_encoder_by_path_judges_in_place_of_the_bundled_reranker(archive, tmp_path, monkeypatch):
    transformers = pytest.importorskip("transformers", reason="needs backissue[transformers]")
    pytest.importorskip("sentence_transformers", reason="needs backissue[transformers]")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary))
    transformers.BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=1,
        max_position_embeddings=256,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(tmp_path)
    results = archive.search("the dam and the reservoir", rerank=str(tmp_path))
    explained = [hit.explain["rerank"] for hit in results.hits]
    assert all(one["by"] == str(tmp_path) for one in explained)
    assert [one["log_odds"] for one in explained] == sorted((one["log_odds"] for one in explained), reverse=True)
    assert not results.no_good_answer


def test_a_cross_encoder_that_is_not_there_is_an_error_that_says_what_to_do(archive):
    with pytest.raises(MissingExtraError, match=r"backissue\[transformers\]|cannot be loaded"):
        archive.search("the dam", rerank="no/such-model")

"""The bundled identifier against py3langid, whose model it was made of."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backissue.search.langid import Identifier, probabilities
from backissue.search.language import NEWS_LANGS

SEEDS = Path(__file__).parents[2] / "seeds"


@cache
def oracle():
    langid = pytest.importorskip("py3langid.langid")
    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    identifier.set_languages(NEWS_LANGS)
    return identifier


def test_it_says_what_py3langid_says_of_every_line_of_the_seeds():
    lines = [
        line for path in sorted(SEEDS.rglob("*.*")) for line in path.read_text("utf-8", errors="replace").splitlines()
    ]
    assert len(lines) > 1000
    for line in lines:
        assert probabilities(line) == pytest.approx(dict(oracle().rank(line)), abs=1e-4)


@given(st.text(max_size=200))
def test_it_says_what_py3langid_says_of_any_text(text):
    assert probabilities(text) == pytest.approx(dict(oracle().rank(text)), abs=1e-4)


def test_the_empty_text_is_in_all_languages_alike():
    assert set(probabilities("")) == NEWS_LANGS
    assert sum(probabilities("").values()) == pytest.approx(1)


def test_a_file_that_is_cut_is_no_model(tmp_path):
    whole = (Path(__file__).parents[2] / "search" / "data" / "langid.safetensors").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:100_000])
    with pytest.raises(ValueError):
        Identifier(tmp_path / "cut")

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backissue.indexer.analysed import analyse_passages
from backissue.indexer.lexical import apply, create
from backissue.search.bm25 import bm25, covered, find_matches, kept_length, windows
from backissue.search.filters import NO_RESTRICTION
from backissue.search.forward import Documents, document
from backissue.search.lexical import LexicalIndex, WeightedTerm

WORDS = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}x" for i in range(120)]


def text(rng, low, high):
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    return " ".join(rng.choices(WORDS, weights, k=rng.randint(low, high)))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    rng = random.Random(7)
    records = [(row, text(rng, 0, 6), text(rng, 5, 200), "en", 1, 0, 0, 0, 1) for row in range(1, 301)]
    index = create(tmp_path_factory.mktemp("bm25") / "lexical")
    apply(index, (), analyse_passages(records).passages, fresh=True)
    documents = Documents.of([document(title, body, lang) for _, title, body, lang, *_ in records])
    titles = int(documents.title_terms.sum())
    lengths = ((len(documents.terms) - titles) / len(documents), titles / len(documents))
    index.reload()
    return LexicalIndex(index, tmp_path_factory.getbasetemp()), documents, lengths


def test_scores_are_those_of_the_lexical_index(corpus):
    index, documents, lengths = corpus
    rng = random.Random(8)
    for _ in range(40):
        terms = [
            WeightedTerm("en", term, rng.choice([1.0, 0.4]), source=rng.choice("abc")) for term in rng.sample(WORDS, 6)
        ]
        table = index.table(terms)
        expected = np.zeros(len(documents))
        hits = index.search(table, len(documents), NO_RESTRICTION, ["en"])
        expected[hits.rows - 1] = hits.scores
        assert bm25(table, documents, find_matches(table, documents), lengths) == pytest.approx(expected, rel=1e-4)


def test_a_term_that_no_passage_holds_and_an_empty_passage_count_nothing(corpus):
    index, documents, lengths = corpus
    table = index.table([WeightedTerm("en", "nowhere")])
    assert not bm25(table, documents, find_matches(table, documents), lengths).any()
    nothing = Documents.of([])
    assert len(bm25(table, nothing, find_matches(table, nothing), lengths)) == 0
    assert len(windows(table, find_matches(table, nothing), 0)) == 0
    assert covered(table, find_matches(table, documents), len(documents)).any() == np.False_


def test_the_words_of_a_question_that_stand_together_are_found_in_title_and_text(corpus):
    index, _, _ = corpus
    table = index.table([WeightedTerm("en", WORDS[0], 1.0, "a"), WeightedTerm("en", WORDS[50], 1.0, "b")])
    one, other = table.worth.tolist()
    near = document(WORDS[0], f"{WORDS[50]} " + "x " * 40, "en")
    far = document(WORDS[0], "x " * 40 + WORDS[50], "en")
    found = Documents.of([near, far])
    matches = find_matches(table, found)
    assert windows(table, matches, 2) == pytest.approx([one + other, max(one, other)])
    assert covered(table, matches, 2) == pytest.approx([one + other, one + other])


def test_a_word_counts_once_however_often_and_in_whatever_form_it_stands(corpus):
    index, _, _ = corpus
    table = index.table([WeightedTerm("en", WORDS[0], 1.0, "a"), WeightedTerm("en", WORDS[50], 0.4, "a")])
    found = Documents.of([document("", f"{WORDS[0]} {WORDS[50]} {WORDS[0]}", "en")])
    assert covered(table, find_matches(table, found), 1) == pytest.approx([max(table.worth)])


@given(st.integers(0, 1_000_000))
def test_a_length_is_kept_to_three_significant_bits(length):
    kept = int(kept_length(np.array([length]))[0])
    assert kept <= length < kept * 9 / 8 + 1 if length > 40 else kept == length

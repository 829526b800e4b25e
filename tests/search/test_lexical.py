import math
import random

import numpy as np
import pytest
from rank_bm25 import BM25Okapi

from backissue.indexer.analysed import analyse_passages
from backissue.indexer.lexical import apply, create
from backissue.search.filters import NO_RESTRICTION, Restriction
from backissue.search.lexical import LexicalIndex, WeightedTerm, highest_term_bm25, language_terms
from backissue.search.question import expand

WORDS = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}x" for i in range(200)]


class LuceneBM25(BM25Okapi):
    """rank_bm25 with the idf that Lucene and tantivy use: never negative."""

    def _calc_idf(self, nd):
        for word, n in nd.items():
            self.idf[word] = math.log(1 + (self.corpus_size - n + 0.5) / (n + 0.5))


def build(path, texts, lang="en", **columns):
    index = create(path)
    source, day = columns.get("source", {}), columns.get("day", {})
    passages = analyse_passages(
        [(row, "", text, lang, 1, source.get(row, 0), 0, 0, day.get(row, 1)) for row, text in enumerate(texts, start=1)]
    ).passages
    assert apply(index, (), passages, fresh=True) == len(texts)
    return LexicalIndex.open(path)


@pytest.fixture(scope="module")
def corpus():
    rng = random.Random(5)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    # Lengths up to 40 are kept exactly by tantivy; longer ones are rounded to 3 significant bits.
    return [" ".join(rng.choices(WORDS, weights, k=rng.randint(5, 40))) for _ in range(300)]


def test_rankings_are_those_of_rank_bm25(tmp_path, corpus):
    index = build(tmp_path / "lexical", corpus)
    analysed = [language_terms(text, "en") for text in corpus]
    oracle = LuceneBM25(analysed, k1=1.2, b=0.75)
    rng = random.Random(6)
    for _ in range(100):
        question = " ".join(rng.sample(WORDS, rng.randint(1, 6)))
        terms = expand(question, "en", ["en"])
        expected = oracle.get_scores([term.key for term in terms])
        hits = index.search(index.table(terms), 20, NO_RESTRICTION, ["en"])
        assert hits.scores == pytest.approx(np.sort(expected)[::-1][: len(hits)], rel=1e-4)
        for row, score in zip(hits.rows, hits.scores, strict=True):
            assert score == pytest.approx(expected[row - 1], rel=1e-4)


def test_a_weight_multiplies_the_score(tmp_path, corpus):
    index = build(tmp_path / "lexical", corpus)
    [term] = expand(WORDS[3], "en", ["en"])
    once = index.search(index.table([term]), 5, NO_RESTRICTION, ["en"])
    half = index.search(index.table([WeightedTerm("en", term.term, 0.5)]), 5, NO_RESTRICTION, ["en"])
    assert half.rows.tolist() == once.rows.tolist()
    assert half.scores == pytest.approx(0.5 * once.scores, rel=1e-5)


def test_no_score_is_above_the_highest(tmp_path):
    index = build(tmp_path / "lexical", ["storm " * 30, "calm sea", "calm day"])
    [term] = expand("storm", "en", ["en"])
    [score] = index.search(index.table([term]), 5, NO_RESTRICTION, ["en"]).scores
    assert 0.8 * highest_term_bm25(3, 1) < score < highest_term_bm25(3, 1)


def test_a_word_of_one_language_does_not_meet_its_namesake_in_another(tmp_path):
    index = build(tmp_path / "lexical", ["Gift im Wasser"], lang="de")
    assert len(index.search(index.table([WeightedTerm("en", "gift")]), 5, NO_RESTRICTION, ["de"])) == 0
    assert len(index.search(index.table([WeightedTerm("de", "gift")]), 5, NO_RESTRICTION, ["de"])) == 1


def test_of_a_words_translations_the_one_that_counts_most_decides(tmp_path):
    index = build(tmp_path / "lexical", ["port", "dock", "port dock", "field"])
    options = [WeightedTerm("en", "port", 0.9, "harbour"), WeightedTerm("en", "dock", 0.4, "harbour")]

    def score(terms):
        hits = index.search(index.table(terms), 10, NO_RESTRICTION, ["en"])
        return dict(zip(hits.rows.tolist(), hits.scores.tolist(), strict=True))

    port, dock, both = score(options[:1]), score(options[1:]), score(options)
    assert both == pytest.approx({1: port[1], 2: dock[2], 3: max(port[3], dock[3])})
    apart = score([WeightedTerm("en", "port", 0.9, "harbour"), WeightedTerm("en", "dock", 0.4, "quay")])
    assert apart[3] == pytest.approx(port[3] + dock[3])


def test_codes_days_phrases_and_exclusions_are_applied_by_the_index(tmp_path):
    texts = ["red ship in port", "red ship at sea", "blue ship in port", "a ship of red port wine"]
    index = build(tmp_path / "lexical", texts, source={1: 7, 2: 7, 3: 8}, day={1: 100, 2: 200, 3: 300})
    ship = expand("ship", "en", ["en"])

    def rows(**restriction):
        return sorted(index.search(index.table(ship), 10, Restriction(**restriction), ["en"]).rows.tolist())

    assert rows() == [1, 2, 3, 4]
    assert rows(codes={"source": frozenset({7})}) == [1, 2]
    assert rows(codes={"source": frozenset()}) == []
    assert rows(excluded_codes={"source": frozenset({7, 8})}) == [4]
    assert rows(first_day=200) == [2, 3]
    assert rows(end_day=200) == [1, 4]
    assert rows(first_day=150, end_day=300) == [2]
    assert rows(phrases=("red ship",)) == [1, 2]
    assert rows(phrases=("red ship", "in port")) == [1]
    assert rows(excluded_words=("reds",)) == [3]
    assert rows(excluded_phrases=("in port",)) == [2, 4]


def test_applying_changes_twice_does_no_harm(tmp_path):
    index = create(tmp_path / "lexical")
    [froze] = analyse_passages([(1, "Harbour", "The harbour froze", "en", 1, 0, 0, 0, 1)]).passages
    apply(index, (), [froze], fresh=True)
    [quay] = analyse_passages([(2, "Harbour", "The quay froze", "en", 1, 0, 0, 0, 1)]).passages
    for _ in range(2):
        apply(index, [1], [quay], fresh=False)
    assert len(LexicalIndex.open(tmp_path / "lexical")) == 1

"""What a search costs, counted and not timed: calls, look-ups and statements of SQL are the same on every machine."""

import cProfile
import pstats

import numpy as np
import pytest

from backissue.indexer import Indexer
from backissue.search import Archive, Article
from backissue.search.snapshot import PER_FAMILY, first_of_each

QUESTION = "what does North Korea get in return for its shells"
BARE = {"rerank": "off", "answers": False, "explain": False, "facets": False}


@pytest.fixture
def warm(small_index):
    with Archive.open(small_index) as archive:
        for options in ({}, {"rerank": "off"}):
            archive.search(QUESTION, **options)
        yield archive


@pytest.fixture(scope="module")
def harbours(tmp_path_factory):
    """Three hundred articles with a harbour in each, and three with a frozen one."""
    path = tmp_path_factory.mktemp("harbours") / "index"
    words = ["crane", "pilot", "tide", "cargo", "ferry", "dock"]
    Indexer(path).rebuild(
        Article(
            id=str(number),
            lang="en",
            source=f"Paper {number % 7}",
            published=f"2023-{number % 12 + 1:02}-01",
            text=f"The harbour saw the {words[number % 6]} number {number * 7919 % 1000} near the "
            f"{words[number // 6 % 6]} of berth {number}" + (", and it was frozen." if number < 3 else "."),
        )
        for number in range(300)
    )
    with Archive.open(path) as archive:
        yield archive


def counted(work):
    """How often each function is called meanwhile, by its name."""
    profile = cProfile.Profile()
    profile.enable()
    work()
    profile.disable()
    calls = {}
    for (_, _, name), (_, times, *_) in pstats.Stats(profile).stats.items():
        calls[name] = calls.get(name, 0) + times
    return calls


def calls(archive, question=QUESTION, **options):
    return sum(counted(lambda: archive.search(question, **options)).values())


def test_a_search_takes_no_more_calls_than_it_did(warm):
    # What makes these grow by a third costs every user as much.
    assert calls(warm, **BARE) < 2_700 * 4 / 3
    assert calls(warm) < 5_600 * 4 / 3


def test_more_candidates_take_no_more_calls(harbours):
    def both(**options):
        harbours.search("harbour", **options), harbours.search("frozen", **options)
        return calls(harbours, "harbour", k=1, **options), calls(harbours, "frozen", k=1, **options)

    assert harbours.search("harbour").total > 150
    many, few = both(mode="lexical", **BARE)
    assert many < 1.2 * few
    many, few = both(mode="lexical", rerank="fast", answers=False, explain=False)
    assert many < 1.2 * few + 100  # fifty judgements as objects, and no more than fifty


def test_candidates_of_the_tail_take_no_call_each(tmp_path):
    def boats(first, last):
        return [
            Article(id=str(n), lang="en", text=f"The boat {n} left berth {n * 7919 % 1000}.")
            for n in range(first, last)
        ]

    Indexer(tmp_path).rebuild(boats(0, 150))
    with Archive.open(tmp_path) as archive:
        archive.search("boat", mode="lexical", **BARE)
        before = calls(archive, "boat", k=1, mode="lexical", **BARE)
        Indexer(tmp_path).add(boats(150, 180))
        archive.search("boat", mode="lexical", **BARE)
        assert archive.search("boat", mode="lexical").total > 150
        assert calls(archive, "boat", k=1, mode="lexical", **BARE) < before + 300


@pytest.mark.parametrize("count", [300, 1200])
def test_copies_of_one_text_take_no_deeper_search_by_meaning(tmp_path, count):
    told = " ".join(f"The minister spoke of harbour fees and of line {n} of the agency report." for n in range(3))
    copies = [Article(id=f"copy {n}", lang="en", text=told) for n in range(count)]
    others = [Article(id=f"other {n}", lang="en", text=f"Report {n}: the harbour fees rose.") for n in range(250)]
    Indexer(tmp_path).rebuild([*copies, *others])
    with Archive.open(tmp_path) as archive:
        archive.search("harbour fees", mode="semantic", **BARE)
        made = counted(lambda: archive.search("harbour fees", mode="semantic", k=300, **BARE))
        assert made["_search_base"] == 2  # once with the copies and once without
        snapshot = archive._snapshot
        vector = archive._embedder.embed_queries(["harbour fees"])[0]
        positions, scores = snapshot.search_dense(vector, 200, None)
        assert len(positions) == 200
        assert (np.diff(scores) <= 0).all()
        exact = snapshot.dense.search(vector, len(snapshot.columns))
        wanted = exact.positions[first_of_each(snapshot.columns.family[exact.positions], PER_FAMILY)][:200]
        assert sorted(snapshot.columns.family[positions]) == sorted(snapshot.columns.family[wanted])


def test_each_index_is_asked_once(harbours):
    harbours.search("frozen harbour", **BARE)
    made = counted(lambda: harbours.search("frozen harbour", **BARE))
    assert made["<method 'search' of 'tantivy.tantivy.Searcher' objects>"] == 1
    assert made["<method 'fast_field_values' of 'tantivy.tantivy.Searcher' objects>"] == 1
    assert made["_search_base"] == 1
    assert made["<method 'doc_freq' of 'tantivy.tantivy.Searcher' objects>"] == 4  # two words in two fields
    assert made["detect"] == 1


@pytest.mark.parametrize("k", [1, 100])
def test_the_archive_is_asked_once_for_all_that_a_page_shows(harbours, k):
    statements = []
    connection = harbours._store._connection()
    connection.set_trace_callback(statements.append)
    results = harbours.search("harbour", k=k)
    connection.set_trace_callback(None)
    selects = [one for one in statements if one.startswith("SELECT") and "FROM meta" not in one]
    assert len(results.hits) == k
    assert len(selects) <= 2  # passages and heads of articles, however many hits

"""Whatever is asked: filters let through what they say and nothing else, and pages are parts of one list."""

from datetime import date

import pytest
from crash_child import VOCABULARY, make_article
from hypothesis import given, settings
from hypothesis import strategies as st

from backissue.indexer import Indexer
from backissue.search import Archive, Filter

LANGS = ("en", "pl", "de")
SOURCES = ("Tribune", "Kurier", "Post")
WAYS = settings(max_examples=15, deadline=None, database=None)


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """An archive with a tail and deletions, and what it holds."""
    import random
    from dataclasses import replace

    rng = random.Random(1)
    articles = [
        replace(
            make_article(rng, f"a{n}"), lang=LANGS[n % 3], source=SOURCES[n % 2], section="World" if n % 5 else None
        )
        for n in range(45)
    ]
    path = tmp_path_factory.mktemp("properties") / "index"
    Indexer(path).rebuild(articles[:30])
    Indexer(path).add(articles[30:])
    Indexer(path).delete([one.id for one in articles[::9]])
    with Archive.open(path) as archive:
        yield archive, {one.id: one for one in articles if one not in articles[::9]}


days = st.dates(date(2010, 1, 1), date(2025, 1, 1))
filters = st.builds(
    Filter,
    langs=st.lists(st.sampled_from(LANGS), max_size=2).map(tuple),
    sources=st.lists(st.sampled_from([*SOURCES, "Nobody"]), max_size=2).map(tuple),
    sections=st.sampled_from([(), ("World",), ("world",)]),
    after=st.none() | days,
    before=st.none() | days,
)
parts = st.sampled_from([*VOCABULARY, '"harbour river"', "-strike", "lang:pl", "zzz"])
questions = st.lists(parts, max_size=5).map(" ".join)
modes = st.sampled_from(["hybrid", "lexical", "semantic"])


def passes(article, wanted: Filter) -> bool:
    day = date.fromisoformat(article.published)
    return (
        (not wanted.langs or article.lang in wanted.langs)
        and (not wanted.sources or article.source in wanted.sources)
        and (not wanted.sections or (article.section or "").casefold() == "world")
        and (wanted.after is None or day >= wanted.after)
        and (wanted.before is None or day < wanted.before)
    )


@given(wanted=filters, question=questions, mode=modes)
@WAYS
def test_a_filter_lets_through_what_it_says(held, wanted, question, mode):
    archive, articles = held
    hits = archive.search(question, k=100, filter=wanted, mode=mode, answers=False, explain=False).hits
    assert all(passes(articles[hit.article.id], wanted) for hit in hits)


@given(wanted=filters)
@WAYS
def test_a_filter_alone_lists_all_that_it_lets_through(held, wanted):
    archive, articles = held
    expected = {key for key, article in articles.items() if passes(article, wanted)}
    if wanted == Filter():
        return
    results = archive.search("", k=100, filter=wanted, answers=False)
    assert {hit.article.id for hit in results.hits} == expected
    assert results.total == len(expected)


@given(
    question=questions,
    k=st.integers(1, 12),
    mode=modes,
    by_date=st.booleans(),
)
@WAYS
def test_pages_are_parts_of_one_list(held, question, k, mode, by_date):
    archive, _ = held
    options = {"mode": mode, "sort": "date" if by_date else "relevance", "answers": False, "explain": False}
    whole = archive.search(question, k=100, **options)
    pages = [archive.search(question, k=k, offset=offset, **options) for offset in range(0, whole.total + k, k)]
    assert [hit.article.id for page in pages for hit in page.hits] == [hit.article.id for hit in whole.hits]
    assert {page.total for page in pages} == {whole.total}
    assert len({hit.article.id for hit in whole.hits}) == len(whole.hits) == whole.total
    assert all(page.facets == whole.facets for page in pages)

from datetime import date
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backissue.api.http.address import Address, Reader
from backissue.search.errors import InvalidArgumentError
from backissue.search.types import Answer, Filter, Mode, Sort

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).map(str.strip).filter(bool)
names = st.lists(words, max_size=3, unique=True).map(tuple)
addresses = st.builds(
    Address,
    q=words | st.just(""),
    langs=st.lists(st.sampled_from(["pl", "en", "und"]), max_size=3, unique=True).map(tuple),
    sources=names,
    sections=names,
    after=st.none() | st.dates(date(1, 1, 1), date(2000, 1, 1)),
    before=st.none() | st.dates(date(2000, 1, 2)),
    sort=st.sampled_from(Sort),
    mode=st.sampled_from(Mode),
    rerank=st.sampled_from(Reader),
    page=st.integers(1, 1000),
)


def parsed(url: str) -> Address:
    return Address.parse(parse_qsl(urlsplit(url).query))


@settings(deadline=None)
@given(addresses)
def test_an_address_survives_its_url(address):
    assert parsed(address.url) == address


@settings(deadline=None)
@given(addresses, words)
def test_toggling_twice_changes_nothing_but_the_page(address, value):
    once = address.toggle("sources", value)
    assert once.has("sources", value) != address.has("sources", value)
    assert set(once.toggle("sources", value).sources) == set(address.sources)
    assert once.page == 1


@settings(deadline=None)
@given(addresses, words, st.tuples(st.integers(0, 99), st.integers(100, 200)))
def test_an_article_address_leads_back_to_its_results(address, article_id, passage):
    url = urlsplit(address.article_url(article_id, passage, Answer("", 5, 9)))
    assert parsed(f"/?{url.query}") == address
    assert url.path.startswith("/article/") and "/" not in url.path.removeprefix("/article/")
    assert url.fragment == "passage"


def test_defaults_are_not_in_the_url():
    assert Address().url == "/"
    assert Address(q="kim").url == "/?q=kim"


def test_the_whole_address():
    address = parsed("/?q=what+did+Kim+get&lang=Polish&lang=EN&source=Echo&after=2023-09&before=2024&sort=date&page=2")
    assert address == Address(
        q="what did Kim get",
        langs=("pl", "en"),
        sources=("Echo",),
        after=date(2023, 9, 1),
        before=date(2024, 1, 1),
        sort=Sort.DATE,
        page=2,
    )
    assert address.filter == Filter(
        langs=("pl", "en"), sources=("Echo",), after=date(2023, 9, 1), before=date(2024, 1, 1)
    )


def test_empty_and_unknown_parameters_are_left_alone():
    assert parsed("/?q=+&lang=&after=&page=&utm_source=mail") == Address()


def test_a_new_question_keeps_what_it_is_narrowed_to():
    address = Address(q="a", langs=("pl",), page=3)
    assert address.asking("b") == Address(q="b", langs=("pl",))
    assert address.unfiltered() == Address(q="a")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("lang=klingon", "lang is “klingon”"),
        ("after=soon", "after is “soon”"),
        ("before=2023-13", "before is “2023-13”"),
        ("after=2024&before=2023", "No day is left between after 2024-01-01 and before 2023-01-01"),
        ("after=2024&before=2024", "No day is left"),
        ("sort=length", "sort is “length”; it must be one of relevance, date."),
        ("mode=magic", "it must be one of hybrid, lexical, semantic."),
        ("rerank=../model", "rerank is “../model”; it must be one of fast, deep."),
        ("page=0", "page is “0”; it must be a number from 1 to 1,000."),
        ("page=-1", "page is “-1”"),
        ("page=²", "page is “²”"),
        ("page=" + "9" * 5000, "it must be a number"),
    ],
)
def test_what_cannot_be_used_is_named(query, told):
    with pytest.raises(InvalidArgumentError) as raised:
        parsed(f"/?{query}")
    assert told in str(raised.value)
    assert len(str(raised.value)) < 300

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backissue.search.iso639 import language_code, language_name, language_names
from backissue.search.query import parse, parse_date_bound
from backissue.search.types import NO_FILTER, Filter, Query

MARKS = ['"', "„", "”", "“", "«", "»", "-", ":", " ", "\u00a0", "(", ",", "_"]
WORDS = ["lang:", "source:", "after:", "-title:", "en", "7", "-05", "2023", "ab", "żółw", "북한", "\ud800"]
SYNTAX = st.lists(st.sampled_from(MARKS + WORDS), max_size=14).map("".join)


@pytest.mark.parametrize(
    "question",
    [
        "what does North Korea get in return",
        "What?! (really) … 50% & more; #1 @home [x] {y} a/b \\ ~ ^ * + | <b> 'q' `z`",
        "COVID-19 and 1914-1918",
        "a - dash, an – en dash and -- two",
        "oil fell to -37 dollars, it was -20°C",
        "note: this http://example.org/a?b=c 10:30 foo:bar",
        "lang:klingon after:yesterday on:2023-13 before:2023-02-30",
        "title: is followed by a space",
        'an "unbalanced quote',
        'a 6" pipe and an 8" pipe',
        '"" and " " and "?!"',
        "?",
        "🚀",
        "что получает Северная Корея?",
        "북한은 대가로 무엇을 받는가",
        "「君の名は」の監督は誰か 『新聞』",
    ],
)
def test_text_that_is_no_syntax_stays_as_it_is(question: str) -> None:
    assert parse(question) == Query(raw=question, text=question)


@pytest.mark.parametrize(
    "quoted",
    [
        '"exact phrase"',
        '"exact  phrase"',
        "„exact phrase”",
        "„exact phrase“",
        "“exact phrase”",
        "«exact phrase»",
        "« exact\u00a0phrase »",
        "»exact phrase«",
    ],
)
def test_phrases_are_required_and_stay_in_the_text(quoted: str) -> None:
    query = parse(f"who said {quoted}?")
    assert query.phrases == ("exact phrase",)
    assert query.text == "who said exact phrase?"


def test_a_phrase_keeps_its_hyphens_and_loses_syntax_only_in_the_text() -> None:
    query = parse('a "COVID-19 wave" and "lang:en -x"')
    assert query.phrases == ("COVID-19 wave", "lang:en -x")
    assert query.text == "a COVID-19 wave and lang en x"
    assert query.filter == NO_FILTER


def test_exclusions() -> None:
    query = parse('Kim -sport -"word cup" -„piłka nożna” -Putin, -COVID-19 visits')
    assert query.excluded_words == ("sport", "Putin")
    assert query.excluded_phrases == ("word cup", "piłka nożna", "COVID-19")
    assert query.text == "Kim visits"


def test_fields() -> None:
    query = parse('talks source:Reuters SOURCE:"Gazeta Wyborcza" author:„Jan Kowalski” section:world title:treaty')
    assert query.text == "talks"
    assert query.filter == Filter(
        sources=("Reuters", "Gazeta Wyborcza"), authors=("Jan Kowalski",), sections=("world",), titles=("treaty",)
    )


def test_excluded_fields() -> None:
    query = parse("talks -source:TASS -lang:ru -title:opinion")
    assert query.excluded == Filter(sources=("TASS",), langs=("ru",), titles=("opinion",))
    assert (query.text, query.filter) == ("talks", NO_FILTER)


@pytest.mark.parametrize("name", ["pl", "PL", "Polish", "polish", "pl-PL", '"Polish"', "pl?"])
def test_a_language_has_many_names(name: str) -> None:
    assert parse(f"talks lang:{name}").filter.langs == ("pl",)


@pytest.mark.parametrize(
    ("syntax", "after", "before"),
    [
        ("after:2023", date(2023, 1, 1), None),
        ("after:2023-09", date(2023, 9, 1), None),
        ("after:2023-09-13", date(2023, 9, 13), None),
        ("before:2023", None, date(2023, 1, 1)),
        ("before:2023-09-13", None, date(2023, 9, 13)),
        ("on:2023", date(2023, 1, 1), date(2024, 1, 1)),
        ("on:2023-12", date(2023, 12, 1), date(2024, 1, 1)),
        ("on:2024-02-29", date(2024, 2, 29), date(2024, 3, 1)),
        ("after:2022 before:2024 after:2023-05", date(2023, 5, 1), date(2024, 1, 1)),
    ],
)
def test_dates(syntax: str, after: date | None, before: date | None) -> None:
    assert parse(f"talks {syntax}").filter == Filter(after=after, before=before)


def test_negated_dates_and_unknown_values_are_not_filters() -> None:
    query = parse("talks -after:2023 -lang:klingon -http://example.org")
    assert query.excluded == query.filter == NO_FILTER
    assert query.excluded_phrases == ("after:2023", "lang:klingon", "http://example.org")


@pytest.mark.parametrize("question", ["", "   ", "-sport", "lang:pl", 'on:2023 -"world cup" ?', "-source:TASS"])
def test_nothing_to_rank_by(question: str) -> None:
    assert parse(question).text == ""


def test_the_extra_filter_stands_beside_the_written_one() -> None:
    extra = Filter(langs=("pl",), after=date(2023, 6, 1))
    query = parse("talks after:2023 source:PAP", extra)
    assert query.filter == Filter(sources=("PAP",), after=date(2023, 1, 1))
    assert query.also == extra


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert parse("a\ud800b").text == "a?b"


def test_many_opening_marks_cost_no_more_than_their_number() -> None:
    assert parse("„ " * 20_000).phrases == ()


@given(st.one_of(st.text(), SYNTAX))
def test_no_text_is_an_error_and_the_rest_holds_no_syntax(question: str) -> None:
    query = parse(question)
    query.text.encode("utf-8")
    again = parse(query.text)
    assert again == Query(raw=query.text, text=query.text)


@given(SYNTAX)
def test_syntax_means_the_same_inside_a_question(question: str) -> None:
    alone, inside = parse(question), parse(f"why {question} then")
    assert replace(inside, raw="", text="") == replace(alone, raw="", text="")


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("2023", (date(2023, 1, 1), date(2024, 1, 1))),
        ("2023-09", (date(2023, 9, 1), date(2023, 10, 1))),
        ("2023-12", (date(2023, 12, 1), date(2024, 1, 1))),
        ("2023-09-13", (date(2023, 9, 13), date(2023, 9, 14))),
        (" 2023-9-3 ", (date(2023, 9, 3), date(2023, 9, 4))),
        ("0001", (date(1, 1, 1), date(2, 1, 1))),
    ],
)
def test_date_bounds(text: str, bounds: tuple[date, date]) -> None:
    assert parse_date_bound(text) == bounds


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "23", "2023-13", "2023-02-29", "2023-00", "0000", "9999", "9999-12-31", "2023/09"],
)
def test_what_is_no_date_bound(text: str) -> None:
    assert parse_date_bound(text) is None


def test_language_codes_and_names_are_inverse() -> None:
    assert {code: language_code(language_name(code)) for code in language_names()} == {c: c for c in language_names()}
    assert language_code("xx") is None
    assert language_name("xx") == "xx"
    assert len(language_names()) == 184

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backissue.api.http import views, wording
from backissue.api.http.address import Address
from backissue.api.http.explained import Explained, explained
from backissue.api.http.timeline import timeline
from backissue.search.types import Answer, ArticleRef, FacetValue, Hit, PassageHit, Results

ASKED = Address(q="kim", page=4)


def results(**facets) -> Results:
    values = {name: tuple(FacetValue(*pair) for pair in pairs) for name, pairs in facets.items()}
    return Results("kim", 1.0, (), values, 9, False)


def months(*pairs):
    return timeline([FacetValue(*pair) for pair in pairs], ASKED)


def test_a_bar_for_each_month_leads_to_the_month():
    (year,) = months(("2023-09", 8), ("2023-12", 2))
    assert (year.label, year.count, len(year.bars)) == ("2023", 10, 12)
    assert year.url == "/?q=kim&after=2023-01-01&before=2024-01-01"
    september, december = year.bars[8], year.bars[11]
    assert (september.label, september.height) == ("September 2023: 8 articles", 100)
    assert september.url == "/?q=kim&after=2023-09-01&before=2023-10-01"
    assert (december.height, december.url) == (25, "/?q=kim&after=2023-12-01&before=2024-01-01")
    assert [bar.url for bar in year.bars if not bar.count] == [""] * 10


def test_a_small_month_beside_a_large_one_is_seen():
    (year,) = months(("2023-01", 10_000), ("2023-02", 1))
    assert year.bars[1].height == 4


def test_the_chosen_month_leads_out_again():
    chosen = ASKED.within(date(2023, 9, 1), date(2023, 10, 1))
    (year,) = timeline([FacetValue("2023-09", 1)], chosen)
    assert [bar.chosen for bar in year.bars].index(True) == 8
    assert year.bars[8].url == "/?q=kim"


def test_short_gaps_are_drawn_and_long_ones_left_out():
    assert [year.label for year in months(("2020-05", 1), ("2023-05", 1))] == ["2020", "2021", "2022", "2023"]
    years = months(("1987-02", 1), ("2025-12", 1))
    assert [(year.label, year.after_gap) for year in years] == [("1987", False), ("2025", True)]


def test_a_long_archive_is_drawn_by_years():
    decades = months(("1871-03", 1), *((f"{year}-06", 1) for year in range(1989, 2003)))
    assert [(decade.label, decade.after_gap) for decade in decades] == [
        ("1870s", False),
        ("1980s", True),
        ("1990s", False),
        ("2000s", False),
    ]
    decades = decades[1:]
    assert [bar.label for bar in decades[0].bars if bar.count] == ["1989: 1 article"]
    assert decades[1].url == "/?q=kim&after=1990-01-01&before=2000-01-01"


@pytest.mark.parametrize("value", ["", "2023", "2023-13", "2023-00", "0000-01", "soon"])
def test_what_is_no_month_is_left_out(value):
    assert months((value, 3)) == ()


@settings(deadline=None)
@given(st.lists(st.dates(), min_size=1, max_size=40))
def test_any_months_can_be_drawn_and_none_is_lost(days):
    counts = {f"{day:%Y-%m}" if day.year > 999 else f"{day.year:04}-{day.month:02}": 1 for day in days}
    groups = months(*counts.items())
    assert sum(bar.count for group in groups for bar in group.bars) == len(counts)
    assert sum(group.count for group in groups) == len(counts)


def test_chips_take_one_restriction_away_each():
    address = Address(q="kim", langs=("pl",), sources=("Echo",), after=date(2023, 9, 1), before=date(2023, 10, 1))
    assert [(chip.label, chip.url) for chip in views.chips(address)] == [
        ("Polish", "/?q=kim&source=Echo&after=2023-09-01&before=2023-10-01"),
        ("Echo", "/?q=kim&lang=pl&after=2023-09-01&before=2023-10-01"),
        ("September 2023", "/?q=kim&lang=pl&source=Echo"),
    ]


def test_facets_toggle():
    address = Address(q="kim", langs=("pl",))
    (facet,) = views.facets(results(lang=[("pl", 7), ("ko", 2)], source=[]), address)
    assert facet.heading == "Language"
    assert [(link.label, link.count, link.chosen, link.url) for link in facet.first] == [
        ("Polish", 7, True, "/?q=kim"),
        ("Korean", 2, False, "/?q=kim&lang=pl&lang=ko"),
    ]


def test_long_facets_fold():
    (facet,) = views.facets(results(source=[(f"Paper {n}", 1) for n in range(14)]), ASKED)
    assert (len(facet.first), len(facet.more)) == (10, 4)


def test_neighbours_of_a_month_and_of_a_year():
    january = ASKED.within(date(2024, 1, 1), date(2024, 2, 1))
    assert [link.label for link in views.neighbours(january) if link] == ["December 2023", "February 2024"]
    year = ASKED.within(date(2024, 1, 1), date(2025, 1, 1))
    assert [link.url for link in views.neighbours(year) if link] == [
        "/?q=kim&after=2023-01-01&before=2024-01-01",
        "/?q=kim&after=2025-01-01&before=2026-01-01",
    ]
    assert views.neighbours(ASKED.within(date(2024, 1, 5), date(2024, 2, 1))) == (None, None)
    assert views.neighbours(ASKED) == (None, None)


@settings(deadline=None)
@given(st.dates(), st.dates())
def test_neighbours_reach_no_further_than_the_calendar(after, before):
    views.neighbours(ASKED.within(after, before))
    views.neighbours(ASKED.within(after.replace(day=1), before.replace(day=1)))


def test_the_passage_of_the_answer_is_shown_first():
    first, second = PassageHit("aaaa", 0, 4, 0.9), PassageHit("bbbb", 4, 8, 0.8)
    hit = Hit(ArticleRef("1", "", "en"), 0.9, Answer("bb", 5, 7), (first, second))
    assert views.shown_passages(hit) == (second, first)


@pytest.mark.parametrize(
    ("after", "before", "words"),
    [
        (date(2023, 9, 13), date(2023, 9, 14), "13 September 2023"),
        (date(2023, 2, 1), date(2023, 3, 1), "February 2023"),
        (date(2023, 12, 1), date(2024, 1, 1), "December 2023"),
        (date(2023, 1, 1), date(2024, 1, 1), "2023"),
        (date(2021, 1, 1), date(2024, 1, 1), "2021 to 2023"),
        (date(2023, 9, 13), date(2023, 10, 1), "13 Sep 2023 to 30 Sep 2023"),
        (date(2023, 1, 1), None, "since 2023"),
        (None, date(2023, 9, 1), "before 1 Sep 2023"),
        (None, None, ""),
    ],
)
def test_periods_in_words(after, before, words):
    assert wording.period_words(after, before) == words


@pytest.mark.parametrize(
    ("published", "day", "time"),
    [
        ("2023-09-13", "13 September 2023", "13 September 2023"),
        ("2023-09-13T10:00:00+02:00", "13 September 2023", "13 September 2023, 10:00 UTC+02:00"),
        ("2023-09-13T10:00:00Z", "13 September 2023", "13 September 2023, 10:00 UTC"),
        ("2023-09-13T10:00", "13 September 2023", "13 September 2023, 10:00"),
        ("2022-03", "March 2022", "March 2022"),
        ("2022", "2022", "2022"),
        ("<b>soon</b>", "<b>soon</b>", "<b>soon</b>"),
    ],
)
def test_dates_are_as_precise_as_their_source(published, day, time):
    assert wording.published_day(published) == day
    assert wording.published_time(published) == time


@settings(deadline=None)
@given(st.text())
def test_any_date_can_be_shown(published):
    wording.published_time(published)


@pytest.mark.parametrize(
    ("score", "words", "percent"),
    [
        (1.0, "very likely answers", "99 %"),
        (0.75, "very likely answers", "75 %"),
        (0.6, "likely answers", "60 %"),
        (0.25, "may answer", "25 %"),
        (0.2461, "may answer", "25 %"),
        (0.244, "unlikely to answer", "24 %"),
        (0.0, "unlikely to answer", "1 %"),
    ],
)
def test_scores_in_words(score, words, percent):
    assert wording.certainty(score) == words
    assert wording.percent(score) == percent


def test_an_explanation_is_lines_under_names():
    shown = explained({"lexical": {"abstained": "cannot read ko"}, "semantic": {"rank": 2, "score": 0.63123}})
    assert shown == Explained(
        "pairs",
        parts=(
            ("lexical", Explained("line", line=(("abstained", "cannot read ko"),))),
            ("semantic", Explained("line", line=(("rank", "2"), ("score", "0.6312")))),
        ),
    )


def test_alike_parts_of_an_explanation_are_a_table():
    shown = explained({"dense_leg": {"rank": 1, "found": True}, "lexical": {"rank": None, "found": False}})
    assert shown == Explained(
        "table", columns=("rank", "found"), rows=(("dense leg", ("1", "yes")), ("lexical", ("—", "no")))
    )


def test_lists_in_an_explanation():
    assert explained([1, "a", 2.5]).words == "1, a, 2.5"
    assert explained([{"a": 1}, [2, 3]]).kind == "list"


nests = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(nests)
def test_any_nest_can_be_explained(value):
    assert explained(value).kind in {"text", "line", "pairs", "list", "table"}

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backissue.indexer.readers.dates import date_in_name, parse_date


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("2023-09-13", "2023-09-13"),
        ("20230913", "2023-09-13"),
        ("2023/09/13", "2023-09-13"),
        ("2023-9-3", "2023-09-03"),
        ("2023-09-13T10:00:00Z", "2023-09-13T10:00:00+00:00"),
        ("2023-09-13T10:00:00.123+02:00", "2023-09-13T10:00:00+02:00"),
        ("2023-09-13 10:00 +0200", "2023-09-13T10:00:00+02:00"),
        ("Wed, 13 Sep 2023 19:56:00 +0100", "2023-09-13T19:56:00+01:00"),
        ("26-FEB-1987 15:01:01.79", "1987-02-26"),
        ("13.09.2023", "2023-09-13"),
        ("13.09.2023, 15:01", "2023-09-13"),
        ("3.4.2023", "2023-04-03"),
        ("13/04/2023", "2023-04-13"),
        ("04/13/2023", "2023-04-13"),
        ("5/5/2023", "2023-05-05"),
        ("1694599999", "2023-09-13T10:13:19+00:00"),
        (1694599999, "2023-09-13T10:13:19+00:00"),
        (1694599999000, "2023-09-13T10:13:19+00:00"),
        ("13 września 2023", "2023-09-13"),
        ("środa, 13 września 2023 r.", "2023-09-13"),
        ("13 вересня 2023 р.", "2023-09-13"),
        ("13 сентября 2023", "2023-09-13"),
        ("13. März 2023", "2023-03-13"),
        ("1er août 2023", "2023-08-01"),
        ("13 de septiembre de 2023", "2023-09-13"),
        ("September 13th, 2023", "2023-09-13"),
        ("Sept. 13, 2023 10:00 AM", "2023-09-13"),
        ("2023년 9월 13일", "2023-09-13"),
        ("2023年9月13日", "2023-09-13"),
    ],
)
def test_dates_become_iso(written: object, iso: str) -> None:
    assert parse_date(written) == iso


@pytest.mark.parametrize(
    "unclear",
    [
        "03/04/2023",  # April in Paris, March in New York
        "13.13.2023",
        "31.02.2023",
        "1987",
        "2023-09",
        "yesterday",
        "",
        "nan",
        None,
        True,
        float("inf"),
        [2023, 9, 13],
        "9" * 400,
        "2023-09-13T25:00:00Z" * 9,
    ],
)
def test_what_names_no_certain_day_is_no_date(unclear: object) -> None:
    assert parse_date(unclear) is None


def test_a_time_without_a_zone_leaves_the_day() -> None:
    assert parse_date("2023-09-13T10:00:00") == "2023-09-13"


@pytest.mark.parametrize(
    ("name", "iso"),
    [
        ("2023-09-13-summit.txt", "2023-09-13"),
        ("pages/2023/09/13/4711.txt", "2023-09-13"),
        ("20230913_0001.txt", "2023-09-13"),
        ("4711_ab20230913cd.txt", None),
        ("19990000.txt", None),
        ("0a5f.txt", None),
    ],
)
def test_dates_in_file_names(name: str, iso: str | None) -> None:
    assert date_in_name(name) == iso


@given(st.one_of(st.text(max_size=90), st.integers(), st.floats(), st.binary()))
def test_nothing_raises(value: object) -> None:
    date = parse_date(value)
    assert date is None or parse_date(date) == date

"""Numbers, dates and scores in plain English, for people to read."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import date, timedelta

from backissue.search.query import parse_date_bound

_CERTAINTY = ((0.75, "very likely answers"), (0.5, "likely answers"), (0.25, "may answer"), (0.0, "unlikely to answer"))

_STEPS = {"rerank": "to reread the best passages", "answers": "to find the answers in them"}


def plural(count: int, one: str, many: str = "") -> str:
    """`1 article`, `2,400 articles`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def certainty(score: float) -> str:
    """A calibrated probability in words; they agree with the percentage that stands beside them."""
    return next(words for low, words in _CERTAINTY if round(score, 2) >= low or low == 0.0)


def is_doubtful(score: float) -> bool:
    """Whether a sentence is shown as the nearest there is rather than as the answer."""
    return round(score, 2) < _CERTAINTY[-2][0]


def percent(score: float) -> str:
    """A calibrated probability as a percentage; never the certainty that a model does not have."""
    return f"{min(99, max(1, round(100 * score)))} %"


def left_out(steps: Sequence[str]) -> str:
    """What a search had no time for: `There was no time to reread the best passages and to find the answers.`"""
    return f"There was no time {' and '.join(_STEPS[step] for step in steps)}."


def month_name(year: int, month: int) -> str:
    """`September 2023`."""
    return f"{calendar.month_name[month]} {year}"


def day_of(published: str | None) -> date | None:
    """The day of an ISO date or date-time in its own calendar; None where there is none."""
    try:
        return date.fromisoformat((published or "")[:10])
    except ValueError:
        return None


def long_date(day: date) -> str:
    """`13 September 2023`."""
    return f"{day.day} {month_name(day.year, day.month)}"


def short_date(day: date) -> str:
    """`13 Sep 2023`."""
    return f"{day.day} {calendar.month_abbr[day.month]} {day.year}"


def published_day(published: str) -> str:
    """The day of an ISO date or date-time, or its month or year where no more is known; other text as it is."""
    bounds = parse_date_bound(published[:10])
    if bounds is None:
        return published
    return period_words(*bounds)


def published_time(published: str) -> str:
    """As `published_day`, with the time and its zone where they are given."""
    time_of_day = published[11:16] if day_of(published) else ""
    return published_day(published) + (f", {time_of_day}{_zone(published[16:])}" if time_of_day else "")


def _zone(rest: str) -> str:
    if rest.endswith("Z"):
        return " UTC"
    sign = max(rest.rfind("+"), rest.rfind("-"))
    return f" UTC{rest[sign:]}" if sign >= 0 else ""


def period_words(after: date | None, before: date | None) -> str:
    """A period (`after` inclusive, `before` exclusive) as people say it: a day, a month, a year, or its ends."""
    if after and before:
        if before == after + timedelta(days=1):
            return long_date(after)
        if after.day == before.day == 1 and (before - after).days <= 31:
            return month_name(after.year, after.month)
        if _is_new_year(after) and _is_new_year(before):
            last = before.year - 1
            return str(after.year) if last == after.year else f"{after.year} to {last}"
        return f"{short_date(after)} to {short_date(before - timedelta(days=1))}"
    if after:
        return f"since {after.year if _is_new_year(after) else short_date(after)}"
    if before:
        return f"before {before.year if _is_new_year(before) else short_date(before)}"
    return ""


def _is_new_year(day: date) -> bool:
    return (day.month, day.day) == (1, 1)


def label(name: str) -> str:
    """A key of an explanation as words: `dense_rank` is `dense rank`."""
    return name.replace("_", " ").strip() or name


def value_words(value: object) -> str:
    """A value of an explanation: numbers to four significant figures, yes and no, a dash for nothing."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)

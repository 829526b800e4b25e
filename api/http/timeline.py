"""The months of a result set as bars: each one a link that narrows the search to its month."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from backissue.api.http.address import Address
from backissue.api.http.wording import month_name, plural
from backissue.search.types import FacetValue

MAX_YEARS_BY_MONTH = 10
"""Up to here a bar is a month (120 bars fill a desktop's width at 10 px each); beyond it a bar is a year."""
BAR_HEIGHT = 100
LEAST_HEIGHT = 4
"""Of 100: a single article beside a peak of thousands can still be seen."""
MAX_EMPTY_YEARS = 2

_MONTH = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True, slots=True)
class Bar:
    """One month, or one year of a long archive; `height` is 0 to 100, `url` is empty where nothing was found."""

    label: str
    count: int
    height: int
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The bars of one year, or of one decade of a long archive; `after_gap` when empty ones before it are left out."""

    label: str
    url: str
    count: int
    bars: tuple[Bar, ...]
    chosen: bool
    after_gap: bool


def timeline(months: Iterable[FacetValue], address: Address) -> tuple[Group, ...]:
    """The counts of months (`2023-09`) as groups of bars in the order of time; what is no month is left out."""
    counts = {
        (int(found[1]), int(found[2])): month.count
        for month in months
        if (found := _MONTH.fullmatch(month.value)) and 1 <= int(found[2]) <= 12 and int(found[1]) and month.count > 0
    }
    years = sorted({year for year, _ in counts})
    if not years:
        return ()
    by_month = len(years) <= MAX_YEARS_BY_MONTH
    return tuple(_years(counts, years, address) if by_month else _decades(counts, years, address))


def _years(counts: dict[tuple[int, int], int], years: list[int], address: Address) -> Iterator[Group]:
    peak = max(counts.values())
    shown = _without_gaps(years)
    for position, year in enumerate(shown):
        bars = tuple(
            _bar(month_name(year, month), counts.get((year, month), 0), peak, address, *month_bounds(year, month))
            for month in range(1, 13)
        )
        after_gap = position > 0 and year - shown[position - 1] > 1
        yield _group(str(year), bars, address, date(year, 1, 1), _first_of(year + 1), after_gap)


def _decades(counts: dict[tuple[int, int], int], years: list[int], address: Address) -> Iterator[Group]:
    totals = dict.fromkeys(years, 0)
    for (year, _), count in counts.items():
        totals[year] += count
    peak = max(totals.values())
    shown = sorted({year // 10 * 10 for year in years})
    for position, first in enumerate(shown):
        bars = tuple(
            _bar(str(year), totals.get(year, 0), peak, address, date(year, 1, 1), _first_of(year + 1))
            for year in range(max(first, 1), first + 10)
        )
        after_gap = position > 0 and first - shown[position - 1] > 10
        yield _group(f"{first}s", bars, address, date(max(first, 1), 1, 1), _first_of(first + 10), after_gap)


def _bar(label: str, count: int, peak: int, address: Address, start: date, end: date | None) -> Bar:
    chosen = (address.after, address.before) == (start, end)
    target = address.within(None, None) if chosen else address.within(start, end)
    height = max(LEAST_HEIGHT, round(BAR_HEIGHT * count / peak)) if count else 0
    return Bar(f"{label}: {plural(count, 'article')}", count, height, target.url if count else "", chosen)


def _group(
    label: str, bars: tuple[Bar, ...], address: Address, start: date, end: date | None, after_gap: bool
) -> Group:
    chosen = (address.after, address.before) == (start, end)
    target = address.within(None, None) if chosen else address.within(start, end)
    return Group(label, target.url, sum(bar.count for bar in bars), bars, chosen, after_gap)


def _without_gaps(years: list[int]) -> list[int]:
    """All years from the first to the last, without runs of more than `MAX_EMPTY_YEARS` empty ones."""
    shown = years[:1]
    for year in years[1:]:
        empty = range(shown[-1] + 1, year)
        shown += [*empty, year] if len(empty) <= MAX_EMPTY_YEARS else [year]
    return shown


def month_bounds(year: int, month: int) -> tuple[date, date | None]:
    """The first day of a month and of the next one; None after the last month there is."""
    return date(year, month, 1), date(year, month + 1, 1) if month < 12 else _first_of(year + 1)


def _first_of(year: int) -> date | None:
    return date(year, 1, 1) if year <= date.max.year else None

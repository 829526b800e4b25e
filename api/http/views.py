"""What templates show of results: chips, facets, bars and passages, each with the address it leads to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from backissue.api.http.address import Address, Narrowing
from backissue.api.http.timeline import Group, month_bounds, timeline
from backissue.api.http.wording import month_name, period_words
from backissue.search.iso639 import language_name
from backissue.search.types import FacetValue, Hit, PassageHit, Results

FACETS: tuple[tuple[str, Narrowing, str], ...] = (
    ("lang", "langs", "Language"),
    ("source", "sources", "Source"),
    ("section", "sections", "Section"),
)
"""Key in `Results.facets`, field of the filter, heading."""
MAX_VALUES_OPEN = 10
"""Values of a facet that are shown at once; the others wait behind "more"."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link in the page: what it says and where it leads."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class FacetLink:
    """A value of a facet; following it narrows the search to the value, or widens it again when `chosen`."""

    label: str
    count: int
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet: the values that are shown at once, and the rest."""

    heading: str
    first: tuple[FacetLink, ...]
    more: tuple[FacetLink, ...]


def chips(address: Address) -> tuple[Link, ...]:
    """What narrows the search now; each link takes one restriction away."""
    found = [Link(language_name(lang), address.toggle("langs", lang).url) for lang in address.langs]
    found += [Link(source, address.toggle("sources", source).url) for source in address.sources]
    found += [Link(section, address.toggle("sections", section).url) for section in address.sections]
    if address.after or address.before:
        found.append(Link(period_words(address.after, address.before), address.within(None, None).url))
    return tuple(found)


def facets(results: Results, address: Address) -> tuple[Facet, ...]:
    """The facets that can still narrow the results or that do so now."""
    found = (
        _facet(heading, field, results.facets.get(name, ()), address, language_name if name == "lang" else str)
        for name, field, heading in FACETS
    )
    return tuple(facet for facet in found if facet.first)


def _facet(
    heading: str, field: Narrowing, values: Sequence[FacetValue], address: Address, name: Callable[[str], str]
) -> Facet:
    links = tuple(
        FacetLink(
            name(value.value), value.count, address.toggle(field, value.value).url, address.has(field, value.value)
        )
        for value in values
        if value.value
    )
    return Facet(heading, links[:MAX_VALUES_OPEN], links[MAX_VALUES_OPEN:])


def months(results: Results, address: Address) -> tuple[Group, ...]:
    """The timeline of the results."""
    return timeline(results.facets.get("month", ()), address)


def neighbours(address: Address) -> tuple[Link | None, Link | None]:
    """The month before and the month after, where the search is narrowed to one month; likewise for a year."""
    after, before = address.after, address.before
    if not after or not before:
        return None, None
    if (after, before) == month_bounds(after.year, after.month):
        earlier = _month(after.year - (after.month == 1), after.month - 1 or 12, address)
        return earlier, _month(before.year, before.month, address)
    if (after.month, after.day, before) == (1, 1, _new_year(after.year + 1)):
        return _year(after.year - 1, address), _year(before.year, address)
    return None, None


def _month(year: int, month: int, address: Address) -> Link | None:
    if not date.min.year <= year < date.max.year:
        return None
    return Link(month_name(year, month), address.within(*month_bounds(year, month)).url)


def _year(year: int, address: Address) -> Link | None:
    if not date.min.year <= year < date.max.year:
        return None
    return Link(str(year), address.within(_new_year(year), _new_year(year + 1)).url)


def _new_year(year: int) -> date | None:
    return date(year, 1, 1) if date.min.year <= year <= date.max.year else None


def shown_passages(hit: Hit) -> tuple[PassageHit, ...]:
    """The passages of a hit, the one that holds the answer first."""
    answer = hit.answer
    if answer is None:
        return hit.passages
    return tuple(sorted(hit.passages, key=lambda passage: not passage.start <= answer.start < passage.end))

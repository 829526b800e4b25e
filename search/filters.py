"""Filters: from what was typed to codes, days and passages, and from those to a mask over the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backissue.search.columns import Codes, Columns
from backissue.search.types import Filter, Query

CODED_FIELDS = ("lang", "source", "section", "author")

Names = Mapping[str, Mapping[int, str]]
"""For each coded field its values by their codes."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Restriction:
    """A filter in the terms of one archive.

    `codes` are the values that a field may have (an empty set lets nothing pass), `excluded_codes` those that
    it may not have. Days are ordinals, the last one exclusive. `phrases` are exact words that a passage or its
    title must hold in a row; `titles` are words that the title must hold, and no passage of the article may
    hold an excluded word or phrase.
    """

    codes: Mapping[str, frozenset[int]] = field(default_factory=dict)
    excluded_codes: Mapping[str, frozenset[int]] = field(default_factory=dict)
    first_day: int | None = None
    end_day: int | None = None
    phrases: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    excluded_words: tuple[str, ...] = ()
    excluded_phrases: tuple[str, ...] = ()
    excluded_titles: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != NO_RESTRICTION

    @property
    def needs_text(self) -> bool:
        """Whether the mask needs the lexical index, not the columns alone."""
        return bool(self.phrases or self.titles or self.excluded_words or self.excluded_phrases or self.excluded_titles)


NO_RESTRICTION = Restriction()


def resolve(query: Query, names: Names, fold: Callable[[str], str]) -> Restriction:
    """The query's filters, written and typed, in the codes of an archive; `fold` makes spellings of a name equal."""
    both = (query.filter, query.also)
    return Restriction(
        codes=_in_both(*(_codes(one, names, fold) for one in both)),
        excluded_codes=_codes(query.excluded, names, fold),
        first_day=max((one.after.toordinal() for one in both if one.after), default=None),
        end_day=min((one.before.toordinal() for one in both if one.before), default=None),
        phrases=query.phrases,
        titles=query.filter.titles + query.also.titles,
        excluded_words=query.excluded_words,
        excluded_phrases=query.excluded_phrases,
        excluded_titles=query.excluded.titles,
    )


def _in_both(left: Mapping[str, frozenset[int]], right: Mapping[str, frozenset[int]]) -> dict[str, frozenset[int]]:
    return {
        name: left[name] & right[name] if name in left and name in right else {**left, **right}[name]
        for name in (*left, *right)
    }


def _codes(wanted: Filter, names: Names, fold: Callable[[str], str]) -> dict[str, frozenset[int]]:
    values = {"lang": wanted.langs, "source": wanted.sources, "section": wanted.sections, "author": wanted.authors}
    return {
        name: frozenset(_matching(given, names.get(name, {}), fold, by_words=name == "author"))
        for name, given in values.items()
        if given
    }


def _matching(
    given: Iterable[str], values: Mapping[int, str], fold: Callable[[str], str], *, by_words: bool
) -> Iterable[int]:
    wanted = [folded for value in given if (folded := fold(value))]
    for code, value in values.items():
        folded = fold(value)
        if by_words:
            words = set(folded.split())
            if any(one and words.issuperset(one.split()) for one in wanted):
                yield code
        elif folded in wanted:
            yield code


def column_mask(columns: Columns, restriction: Restriction) -> Mask:
    """Which passages satisfy the codes and days of a restriction: shape (passages,)."""
    mask = np.ones(len(columns), dtype=np.bool_)
    for name, codes in restriction.codes.items():
        mask &= _is_in(getattr(columns, name), codes)
    for name, codes in restriction.excluded_codes.items():
        mask &= ~_is_in(getattr(columns, name), codes)
    if restriction.first_day is not None:
        mask &= columns.day >= restriction.first_day
    if restriction.end_day is not None:
        mask &= (columns.day < restriction.end_day) & (columns.day > 0)
    return mask


def _is_in(values: Codes, codes: frozenset[int]) -> Mask:
    if len(codes) == 1:
        return np.equal(values, next(iter(codes)))
    return np.isin(values, list(codes))


def in_articles(columns: Columns, positions: NDArray[np.int64]) -> Mask:
    """Which passages belong to an article that has a passage at one of the positions."""
    return np.isin(columns.article, np.unique(columns.article[positions]))

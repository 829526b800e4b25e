"""From candidate passages to articles: collapsed, scored, ordered and counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from backissue.search.calibration import Judgement, probabilities
from backissue.search.columns import Columns
from backissue.search.filters import Mask
from backissue.search.snapshot import Snapshot, first_of_each
from backissue.search.types import FacetValue, Sort

FACETS = ("lang", "source", "section", "month")
_FACET_VALUES = 50

DATED_LOG_ODDS = 1.5
"""By date, articles whose log-odds are within this of the best one's: more than a fifth of its odds."""


@dataclass(slots=True)
class Judged:
    """A candidate passage with its judgement: `index` is its place among the candidates."""

    index: int
    position: int
    judgement: Judgement
    read: bool


@dataclass(slots=True)
class Group:
    """An article among the candidates with its passages and the copies of it that were found, best first."""

    article: int
    passages: list[Judged]
    score: float = 0.0
    copies: list[int] = field(default_factory=list)

    @property
    def best(self) -> Judged:
        """Its best passage."""
        return self.passages[0]


def collapse(columns: Columns, judged: Sequence[Judged]) -> list[Group]:
    """Passages to articles, and articles to families of copies: of each family the best article stays."""
    by_family: dict[int, Group] = {}
    positions = np.array([one.position for one in judged], dtype=np.int64)
    articles, families = columns.article[positions].tolist(), columns.family[positions].tolist()
    for one, article, family in zip(judged, articles, families, strict=True):
        group = by_family.setdefault(family, Group(article, []))
        if article == group.article:
            group.passages.append(one)
        elif article not in group.copies:
            group.copies.append(article)
    return list(by_family.values())


def browse(columns: Columns, mask: Mask | None) -> NDArray[np.int64]:
    """A position of each article that passes, one of each family, the newest first."""
    passing = np.arange(len(columns)) if mask is None else np.flatnonzero(mask)
    dated = passing[np.argsort(-columns.published_s[passing].astype(np.float64), kind="stable")]
    return dated[first_of_each(columns.family[dated], 1)]


def listed(columns: Columns, position: int) -> Group:
    """The article at a position as a hit of no question: unjudged."""
    return Group(int(columns.article[position]), [Judged(0, position, Judgement(-math.inf, {}), read=False)])


def score(groups: Sequence[Group], snapshot: Snapshot, recency_days: float | None) -> None:
    """Gives each article the score of its best passage, halved for every `recency_days` of age."""
    of_best = probabilities([group.passages[0].judgement.log_odds for group in groups])
    for group, probability in zip(groups, of_best, strict=True):
        group.score = probability
        if recency_days and snapshot.newest_day:
            day = int(snapshot.columns.day[group.passages[0].position])
            group.score *= 0.5 ** ((snapshot.newest_day - day) / recency_days) if day > 0 else 0.0


def order(groups: Sequence[Group], columns: Columns, sort: Sort) -> list[Group]:
    """Articles by score, or the newest first; equal ones keep the order they had.

    By date only those stand that answer about as likely as the best: the rest of what the legs found would be noise.
    """
    if sort is Sort.RELEVANCE:
        return sorted(groups, key=lambda group: -group.score)
    limit = max((group.best.judgement.log_odds for group in groups), default=0.0) - DATED_LOG_ODDS
    likely = [group for group in groups if group.best.judgement.log_odds >= limit]
    return sorted(likely, key=lambda group: -int(columns.published_s[group.best.position]))


def facets(snapshot: Snapshot, positions: NDArray[np.int64]) -> dict[str, tuple[FacetValue, ...]]:
    """How many articles, each given by the position of a passage, have each language, source, section and month."""
    counted = {}
    for name in FACETS[:3]:
        codes, counts = np.unique(getattr(snapshot.columns, name)[positions], return_counts=True)
        values = {
            snapshot.names[name][int(code)]: int(n)
            for code, n in zip(codes, counts, strict=True)
            if int(code) in snapshot.names[name]
        }
        counted[name] = _most(values)
    days, counts = np.unique(snapshot.columns.day[positions], return_counts=True)
    months: dict[str, int] = {}
    for day, n in zip(days, counts, strict=True):
        if day > 0:
            month = date.fromordinal(int(day)).isoformat()[:7]
            months[month] = months.get(month, 0) + int(n)
    counted["month"] = tuple(FacetValue(month, months[month]) for month in sorted(months))
    return counted


def _most(values: Mapping[str, int]) -> tuple[FacetValue, ...]:
    ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))[:_FACET_VALUES]
    return tuple(FacetValue(value, count) for value, count in ranked)

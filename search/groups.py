"""From candidate passages to articles: collapsed, scored, ordered and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from backissue.search.calibration import Judgement
from backissue.search.columns import Columns
from backissue.search.fusion import Candidates
from backissue.search.snapshot import Snapshot
from backissue.search.types import FacetValue, Sort

FACETS = ("lang", "source", "section", "month")
_FACET_VALUES = 50


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate passage with its judgement: `index` is its place among the candidates."""

    index: int
    position: int
    judgement: Judgement
    read: bool


@dataclass(slots=True)
class Group:
    """An article among the candidates, its passages best first."""

    article: int
    family: int
    passages: list[Judged]
    score: float = 0.0
    copies: list[int] = field(default_factory=list)


def collapse(columns: Columns, candidates: Candidates, judged: Sequence[Judged]) -> list[Group]:
    """Passages to articles, and articles to families of copies: of each family the best article stays."""
    if not judged:
        judged = [
            Judged(i, int(position), Judgement(0.0, {}), read=False) for i, position in enumerate(candidates.positions)
        ]
    by_family: dict[int, Group] = {}
    by_article: dict[int, Group] = {}
    for one in judged:
        article, family = int(columns.article[one.position]), int(columns.family[one.position])
        known = by_article.get(article)
        if known is not None:
            known.passages.append(one)
        elif family in by_family:
            by_family[family].copies.append(article)
            by_article[article] = Group(article, family, [])
        else:
            by_family[family] = by_article[article] = Group(article, family, [one])
    return list(by_family.values())


def score(groups: Sequence[Group], columns: Columns, recency_days: float | None) -> None:
    """Gives each article the score of its best passage, halved for every `recency_days` of age."""
    newest = int(columns.day.max()) if recency_days and len(columns) else 0
    for group in groups:
        best = group.passages[0]
        group.score = best.judgement.probability
        if recency_days:
            day = int(columns.day[best.position])
            age_days = newest - day if day > 0 else newest
            group.score *= 0.5 ** (age_days / recency_days)


def order(groups: Sequence[Group], columns: Columns, sort: Sort) -> list[Group]:
    """Articles by score, or the newest first; equal ones keep the order they had."""
    if sort is Sort.DATE:
        return sorted(groups, key=lambda group: -int(columns.published_s[group.passages[0].position]))
    return sorted(groups, key=lambda group: -group.score)


def facets(snapshot: Snapshot, firsts: Sequence[int]) -> dict[str, tuple[FacetValue, ...]]:
    """How many articles, each given by the position of one passage, have each language, source, section and month."""
    positions = np.array(firsts, dtype=np.int64)
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

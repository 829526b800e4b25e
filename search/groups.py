"""From candidate passages to articles: collapsed, scored, ordered and counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from backissue.search.calibration import Judgement, Scores, probabilities
from backissue.search.columns import Columns
from backissue.search.filters import Mask
from backissue.search.snapshot import Snapshot, first_of_each
from backissue.search.types import FacetValue, Sort

FACETS = ("lang", "source", "section", "month")
_FACET_VALUES = 50
_DAY_OF_1970 = date(1970, 1, 1).toordinal()

DATED_LOG_ODDS = 1.5
"""By date, articles whose log-odds are within this of the best one's: more than a fifth of its odds."""


@dataclass(frozen=True, slots=True)
class Judgements:
    """The candidates as they were judged, best first: arrays (n,).

    `index` is the place of each among the candidates, `log_odds` what it was judged by. `read` are the judgements of
    the first ones, which the reranker has read.
    """

    index: NDArray[np.int64]
    positions: NDArray[np.int64]
    log_odds: Scores
    read: Sequence[Judgement]

    def __len__(self) -> int:
        return len(self.index)


@dataclass(frozen=True, slots=True)
class Families:
    """The best article of each family of copies among the candidates, in the order of hits: arrays (m,).

    `best` is where in `judged` its best passage stands, `score` what it is worth.
    """

    judged: Judgements
    best: NDArray[np.int64]
    score: Scores

    @property
    def positions(self) -> NDArray[np.int64]:
        """The positions (m,) of their best passages."""
        return self.judged.positions[self.best]

    @property
    def log_odds(self) -> Scores:
        """Those of their best passages: (m,)."""
        return self.judged.log_odds[self.best]


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate passage with its judgement: `index` is its place among the candidates."""

    index: int
    position: int
    judgement: Judgement
    read: bool


@dataclass(frozen=True, slots=True)
class Group:
    """An article of the page with its passages and the copies of it that were found, best first."""

    article: int
    passages: Sequence[Judged]
    score: float = 0.0
    copies: Sequence[int] = ()


def collapse(columns: Columns, judged: Judgements) -> Families:
    """Passages to articles, and articles to families of copies: of each family the best article stays."""
    best = np.flatnonzero(first_of_each(columns.family[judged.positions], 1))
    return Families(judged, best, probabilities(judged.log_odds[best]))


def browse(columns: Columns, mask: Mask | None) -> NDArray[np.int64]:
    """A position of each article that passes, one of each family, the newest first."""
    passing = np.arange(len(columns)) if mask is None else np.flatnonzero(mask)
    dated = passing[np.argsort(-columns.published_s[passing].astype(np.float64), kind="stable")]
    return dated[first_of_each(columns.family[dated], 1)]


def listed(columns: Columns, position: int) -> Group:
    """The article at a position as a hit of no question: unjudged."""
    return Group(int(columns.article[position]), [Judged(0, position, Judgement(-math.inf, {}), read=False)])


def decay(families: Families, snapshot: Snapshot, recency_days: float | None) -> Families:
    """Halves each score for every `recency_days` of age; what has no date is worth nothing then."""
    if not recency_days or not snapshot.newest_day:
        return families
    day = snapshot.columns.day[families.positions].astype(np.float64)
    with np.errstate(over="ignore"):  # What is older than any number of such times is worth nothing.
        halvings = (snapshot.newest_day - day) / recency_days
    return replace(families, score=np.where(day > 0, families.score * 0.5**halvings, 0.0))


def order(families: Families, columns: Columns, sort: Sort) -> Families:
    """Articles by score, or the newest first; equal ones keep the order they had.

    By date only those stand that answer about as likely as the best: the rest of what the legs found would be noise.
    """
    if sort is Sort.RELEVANCE:
        places = np.argsort(-families.score, kind="stable")
    else:
        likely = np.flatnonzero(families.log_odds >= families.log_odds.max(initial=-math.inf) - DATED_LOG_ODDS)
        published = columns.published_s[families.positions[likely]].astype(np.float64)
        places = likely[np.argsort(-published, kind="stable")]
    return replace(families, best=families.best[places], score=families.score[places])


def page_of(families: Families, columns: Columns, page: slice) -> list[Group]:
    """Some of the articles, each with its passages and the copies that were found."""
    judged, best = families.judged, families.best[page]
    articles, by_place = columns.article[judged.positions].tolist(), columns.family[judged.positions].tolist()
    members: dict[int, list[int]] = {by_place[place]: [] for place in best.tolist()}
    for place in [place for place, family in enumerate(by_place) if family in members]:
        members[by_place[place]].append(place)
    groups = []
    for places, score in zip(members.values(), families.score[page].tolist(), strict=True):
        article = articles[places[0]]
        own = [_judged(judged, place) for place in places if articles[place] == article]
        copies = list(dict.fromkeys(articles[place] for place in places if articles[place] != article))
        groups.append(Group(article, own, score, copies))
    return groups


def _judged(judged: Judgements, place: int) -> Judged:
    read = place < len(judged.read)
    judgement = judged.read[place] if read else Judgement(float(judged.log_odds[place]), {})
    return Judged(int(judged.index[place]), int(judged.positions[place]), judgement, read)


def facets(snapshot: Snapshot, positions: NDArray[np.int64]) -> dict[str, tuple[FacetValue, ...]]:
    """How many articles, each given by the position of a passage, have each language, source, section and month."""
    counted = {}
    for name in FACETS[:3]:
        codes, counts = np.unique(getattr(snapshot.columns, name)[positions], return_counts=True)
        values = snapshot.names[name]
        found = zip(codes.tolist(), counts.tolist(), strict=True)
        counted[name] = _most({values[code]: n for code, n in found if code in values})
    days = snapshot.columns.day[positions]
    dates = (days[days > 0].astype(np.int64) - _DAY_OF_1970).astype("datetime64[D]")
    months, counts = np.unique(dates.astype("datetime64[M]"), return_counts=True)
    counted["month"] = tuple(map(FacetValue, months.astype(str).tolist(), counts.tolist()))
    return counted


def _most(values: Mapping[str, int]) -> tuple[FacetValue, ...]:
    ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))[:_FACET_VALUES]
    return tuple(FacetValue(value, count) for value, count in ranked)

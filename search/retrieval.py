"""Retrieval: what each leg finds under the same filter, and the candidates that come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backissue.search.calibration import Calibration
from backissue.search.filters import Mask, Restriction
from backissue.search.fusion import Candidates, fuse
from backissue.search.lexical import TITLE_WEIGHT, TermTable
from backissue.search.question import Question
from backissue.search.snapshot import Found, Snapshot
from backissue.search.types import UNKNOWN_LANG, Mode

LEG_DEPTH = 200
"""How many passages each leg gives. Fixed, so that every page of a question is cut from the same candidates."""

CANDIDATE_LOG_ODDS = 7.0
"""How far below the best one's a candidate's log-odds may lie, an 1,100th of its odds: every leg always finds its
number of passages, whatever they are worth. Totals, facets and the timeline count what is left."""

_NOTHING = (np.zeros(0, dtype=np.int64), np.zeros(0))


@dataclass(frozen=True, slots=True)
class Legs:
    """What each leg found: positions and scores, best first; and why a leg was silent."""

    lexical: Found
    semantic: Found
    abstained: Mapping[str, str]


SILENT = Legs(_NOTHING, _NOTHING, {})


def retrieve(
    snapshot: Snapshot, question: Question, table: TermTable, mode: Mode, restriction: Restriction, mask: Mask | None
) -> Legs:
    """Asks each leg that the mode allows for its best passages under the same filter."""
    abstained: dict[str, str] = {}
    lexical = semantic = _NOTHING
    if mode is Mode.SEMANTIC:
        abstained["lexical"] = "the mode is semantic"
    elif not question.terms:
        abstained["lexical"] = "the question has no words to look for, only stop words"
    else:
        lexical = snapshot.search_lexical(table, LEG_DEPTH, restriction, mask)
    if mode is Mode.LEXICAL:
        abstained["semantic"] = "the mode is lexical"
    elif question.vector is None or not question.vector.any():
        abstained["semantic"] = "the model knows no word of the question"
    else:
        semantic = snapshot.search_dense(question.vector, LEG_DEPTH, mask)
    return Legs(lexical, semantic, abstained)


def gather(
    snapshot: Snapshot, question: Question, table: TermTable, legs: Legs, mode: Mode, *, keep_all: bool = False
) -> Candidates:
    """The passages that any leg found, with the scores of both, fused, best first; the unlikely ones left out."""
    found = len(legs.lexical[0])
    positions, places = np.unique(np.concatenate([legs.lexical[0], legs.semantic[0]]), return_inverse=True)
    lexical, lexical_rank = _spread(len(positions), places[:found], legs.lexical[1])
    semantic, semantic_rank = _spread(len(positions), places[found:], legs.semantic[1])
    if "lexical" not in legs.abstained:
        unseen = lexical_rank == 0
        lexical[unseen] = snapshot.lexical_scores(table, positions[unseen])
    if "semantic" not in legs.abstained and question.vector is not None:
        unseen = semantic_rank == 0
        semantic[unseen] = snapshot.cosines(question.vector, positions[unseen])
    readable = _by_lang(snapshot, positions, question.reads) > 0
    words = _words(limits_of(snapshot, table, positions), lexical)
    fused = fuse(words, semantic, readable, Calibration.bundled().fusion[mode])
    best = np.argsort(-fused, kind="stable")  # of equal ones the first row
    if mode is Mode.HYBRID and not keep_all:
        best = best[fused[best] >= fused.max(initial=-np.inf) - CANDIDATE_LOG_ODDS]
    return Candidates(
        positions=positions[best],
        lexical=lexical[best],
        words=words[best],
        semantic=semantic[best],
        lexical_rank=lexical_rank[best],
        semantic_rank=semantic_rank[best],
        readable=readable[best],
        fused=fused[best],
    )


def _spread(
    n: int, places: NDArray[np.int64], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A leg's scores and ranks, counted from 1, at the places of what it found: (n,), NaN and 0 elsewhere."""
    spread = np.full(n, np.nan)
    ranks = np.zeros(n, dtype=np.int64)
    spread[places] = scores
    ranks[places] = np.arange(1, len(places) + 1)
    return spread, ranks


def _words(limits: NDArray[np.float64], lexical: NDArray[np.float64]) -> NDArray[np.float64]:
    """BM25 sums as parts of the highest that the question could reach in each passage's language."""
    return np.minimum(np.divide(lexical, limits * (1 + TITLE_WEIGHT), out=lexical * 0.0, where=limits > 0), 1.0)


def limits_of(snapshot: Snapshot, table: TermTable, positions: NDArray[np.int64]) -> NDArray[np.float64]:
    """What all words of the question count together, at most, in the language of each of n passages: (n,)."""
    return _by_lang(snapshot, positions, lambda lang: table.limits.get(lang, 0.0))


def _by_lang(snapshot: Snapshot, positions: NDArray[np.int64], value: Callable[[str], float]) -> NDArray[np.float64]:
    """Of n passages what `value` gives of their languages, (n,)."""
    names, codes = snapshot.names["lang"], snapshot.columns.lang[positions]
    values = np.zeros(len(codes))
    for code in {*codes.tolist()}:
        values[codes == code] = value(names.get(code, UNKNOWN_LANG))
    return values

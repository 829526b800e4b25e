"""Fusion: one score from the two legs, by relative scores, with a say for the lexical leg only where it can read.

Equal votes of both legs lose across languages: BM25 ranks by the few names it recognises. So what the lexical leg
counts depends on the pair of question and passage language. Where the passage's language is the question's, the
fused score is a weighted mean; elsewhere a shared name can only add to the cosine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEXICAL_WEIGHT = 0.5
"""The lexical leg's part where it reads the passage's language."""

SHARED_NAMES_WEIGHT = 0.2
"""What a passage in another language gains, at most, by names it shares with the question."""

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Passages that a leg found, by position; arrays of one length.

    `lexical` is the BM25 sum (0 where nothing matched), `semantic` the cosine (NaN where the leg was off). The
    ranks count from 1; 0 says that the leg did not find the passage. `readable` says whether the question's
    words can be met in the passage's language.
    """

    positions: NDArray[np.int64]
    lexical: Scores
    semantic: Scores
    lexical_rank: NDArray[np.int64]
    semantic_rank: NDArray[np.int64]
    readable: NDArray[np.bool_]
    fused: Scores

    def __len__(self) -> int:
        return len(self.positions)


def relative(scores: Scores) -> Scores:
    """Scores moved to 0 … 1 by their minimum and maximum; all 1 where these are equal."""
    if not len(scores):
        return scores
    low, high = float(scores.min()), float(scores.max())
    return np.ones_like(scores) if high - low < 1e-12 else (scores - low) / (high - low)


def fuse(lexical: Scores, semantic: Scores, readable: NDArray[np.bool_]) -> Scores:
    """The fused score of each candidate from both legs' scores: shape (n,) each.

    A leg that is off gives NaN throughout, and the other one decides alone.
    """
    if not len(lexical):
        return lexical
    best_lexical = float(np.nanmax(lexical)) if not np.isnan(lexical).all() else 0.0
    words = lexical / best_lexical if best_lexical > 0 else np.zeros_like(lexical)
    if np.isnan(semantic).all():
        return words
    meaning = relative(semantic)
    if np.isnan(lexical).all():
        return meaning
    mean = LEXICAL_WEIGHT * words + (1 - LEXICAL_WEIGHT) * meaning
    return np.where(readable, mean, meaning + SHARED_NAMES_WEIGHT * words)

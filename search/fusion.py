"""Fusion: one score from the two legs, with a say for the lexical leg only where it can read.

The fused score is a convex combination of scores that were normalised by their theoretical limits, not by what a
question happened to find, which Bruch, Gai & Ingber (2023) found to beat reciprocal ranks and to need few examples to
learn. Equal votes of both legs lose across languages, where BM25 ranks by the few words that it recognises; so
passages that the question's words can be met in, and passages in other languages, have weights of their own. The score
is the log-odds that the passage answers, so fused scores of different questions and languages can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backissue.search.calibration import LogisticModel, Scores


@dataclass(frozen=True, slots=True)
class Candidates:
    """Passages that a leg found, by position; arrays of one length.

    `lexical` is the BM25 sum and `words` the same as a part of the highest that the question could reach in the
    passage's language (0 where nothing matched); `semantic` is the cosine. The score of a leg that was off is NaN.
    The ranks count from 1; 0 says that the leg did not find the passage. `readable` says whether the question's
    words can be met in the passage's language. `fused` are the log-odds of fusion.
    """

    positions: NDArray[np.int64]
    lexical: Scores
    words: Scores
    semantic: Scores
    lexical_rank: NDArray[np.int64]
    semantic_rank: NDArray[np.int64]
    readable: NDArray[np.bool_]
    fused: Scores

    def __len__(self) -> int:
        return len(self.positions)


_NOTHING = np.zeros(0)
NO_CANDIDATES = Candidates(
    _NOTHING.astype(np.int64),
    _NOTHING,
    _NOTHING,
    _NOTHING,
    _NOTHING.astype(np.int64),
    _NOTHING.astype(np.int64),
    _NOTHING.astype(np.bool_),
    _NOTHING,
)


def fusion_features(words: Scores, semantic: Scores, readable: NDArray[np.bool_]) -> dict[str, Scores]:
    """The features of n candidates, (n,) each, for passages in reach of the question's words and for foreign ones."""
    near = readable.astype(np.float64)
    words, cosine = (np.where(np.isnan(some), 0.0, some) for some in (words, semantic))
    return {
        "words": near * words,
        "cosine": near * cosine,
        "foreign": 1.0 - near,
        "foreign_words": (1.0 - near) * words,
        "foreign_cosine": (1.0 - near) * cosine,
    }


def fuse(words: Scores, semantic: Scores, readable: NDArray[np.bool_], model: LogisticModel) -> Scores:
    """The fused scores (n,) of n candidates. A leg that is off, NaN throughout, leaves the decision to the other."""
    return model.log_odds(fusion_features(words, semantic, readable)) + np.zeros(len(words))

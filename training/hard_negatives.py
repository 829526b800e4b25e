"""Hard negatives: passages that look like the answer to a question, and are not.

They are of the question's own source and language, the nearest by a static model (Xiong et al. 2021, with a model that
is there in place of one that is trained).
"""

from __future__ import annotations

import numpy as np
import torch
from data import Corpus
from numpy.typing import NDArray
from static import Encoded, embed, ranges

HARD_KEPT = 4
"""Hard negatives found for a question; each time it is drawn, one of them is taken."""
HARD_TOKENS = 192
SAME_PASSAGE = 0.9
"""A passage nearer to the right one than this may answer as well, and is no negative."""


def hard_negatives(
    corpus: Corpus, encoded: Encoded, rows: NDArray[np.int64], static_table: NDArray[np.float32]
) -> NDArray[np.int64]:
    """For each of `rows`, which are questions, those (n, HARD_KEPT) whose passages look like its answer and are not.

    They are of the same source and language, the nearest by the static model; -1 where there are too few.
    """
    table = torch.from_numpy(static_table)
    found = np.full((len(rows), HARD_KEPT), -1, np.int64)
    for group in np.unique(corpus.groups[rows]):
        mine = np.flatnonzero(corpus.groups[rows] == group)
        pairs = corpus.pairs[rows[mine]]
        _, first = np.unique(pairs[:, 2], return_index=True)
        others, theirs = rows[mine[first]], pairs[first]
        if len(others) <= 2 * HARD_KEPT:
            continue
        passages = embed(table, *ranges(encoded, theirs[:, 2], theirs[:, 3], HARD_TOKENS))
        for start in range(0, len(mine), 1024):
            part = pairs[start : start + 1024]
            asked = embed(table, *ranges(encoded, part[:, 0], part[:, 1], HARD_TOKENS))
            right = embed(table, *ranges(encoded, part[:, 2], part[:, 3], HARD_TOKENS))
            scores = asked @ passages.T
            same = torch.from_numpy(part[:, 4][:, None] == theirs[:, 4][None, :])
            scores[same | (right @ passages.T > SAME_PASSAGE)] = -1.0
            found[mine[start : start + 1024]] = others[scores.topk(HARD_KEPT).indices.numpy()]
    return found

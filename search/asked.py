"""The tokens of a question, and how near those of passages are to them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backissue.search.calibration import Scores
from backissue.search.embedding import TokenEmbedder, Vectors, unit_rows

_BLOCK = 128
"""So many vectors are compared at once: they stay in the processor's cache."""

_KEPT = 1 << 22
"""So many cosines are kept at most, 16 MB: those of 3,000 tokens with a question of 1,400."""


class AskedTokens:
    """The q tokens of one question, with what other tokens have in common with them.

    Passages on one question repeat their words, and what is judged is also read for its answer: each token is compared
    once, unless there are too many to be kept.
    """

    def __init__(self, question: str, tokens: TokenEmbedder) -> None:
        self.tokens = tokens
        self._question = question

    @cached_property
    def vectors(self) -> Vectors:
        """The vectors (q, d) of the question's tokens, not normalised."""
        return self.tokens.token_vectors(self._question).vectors

    @cached_property
    def counts(self) -> Scores:
        """What each of them counts, (q,): its learned weight, the length of its vector."""
        counts: Scores = np.linalg.norm(self.vectors, axis=1).astype(np.float64)
        return counts

    def cosines(self, ids: NDArray[np.integer[Any]]) -> Vectors:
        """The cosines (t, q), at least 0, of t tokens by their ids with the question's."""
        places = self._places.take(ids)
        if places.min(initial=0) < 0:
            self._compare(ids[places < 0])
            places = self._places.take(ids)
        cosines: Vectors = self._known.take(places, axis=0)
        if self._known.size > _KEPT:
            del self._known, self._places
        return cosines

    def _compare(self, ids: NDArray[np.integer[Any]]) -> None:
        is_new = np.zeros(len(self._places), dtype=np.bool_)
        is_new[ids] = True
        new = np.flatnonzero(is_new)
        before, count = len(self._known), len(self._known) + len(new)
        self._places[new] = np.arange(before, count)
        known = np.empty((count, len(self._unit)), dtype=np.float32)
        known[:before] = self._known
        for first in range(before, count, _BLOCK):
            part = known[first : first + _BLOCK]
            np.matmul(self.tokens.unit_vectors_of(new[first - before :][: len(part)]), self._unit.T, out=part)
            np.maximum(part, 0.0, out=part)
        self._known = known

    @cached_property
    def _unit(self) -> Vectors:
        return unit_rows(self.vectors)

    @cached_property
    def _places(self) -> NDArray[np.int32]:
        """Where the cosines of each token of the vocabulary are in `_known`, -1 where it was not compared."""
        return np.full(self.tokens.vocabulary, -1, dtype=np.int32)

    @cached_property
    def _known(self) -> Vectors:
        return np.zeros((0, len(self.vectors)), dtype=np.float32)

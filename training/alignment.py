"""Word alignment: the translation probabilities of IBM model 1 (Brown et al. 1993), learned in both directions.

A corpus is a bag of candidate links: every source word of a sentence with every target word of its translation.
Three things are added to the plain model: a prior for links near the diagonal (Dyer et al. 2013), an empty word that
emits targets by their frequency, and agreement: what counts in the end is the geometric mean of both directions'
posteriors (after Liang et al. 2006), which rids rare words of their garbage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EMPTY_WORD = 0.05
"""How strongly a target word may come from no source word, beside one that translates it for certain."""


@dataclass(frozen=True)
class Bitext:
    """Sentence pairs as ids of terms, flat: sentence i of the source is `source[source_starts[i]:source_starts[i+1]]`.

    `weights` (n,) says how often a pair counts.
    """

    source: NDArray[np.int32]
    source_starts: NDArray[np.int64]
    target: NDArray[np.int32]
    target_starts: NDArray[np.int64]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Links:
    """Expected numbers of links (k,) between source terms (k,) and target terms (k,)."""

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    counts: NDArray[np.float64]


def align(bitext: Bitext, *, iterations: int = 5, diagonal: float = 1.0) -> Links:
    """How often each source term is linked with each target term, as both directions agree.

    `diagonal` is how fast a link loses likelihood with its distance from the diagonal; 0 is plain model 1.
    """
    sources = np.diff(bitext.source_starts)
    targets = np.diff(bitext.target_starts)
    cells = sources * targets
    pair = np.repeat(np.arange(len(cells)), cells)
    cell = np.arange(cells.sum()) - np.repeat(np.cumsum(cells) - cells, cells)
    column, row = np.divmod(cell, sources[pair])
    distance = np.abs((row + 0.5) / sources[pair] - (column + 0.5) / targets[pair])
    prior = np.exp(-diagonal * distance).astype(np.float32)
    del cell, distance
    source_at = (row + bitext.source_starts[pair]).astype(np.int32)
    target_at = (column + bitext.target_starts[pair]).astype(np.int32)
    weights = bitext.weights[pair].astype(np.float32)
    del row, column, pair

    width = int(bitext.target.max()) + 1
    keys, link = np.unique(
        bitext.source[source_at].astype(np.int64) * width + bitext.target[target_at], return_inverse=True
    )
    link = link.astype(np.int32)
    link_source, link_target = (keys // width).astype(np.int32), (keys % width).astype(np.int32)
    forward = _Direction(link, target_at, link_source, _empty(bitext.target))
    backward = _Direction(link, source_at, link_target, _empty(bitext.source))
    for _ in range(iterations):
        forward.step(prior, weights)
        backward.step(prior, weights)
    agreed = np.sqrt(forward.posteriors(prior) * backward.posteriors(prior)) * weights
    return Links(link_source, link_target, np.bincount(link, agreed, len(keys)))


class _Direction:
    """One direction of model 1: every emitted word chooses among the words of the other side."""

    def __init__(
        self,
        link: NDArray[np.int32],
        emitted_at: NDArray[np.int32],
        emitter: NDArray[np.int32],
        empty: NDArray[np.float32],
    ) -> None:
        self._link, self._emitted_at, self._emitter, self._empty = link, emitted_at, emitter, empty
        self._probability = np.full(len(emitter), 1e-3, dtype=np.float32)

    def posteriors(self, prior: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probability of each candidate link, given the emitted word."""
        likelihood = self._probability[self._link] * prior
        total = np.bincount(self._emitted_at, likelihood, len(self._empty)).astype(np.float32)
        return likelihood / (total + self._empty)[self._emitted_at]

    def step(self, prior: NDArray[np.float32], weights: NDArray[np.float32]) -> None:
        """One iteration of expectation and maximisation."""
        counts = np.bincount(self._link, self.posteriors(prior) * weights, len(self._emitter))
        self._probability = (counts / np.bincount(self._emitter, counts)[self._emitter]).astype(np.float32)


def _empty(words: NDArray[np.int32]) -> NDArray[np.float32]:
    """What the empty word emits at each position: by frequency."""
    frequency = np.bincount(words) / len(words)
    return (EMPTY_WORD * frequency[words]).astype(np.float32) + np.float32(1e-9)

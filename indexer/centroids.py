"""Spherical k-means (Dhillon & Modha 2001): the centres of the lists that vectors are put in.

Nearly all of it is one product of matrices, which numpy's BLAS does several times as fast as FAISS's own clustering and
assignment do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 4096
"""Rows of which all dot products are in memory: 16 MB for 1,000 centres."""


def centroids(vectors: NDArray[np.float32], count: int, rounds: int) -> NDArray[np.float32]:
    """`count` unit vectors (count, d) about which the vectors (n, d), at least as many, gather."""
    rng = np.random.default_rng(0)
    centres = vectors[rng.choice(len(vectors), count, replace=False)]
    for _ in range(rounds):
        nearest = nearest_centroids(vectors, centres)
        sizes = np.bincount(nearest, minlength=count)
        by_centre = np.argsort(nearest, kind="stable")
        taken = np.flatnonzero(sizes)
        sums = np.add.reduceat(vectors[by_centre], (np.cumsum(sizes) - sizes)[taken], axis=0)
        # A centre that nothing is nearest to moves into the midst of others.
        centres = vectors[rng.choice(len(vectors), count)]
        centres[taken] = sums
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return centres


def nearest_centroids(vectors: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    """The place (n,) among centres (k, d) of that with the highest dot product with each of the vectors (n, d)."""
    return np.concatenate(
        [
            np.argmax(vectors[first : first + _AT_ONCE] @ centres.T, axis=1)
            for first in range(0, max(len(vectors), 1), _AT_ONCE)
        ]
    )

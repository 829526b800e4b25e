"""Building the dense base: exact while that is cheap, an inverted file with 8-bit codes from then on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import faiss

EXACT_UP_TO = 50_000
"""Up to so many vectors an exact search takes under 10 ms on one core (256 dimensions)."""

WANTED_RECALL = 0.97
_K = 100
_SAMPLES = 200
_TRAINING_PER_LIST = 64


def build_dense(vectors: NDArray[np.float32], path: Path) -> dict[str, Any]:
    """Writes an index of the vectors (n, d) to `path`; gives its kind, probe depth and measured recall@100."""
    import faiss

    n, dimension = vectors.shape
    if n <= EXACT_UP_TO:
        index = faiss.IndexFlatIP(dimension)
        index.add(vectors)
        record: dict[str, Any] = {"kind": "Flat", "probes": 0, "recall_at_100": 1.0}
    else:
        lists = int(4 * n**0.5)
        index = faiss.index_factory(dimension, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
        index.train(_sample(vectors, lists * _TRAINING_PER_LIST))
        index.add(vectors)
        probes, recall = tune(index, vectors)
        record = {"kind": f"IVF{lists},SQ8", "probes": probes, "recall_at_100": round(recall, 4)}
    faiss.write_index(index, str(path))
    return record


def tune(index: faiss.IndexIVF, vectors: NDArray[np.float32]) -> tuple[int, float]:
    """The least probe depth, by doubling, that finds the wanted part of the exact 100 nearest of sampled vectors."""
    import faiss

    queries = _sample(vectors, _SAMPLES)
    exact = faiss.knn(queries, vectors, _K, metric=faiss.METRIC_INNER_PRODUCT)[1]
    probes, recall = 4, 0.0
    while probes < index.nlist:
        probes *= 2
        found = index.search(queries, _K, params=faiss.SearchParametersIVF(nprobe=probes))[1]
        hits = sum(len(np.intersect1d(one, other)) for one, other in zip(exact, found, strict=True))
        recall = hits / exact.size
        if recall >= WANTED_RECALL:
            break
    return min(probes, int(index.nlist)), recall


def _sample(vectors: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    if len(vectors) <= count:
        return vectors
    chosen = np.random.default_rng(0).choice(len(vectors), count, replace=False)
    return np.ascontiguousarray(vectors[np.sort(chosen)])

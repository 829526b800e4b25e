"""Building the dense base: exact while that is cheap, an inverted file with 8-bit codes from then on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import faiss

EXACT_UP_TO = 50_000
"""Up to so many vectors an exact search takes 5 ms at most on one core (256 dimensions)."""

WANTED_RECALL = 0.985
FEWEST_PROBES = 4
_K = 100
SAMPLES = 200
_TRAINING_PER_LIST = 40
_TRAINING_ROUNDS = 6
_BATCH = 20_000


def build_dense(
    vectors: NDArray[np.floating[Any]], path: Path, questions: NDArray[np.float32] | None = None
) -> dict[str, Any]:
    """Writes an index of the vectors (n, d) to `path`; gives its kind, probe depth and measured recall@100.

    Recall is measured on `questions` (q, d), by default on some of the vectors themselves, which find their like more
    easily than questions do.
    The vectors are taken a batch at a time, so they may be mapped from a file that is larger than the memory.
    """
    import faiss

    n, dimension = vectors.shape
    if n <= EXACT_UP_TO:
        # As exact as the archive, which keeps vectors in half precision.
        index = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        _add(index, vectors)
        record: dict[str, Any] = {"kind": "Flat", "probes": 0, "recall_at_100": 1.0}
    else:
        lists = int(4 * n**0.5)
        # What stands there many times would draw the centroids of many lists, of which one then holds it all, and a
        # search would probe the empty ones.
        training = np.unique(_sample(vectors, lists * _TRAINING_PER_LIST), axis=0)
        lists = min(lists, len(training))
        index = faiss.index_factory(dimension, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
        index.cp.niter = _TRAINING_ROUNDS
        index.cp.min_points_per_centroid = 1
        index.train(training)
        _add(index, vectors)
        queries = _sample(vectors, SAMPLES) if questions is None or not len(questions) else questions
        exact = nearest(queries, vectors, 10 * _K)
        needed = probes_needed(index, queries, exact)
        probes, recall = tune(index, queries, exact[:, :_K], needed[:, :_K])
        # The 100 best of the tenth that a filter lets pass lie as far out as the 1000 best of all.
        lost_in_codes = float((needed[:, :_K] <= probes).mean()) - recall
        of_tenth = max(_depth(index, needed, _reach_for(lost_in_codes)), probes)
        record = {
            "kind": f"IVF{lists},SQ8",
            "probes": probes,
            "probes_of_tenth": of_tenth,
            "recall_at_100": round(recall, 4),
        }
    faiss.write_index(index, str(path))
    return record


def tune(
    index: faiss.IndexIVF, queries: NDArray[np.float32], exact: NDArray[np.int64], needed: NDArray[np.int64]
) -> tuple[int, float]:
    """The probe depth that finds the wanted part of the exact nearest (q, k) of queries, with the part that it finds,
    which is measured. `needed` are the depths (q, k) that reach each of them.
    """
    wanted = WANTED_RECALL
    while True:
        probes = _depth(index, needed, wanted)
        recall = _recall(index, queries, exact, probes)
        lost_in_codes = float((needed <= probes).mean()) - recall
        if recall >= WANTED_RECALL or _reach_for(lost_in_codes) <= wanted:
            return probes, recall
        wanted = _reach_for(lost_in_codes)


def probes_needed(index: faiss.IndexIVF, queries: NDArray[np.float32], exact: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many lists must be probed before that of each of the nearest (q, k) of queries is among them: (q, k)."""
    import faiss

    list_of = np.empty(index.ntotal, dtype=np.int64)
    for number in range(index.nlist):
        if size := index.invlists.list_size(number):
            list_of[faiss.rev_swig_ptr(index.invlists.get_ids(number), size)] = number
    _, nearest_lists = index.quantizer.search(queries, index.nlist)
    place = np.empty_like(nearest_lists)
    np.put_along_axis(place, nearest_lists, np.arange(1, index.nlist + 1)[np.newaxis], axis=1)
    return np.asarray(np.take_along_axis(place, list_of[exact], axis=1))


def _reach_for(lost_in_codes: float) -> float:
    """The part that probes must reach: what the codes lose is made up for by what more probes reach."""
    return min(WANTED_RECALL + max(lost_in_codes, 0.0), 1.0)


def _depth(index: faiss.IndexIVF, needed: NDArray[np.int64], share: float) -> int:
    """The least depth that reaches such a share, within the fewest that are probed and a third of all."""
    reached = int(np.quantile(needed, share, method="higher"))
    return min(max(reached, FEWEST_PROBES), max(int(index.nlist) // 3, 1))


def _recall(index: faiss.IndexIVF, queries: NDArray[np.float32], exact: NDArray[np.int64], probes: int) -> float:
    import faiss

    found = index.search(queries, exact.shape[1], params=faiss.SearchParametersIVF(nprobe=probes))[1]
    return sum(len(np.intersect1d(one, other)) for one, other in zip(exact, found, strict=True)) / exact.size


def nearest(queries: NDArray[np.float32], vectors: NDArray[np.floating[Any]], k: int) -> NDArray[np.int64]:
    """The positions (q, k) of the vectors with the highest dot product with each query, best first."""
    best = np.zeros((len(queries), 0), dtype=np.float32)
    positions = np.zeros((len(queries), 0), dtype=np.int64)
    for first, batch in _batches(vectors):
        scores = np.concatenate([best, queries @ batch.T], axis=1)
        where = np.broadcast_to(np.arange(first, first + len(batch)), (len(queries), len(batch)))
        positions = np.concatenate([positions, where], axis=1)
        if scores.shape[1] > k:
            kept = np.argpartition(-scores, k - 1, axis=1)[:, :k]
            scores, positions = np.take_along_axis(scores, kept, 1), np.take_along_axis(positions, kept, 1)
        best = scores
    return np.take_along_axis(positions, np.argsort(-best, axis=1, kind="stable"), 1)


def _add(index: faiss.Index, vectors: NDArray[np.floating[Any]]) -> None:
    for _, batch in _batches(vectors):
        index.add(batch)


def _batches(vectors: NDArray[np.floating[Any]]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for first in range(0, len(vectors), _BATCH):
        yield first, np.ascontiguousarray(vectors[first : first + _BATCH], dtype=np.float32)


def _sample(vectors: NDArray[np.floating[Any]], count: int) -> NDArray[np.float32]:
    if len(vectors) <= count:
        return np.ascontiguousarray(vectors, dtype=np.float32)
    chosen = np.random.default_rng(0).choice(len(vectors), count, replace=False)
    return np.ascontiguousarray(vectors[np.sort(chosen)], dtype=np.float32)

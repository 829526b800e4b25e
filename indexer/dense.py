"""Building the dense base: the vectors themselves, and an inverted file of product codes where they are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backissue.indexer.centroids import centroids, nearest_centroids
from backissue.search.dense import LISTS_FILE, SCALES_FILE, VECTORS_FILE, Depth, nearest_codes, one_thread

if TYPE_CHECKING:
    import faiss

EXACT_UP_TO = 50_000
"""Up to so many vectors all of them are compared, which takes 2 ms at most on one core (256 dimensions)."""

WANTED_RECALL = 0.985
WANTED_OF_TENTH = 0.988
"""The parts of the nearest that probes reach, where all pass and where a tenth does. Of what is found then, 0.006 are
others than by vectors in 32 bits, which the archive does not have.
"""
FEWEST_PROBES = 4
_LOST_IN_CODES = 0.003
"""The part of what the probes reach that may be lost because product codes choose what is compared."""

COMPARED = (2, 3, 4, 5, 6, 8, 12, 16)
"""How many vectors may be compared for each that is wanted."""

_K = 100
_NEAREST = 14 * _K
"""Of so many a tenth holds 100 in all but one of ten thousand."""
SAMPLES = 200
_TRAINING_PER_LIST = 40
_TRAINING_ROUNDS = 6
_BITS = 4
_BATCH = 20_000


class Rows(Protocol):
    """Vectors (n, d), some rows of which can be had."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Their number and dimension."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> NDArray[np.float32]: ...


class Coded:
    """The vectors (n, d) that codes of 8 bits stand for, each row worked out when it is asked for."""

    def __init__(self, codes: NDArray[np.int8], scales: NDArray[np.float32]) -> None:
        self._codes, self._scales = codes, scales
        self.shape = codes.shape

    def __len__(self) -> int:
        return len(self._codes)

    def __getitem__(self, rows: Any) -> NDArray[np.float32]:
        """Some of them, in 32 bits."""
        vectors: NDArray[np.float32] = self._codes[rows] * self._scales[rows, np.newaxis]
        return vectors


def write_vectors(batches: Iterable[NDArray[np.int8]], count: int, dimension: int, folder: Path) -> Coded:
    """Writes `count` codes of vectors, which come some (n, dimension) at a time, to the folder of a generation."""
    scales = [np.zeros(0, dtype=np.float32)]
    with (folder / VECTORS_FILE).open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|i1", "fortran_order": False, "shape": (count, dimension)}
        )
        for codes in batches:
            file.write(np.ascontiguousarray(codes).data)
            lengths = np.linalg.norm(codes.astype(np.float32), axis=1)
            scales.append(np.divide(1, lengths, where=lengths > 0, out=np.zeros_like(lengths)))
    of_all = np.concatenate(scales)
    np.save(folder / SCALES_FILE, of_all)  # Of a full disk it may say nothing: what is built is read back in the end.
    return Coded(np.load(folder / VECTORS_FILE, mmap_mode="r"), of_all)


def build_lists(vectors: Rows, folder: Path, questions: NDArray[np.float32] | None = None) -> dict[str, Any]:
    """Writes an inverted file of the vectors (n, d) to `folder` where they are many; gives what the manifest is to say:
    the kind, the depths of searches and the measured recall@100.

    Recall is measured on `questions` (q, d), by default on some of the vectors themselves, which find their like more
    easily than questions do.
    The vectors are taken a batch at a time, so they may be mapped from a file that is larger than the memory.
    """
    import faiss

    n, dimension = vectors.shape
    if n <= EXACT_UP_TO:
        return {"kind": "Flat", "probes": 0, "recall_at_100": 1.0}
    lists = int(4 * n**0.5)
    # What stands there many times would draw the centroids of many lists, of which one then holds it all, and a
    # search would probe the empty ones.
    training = np.unique(_sample(vectors, lists * _TRAINING_PER_LIST), axis=0)
    lists = min(lists, len(training))
    parts = next(parts for parts in range(max(dimension // 2, 1), 0, -1) if dimension % parts == 0)
    index = _filled(vectors, training, centroids(training, lists, _TRAINING_ROUNDS), parts)
    faiss.write_index(index, str(folder / LISTS_FILE))
    queries = _sample(vectors, SAMPLES) if questions is None or not len(questions) else questions
    return {"kind": f"IVF{lists},PQ{parts}x4fs"} | tune(index, vectors, queries)


def _filled(
    vectors: Rows, training: NDArray[np.float32], centres: NDArray[np.float32], parts: int
) -> faiss.IndexIVFPQFastScan:
    """The product codes of vectors (n, d), of so many parts of 4 bits, in the lists of the centres (k, d)."""
    import faiss

    lists, dimension = centres.shape
    coarse = faiss.IndexFlatIP(dimension)
    coarse.add(centres)
    # The index that is searched cannot be told which list a vector goes to, and this one can.
    index = faiss.IndexIVFPQ(coarse, dimension, lists, parts, _BITS, faiss.METRIC_INNER_PRODUCT)
    index.by_residual = False
    index.pq.cp.niter, index.pq.cp.min_points_per_centroid = _TRAINING_ROUNDS, 1
    with one_thread():  # The parts are small: threads would wait for each other most of the time.
        index.train(_different(training, index.pq.ksub))
    for _, batch in _batches(vectors):
        of = nearest_centroids(batch, centres)
        index.add_core(len(batch), faiss.swig_ptr(batch), None, faiss.swig_ptr(of))
    filled = faiss.IndexIVFPQFastScan(index)
    index.reset()  # `filled` keeps it alive, for its centres.
    return filled


def _different(vectors: NDArray[np.float32], least: int) -> NDArray[np.float32]:
    """The vectors (n, d), with others drawn at random where they are fewer than `least`: FAISS needs so many to learn
    codes from, and tables that tell them apart to find anything.
    """
    missing = max(least - len(vectors), 0)
    drawn = np.random.default_rng(0).normal(scale=vectors.shape[1] ** -0.5, size=(missing, vectors.shape[1]))
    return np.concatenate([vectors, drawn.astype(np.float32)])


def tune(index: faiss.IndexIVF, vectors: Rows, queries: NDArray[np.float32]) -> dict[str, Any]:
    """The depths at which the wanted part of the exact nearest of queries (q, d) is found where all vectors pass and
    where a tenth does, as the manifest holds them, and the recall@100 where all do.
    """
    exact = nearest(queries, vectors, _NEAREST)
    # The 100 best of the tenth that a filter lets pass lie as far out as the 1000 best of all.
    needed = probes_needed(index, queries, exact[:, : 10 * _K])
    everything = np.ones(len(vectors), dtype=np.bool_)
    of_all, recall = _depth(index, vectors, queries, exact, needed[:, :_K], everything, WANTED_RECALL)
    tenth = np.random.default_rng(0).random(len(vectors)) < 0.1
    of_tenth, _ = _depth(index, vectors, queries, exact, needed, tenth, WANTED_OF_TENTH)
    return {
        "probes": of_all.probes,
        "compared": of_all.compared,
        "probes_of_tenth": max(of_tenth.probes, of_all.probes),
        "compared_of_tenth": max(of_tenth.compared, of_all.compared),
        "recall_at_100": round(recall, 4),
    }


def _depth(
    index: faiss.IndexIVF,
    vectors: Rows,
    queries: NDArray[np.float32],
    exact: NDArray[np.int64],
    needed: NDArray[np.int64],
    mask: NDArray[np.bool_],
    wanted: float,
) -> tuple[Depth, float]:
    """The least depth, within the fewest that are probed and a third of all, at which the wanted part is found of the
    100 nearest of queries that a mask lets pass, and the part that is. `exact` are the nearest (q, k) of all, and
    `needed` the probes that reach what lies as far out as the 100 nearest.
    """
    probes = int(np.quantile(needed, wanted, method="higher"))
    probes = min(max(probes, FEWEST_PROBES), max(int(index.nlist) // 3, 1))
    reached = min(float((needed <= probes).mean()), wanted)
    depth, recall = Depth(probes, COMPARED[0]), 0.0
    for depth in (Depth(probes, compared) for compared in COMPARED):
        recall = _recall(index, vectors, queries, exact, depth, mask)
        if recall >= reached - _LOST_IN_CODES:
            break
    return depth, recall


def _recall(
    index: faiss.IndexIVF,
    vectors: Rows,
    queries: NDArray[np.float32],
    exact: NDArray[np.int64],
    depth: Depth,
    mask: NDArray[np.bool_],
) -> float:
    """The part of the 100 nearest that the mask lets pass which is found at a depth."""
    found = wanted = 0
    for query, nearest_of_all in zip(queries, exact, strict=True):
        best = nearest_of_all[mask[nearest_of_all]][:_K]
        positions = nearest_codes(index, query, depth, _K, None if mask.all() else mask)
        scores = vectors[positions] @ query
        kept = positions[np.argsort(-scores, kind="stable")[:_K]]
        found += len(np.intersect1d(best, kept))
        wanted += len(best)
    return found / max(wanted, 1)


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


def nearest(queries: NDArray[np.float32], vectors: Rows, k: int) -> NDArray[np.int64]:
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


def _batches(vectors: Rows) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for first in range(0, len(vectors), _BATCH):
        yield first, np.ascontiguousarray(vectors[first : first + _BATCH], dtype=np.float32)


def _sample(vectors: Rows, count: int) -> NDArray[np.float32]:
    if len(vectors) <= count:
        return np.ascontiguousarray(vectors, dtype=np.float32)
    chosen = np.random.default_rng(0).choice(len(vectors), count, replace=False)
    return np.ascontiguousarray(vectors[np.sort(chosen)], dtype=np.float32)

"""The dense leg: nearest passages by cosine, from a frozen base and a small exact tail.

The base keeps the vectors as the archive does, in 8 bits a number. While they are few, all are compared. From then on
an inverted file with product codes of 2 bits a number (Jégou et al. 2011), by FAISS, chooses which are compared, its
depth chosen when it was built. A filter goes into the search, never after it; what passes a narrow one is compared
without the inverted file.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backissue.search.errors import IndexCorruptError
from backissue.search.filters import Mask
from backissue.search.vectors import open_vectors

if TYPE_CHECKING:
    import faiss

Vectors = NDArray[np.float32]

VECTORS_FILE = "vectors.npy"
"""Of a generation: the codes (n, d) of its passages' vectors, each of which has the direction of its vector."""

SCALES_FILE = "scales.npy"
"""What each code (n,) is to be multiplied by to be of length one; 0 for a vector of zeros."""

LISTS_FILE = "dense.faiss"
"""The inverted file of product codes; none where all vectors are compared."""

PASSED_OVER_MEANWHILE = 12
"""How many product codes a probe passes over (8 ns each) while one vector is fetched and compared (0.1 µs)."""

_BLOCK = 1024
"""So many vectors are compared at once: as numbers of 32 bits they stay in the processor's cache."""

_ONE_QUESTION = 11
"""FAISS's way to scan product codes for one question that keeps the best in a reservoir: a third sooner than a heap."""

_HEAD = struct.Struct("<4siq")
_KIND = b"IwPf"
"""The kind of FAISS's files that is written here."""

_CODES_A_BYTE = 4
_MAX_DIMENSION = 1 << 16


@dataclass(frozen=True, slots=True)
class DenseHits:
    """Positions of passages (n,) in the columns and their cosines (n,), best first."""

    positions: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.positions)


NO_DENSE_HITS = DenseHits(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Depth:
    """How far a search goes: how many lists it probes, and how many vectors it compares for each that is wanted."""

    probes: int
    compared: int


@dataclass(frozen=True, slots=True)
class DenseIndex:
    """A base of vectors at positions 0 …, `codes` (n, d) with their `scales` (n,), and the vectors (m, d) of the tail
    behind them. `of_all` and `of_tenth` are the depths where all passages of the base pass, and where a tenth does.
    """

    codes: NDArray[np.int8] = field(repr=False)
    scales: NDArray[np.float32] = field(repr=False)
    lists: faiss.IndexIVF | None
    of_all: Depth
    of_tenth: Depth
    tail: Vectors = field(repr=False)

    @classmethod
    def open(cls, folder: Path, record: Mapping[str, Any], dimension: int) -> DenseIndex:
        """Opens the base that the folder of a generation holds, its vectors mapped into memory; `record` is what the
        manifest says of it.

        Raises:
            IndexCorruptError: a file cannot be read, or its vectors have another dimension or number.
        """
        codes = open_vectors(folder / VECTORS_FILE)
        scales = _open_scales(folder / SCALES_FILE)
        if codes.shape[1] != dimension or scales.shape != codes.shape[:1]:
            raise IndexCorruptError(
                f"{folder / VECTORS_FILE} holds vectors of the shape {codes.shape} with {scales.shape} scales, and the "
                f"manifest says dimension {dimension}. Mend it: backissue doctor --repair"
            )
        lists = open_lists(folder / LISTS_FILE, codes.shape) if record.get("probes") else None
        of_all = Depth(int(record.get("probes", 0)), int(record.get("compared", 1)))
        of_tenth = Depth(
            int(record.get("probes_of_tenth", of_all.probes)), int(record.get("compared_of_tenth", of_all.compared))
        )
        return cls(codes, scales, lists, of_all, of_tenth, np.zeros((0, dimension), dtype=np.float32))

    def with_tail(self, tail: Vectors) -> DenseIndex:
        """The same base before another tail."""
        return replace(self, tail=tail)

    def __len__(self) -> int:
        return len(self.codes) + len(self.tail)

    def search(self, vector: Vectors, k: int, mask: Mask | None = None) -> DenseHits:
        """The `k` nearest of the passages that `mask` (shape (len(self),)) lets pass, to one vector (d,)."""
        size = len(self.codes)
        if not len(self.tail):
            return self._search_base(vector, k, mask)
        base = self._search_base(vector, k, None if mask is None else mask[:size])
        tail = self._search_tail(vector, size, None if mask is None else mask[size:])
        return _best(np.concatenate([base.positions, tail.positions]), np.concatenate([base.scores, tail.scores]), k)

    def vectors(self, positions: NDArray[np.int64]) -> Vectors:
        """The vectors (n, d) of passages as the index keeps them."""
        size = len(self.codes)
        vectors = np.empty((len(positions), self.codes.shape[1]), dtype=np.float32)
        in_base = positions < size
        own = positions[in_base]
        vectors[in_base] = self.codes[own] * self.scales[own, np.newaxis]
        vectors[~in_base] = self.tail[positions[~in_base] - size]
        return vectors

    def _search_base(self, vector: Vectors, k: int, mask: Mask | None) -> DenseHits:
        size = len(self.codes)
        passing = size if mask is None else int(np.count_nonzero(mask))
        if not passing:
            return NO_DENSE_HITS
        if self.lists is None:
            if mask is None or 2 * passing > size:
                return self._compare_all(vector, k, mask)
            return self._compare(vector, k, np.flatnonzero(mask))
        depth = self.depth(passing / size)
        probed = depth.probes / int(self.lists.nlist) * size
        if mask is not None and passing * PASSED_OVER_MEANWHILE <= probed + depth.compared * k * PASSED_OVER_MEANWHILE:
            return self._compare(vector, k, np.flatnonzero(mask))
        return self._compare(vector, k, nearest_codes(self.lists, vector, depth, k, mask))

    def depth(self, share: float) -> Depth:
        """How deep to search where a share of the base passes: the fewer pass, the farther out the best lie.

        Between all and a tenth, for which it was measured, and on beyond, it grows by a power of the share.
        """
        return Depth(
            min(_between(self.of_all.probes, self.of_tenth.probes, share), getattr(self.lists, "nlist", 0)),
            _between(self.of_all.compared, self.of_tenth.compared, max(share, 0.1)),
        )

    def _compare(self, vector: Vectors, k: int, positions: NDArray[np.int64]) -> DenseHits:
        """The nearest of passages at some positions of the base."""
        scores = np.empty(len(positions), dtype=np.float32)
        for first in range(0, len(positions), _BLOCK):
            some = positions[first : first + _BLOCK]
            np.dot(np.take(self.codes, some, axis=0).astype(np.float32), vector, out=scores[first : first + _BLOCK])
        scores *= self.scales[positions]
        return _best(positions, scores, k)

    def _compare_all(self, vector: Vectors, k: int, mask: Mask | None) -> DenseHits:
        """The nearest of the passages of the base that the mask lets pass, each of them compared."""
        scores = np.empty(len(self.codes), dtype=np.float32)
        for first in range(0, len(scores), _BLOCK):
            some = self.codes[first : first + _BLOCK]
            np.dot(some.astype(np.float32), vector, out=scores[first : first + _BLOCK])
        scores *= self.scales
        if mask is None:
            return _best(np.arange(len(scores)), scores, k)
        return _best(np.flatnonzero(mask), scores[mask], k)

    def _search_tail(self, vector: Vectors, offset: int, mask: Mask | None) -> DenseHits:
        scores = self.tail @ vector.reshape(-1)
        positions = np.arange(offset, offset + len(self.tail), dtype=np.int64)
        if mask is not None:
            scores, positions = scores[mask], positions[mask]
        return DenseHits(positions, scores.astype(np.float32))


def nearest_codes(lists: faiss.IndexIVF, vector: Vectors, depth: Depth, k: int, mask: Mask | None) -> NDArray[np.int64]:
    """The positions, in their order, of the passages that the mask lets pass whose product codes are nearest: so many
    as are to be compared to find `k`.
    """
    import faiss

    parameters = faiss.SearchParametersIVF(nprobe=depth.probes)
    if mask is not None:
        bits = np.packbits(mask, bitorder="little")
        parameters = faiss.SearchParametersIVF(nprobe=depth.probes, sel=faiss.IDSelectorBitmap(bits))
    with one_thread():
        found = lists.search(vector.reshape(1, -1), depth.compared * k, params=parameters)[1][0]
    return np.sort(found[found >= 0])


def _best(positions: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> DenseHits:
    """The `k` of highest score, best first; of equals the first."""
    if k < len(scores):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = np.flatnonzero(scores >= least)
        positions, scores = positions[kept], scores[kept]
    best = np.argsort(-scores, kind="stable")[:k]
    return DenseHits(positions[best], scores[best])


def _between(of_all: int, of_tenth: int, share: float) -> int:
    power = math.log10(max(of_tenth / max(of_all, 1), 1.0))
    return math.ceil(of_all * math.pow(max(share, 1e-9), -power))


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it, what FAISS does in this thread it does without others. One question is nothing to share out, and where
    the cores are busy its threads wait for each other: 200 ms for a search of 0.01 ms.
    """
    import faiss

    threads = faiss.omp_get_max_threads()  # of the calling thread alone
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _open_scales(path: Path) -> NDArray[np.float32]:
    """The numbers (n,) in a file, mapped into memory.

    Raises:
        IndexCorruptError: the file is missing or no such array.
    """
    try:
        scales: NDArray[np.float32] = np.asarray(np.lib.format.open_memmap(path, mode="r"))
        if scales.dtype != np.float32 or scales.ndim != 1:
            raise ValueError(f"an array of the shape {scales.shape} of {scales.dtype}")
    except Exception as error:  # What a damaged header makes NumPy's parser raise is of many kinds.
        raise IndexCorruptError(f"{path} cannot be read ({error}). Mend it: backissue doctor --repair") from error
    return scales


def open_lists(path: Path, shape: tuple[int, ...]) -> faiss.IndexIVF:
    """The inverted file of the vectors of this shape (n, d).

    Raises:
        IndexCorruptError: FAISS cannot read it, or it is one of other vectors.
    """
    import faiss

    _check_head(path, shape)
    try:
        lists = faiss.read_index(str(path), faiss.IO_FLAG_READ_ONLY)
    except (RuntimeError, MemoryError, ValueError) as error:
        raise IndexCorruptError(f"{path} cannot be read. Mend it: backissue doctor --repair") from error
    lists.implem = _ONE_QUESTION
    return lists


def _check_head(path: Path, shape: tuple[int, ...]) -> None:
    """Looks at the head of a file before FAISS believes it: its kind, and how much it says that it holds.

    Raises:
        IndexCorruptError: it is of another kind than is written here, or says more than it can hold.
    """
    try:
        with path.open("rb") as file:
            kind, dimension, count = _HEAD.unpack(file.read(_HEAD.size))
    except (OSError, struct.error) as error:
        raise IndexCorruptError(f"{path} cannot be read ({error}). Mend it: backissue doctor --repair") from error
    if kind != _KIND:
        raise IndexCorruptError(f"{path} is no index of vectors that is written here. Mend: backissue doctor --repair")
    if (count, dimension) != shape or count * dimension // _CODES_A_BYTE > path.stat().st_size:
        raise IndexCorruptError(
            f"{path} is one of {count} vectors of dimension {dimension}, or too short for them, beside vectors of the "
            f"shape {shape}. Mend it: backissue doctor --repair"
        )

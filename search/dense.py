"""The dense leg: nearest passages by cosine, from a frozen FAISS base and a small exact tail.

A filter goes into the search as a bitmap, never after it. The base is exact while it is small and an inverted
file with 8-bit codes (Jégou et al. 2011) from then on, its probe depth chosen when it was built.
"""

from __future__ import annotations

import math
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backissue.search.errors import IndexCorruptError
from backissue.search.filters import Mask

if TYPE_CHECKING:
    import faiss

Vectors = NDArray[np.float32]

_HEAD = struct.Struct("<4siq")
_MAX_DIMENSION = 1 << 16
_LEAST_BYTES = {b"IxSQ": 2, b"IwSq": 1}
"""The kinds of FAISS's files that are written here, and how many bytes one of a vector's numbers takes."""


@dataclass(frozen=True, slots=True)
class DenseHits:
    """Positions of passages (n,) in the columns and their cosines (n,), best first."""

    positions: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.positions)


COMPARED_ONE_BY_ONE = 2_000
"""Where a filter lets no more passages of an inverted file pass than this, each may be compared without probing."""

PASSED_OVER_MEANWHILE = 170
"""How many passages a probe passes over that the filter excludes (3.4 ns each), while one is compared (0.58 µs)."""

NO_DENSE_HITS = DenseHits(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class DenseIndex:
    """A base of `len(base)` vectors at positions 0 …, and the vectors (m, d) of the tail behind them."""

    base: faiss.Index
    probes: int
    probes_of_tenth: int
    tail: Vectors = field(repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @classmethod
    def open(cls, path: Path, record: Mapping[str, Any], dimension: int) -> DenseIndex:
        """Opens the base that `path` holds, mapped into memory where its kind allows it; `record` is what the manifest
        says of it.

        Raises:
            IndexCorruptError: FAISS cannot read the file, or its vectors have another dimension.
        """
        import faiss

        _check_head(path)
        try:
            base = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        except (RuntimeError, MemoryError, ValueError) as error:
            raise IndexCorruptError(f"{path} cannot be read. Mend it: backissue doctor --repair") from error
        _stop_prefetching(base)
        if base.d != dimension:
            raise IndexCorruptError(
                f"{path} holds vectors of dimension {base.d}, its manifest says {dimension}. "
                "Mend it: backissue doctor --repair"
            )
        return cls(
            base,
            int(record.get("probes", 0)),
            int(record.get("probes_of_tenth", 0)),
            np.zeros((0, dimension), dtype=np.float32),
        )

    def with_tail(self, tail: Vectors) -> DenseIndex:
        """The same base before another tail."""
        return DenseIndex(self.base, self.probes, self.probes_of_tenth, tail, self.lock)

    def __len__(self) -> int:
        return int(self.base.ntotal) + len(self.tail)

    def search(self, vector: Vectors, k: int, mask: Mask | None = None) -> DenseHits:
        """The `k` nearest of the passages that `mask` (shape (len(self),)) lets pass, to one vector (d,)."""
        base_size = int(self.base.ntotal)
        if not len(self.tail):
            return self._search_base(vector, k, mask)
        parts = [
            self._search_base(vector, k, None if mask is None else mask[:base_size]),
            self._search_tail(vector, base_size, None if mask is None else mask[base_size:]),
        ]
        positions = np.concatenate([part.positions for part in parts])
        scores = np.concatenate([part.scores for part in parts])
        best = np.argsort(-scores, kind="stable")[:k]
        return DenseHits(positions[best], scores[best])

    def vectors(self, positions: NDArray[np.int64]) -> Vectors:
        """The vectors (n, d) of passages as the index keeps them."""
        base_size = int(self.base.ntotal)
        vectors = np.empty((len(positions), self.base.d), dtype=np.float32)
        in_base = positions < base_size
        vectors[in_base] = self._base_vectors(positions[in_base])
        vectors[~in_base] = self.tail[positions[~in_base] - base_size]
        return vectors

    def _base_vectors(self, positions: NDArray[np.int64]) -> Vectors:
        with self.lock:
            if hasattr(self.base, "make_direct_map"):  # An inverted file must be told to remember where each one is.
                self.base.make_direct_map(True)
        with one_thread():
            kept: Vectors = self.base.reconstruct_batch(positions)
        return kept

    def _search_base(self, vector: Vectors, k: int, mask: Mask | None) -> DenseHits:
        passing = int(self.base.ntotal) if mask is None else int(np.count_nonzero(mask))
        if not passing:
            return NO_DENSE_HITS
        if mask is not None and hasattr(self.base, "nprobe") and self._is_sooner_compared(passing):
            return self._compare(vector, k, np.flatnonzero(mask))
        parameters = self._parameters(mask, passing)
        with one_thread():
            scores, found = self.base.search(vector.reshape(1, -1), min(k, passing), params=parameters)
        real = found[0] >= 0
        return DenseHits(found[0][real].astype(np.int64), scores[0][real])

    def _is_sooner_compared(self, passing: int) -> bool:
        probed = self._probes(passing / int(self.base.ntotal)) / int(self.base.nlist) * int(self.base.ntotal)
        return passing <= COMPARED_ONE_BY_ONE and passing * PASSED_OVER_MEANWHILE <= probed

    def _compare(self, vector: Vectors, k: int, positions: NDArray[np.int64]) -> DenseHits:
        scores = self._base_vectors(positions) @ vector.reshape(-1)
        best = np.argsort(-scores, kind="stable")[:k]
        return DenseHits(positions[best], scores[best])

    def _parameters(self, mask: Mask | None, passing: int) -> Any:
        import faiss

        selector = None
        if mask is not None:
            bits = np.packbits(mask, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)
        if not isinstance(self.base, faiss.IndexIVF):
            return None if selector is None else faiss.SearchParameters(sel=selector)
        probes = self._probes(passing / max(int(self.base.ntotal), 1))
        if selector is None:
            return faiss.SearchParametersIVF(nprobe=probes)
        return faiss.SearchParametersIVF(sel=selector, nprobe=probes)

    def _probes(self, share: float) -> int:
        """How many lists to probe where a share of the passages passes: the fewer pass, the farther out the best lie.

        Between all and a tenth, for which it was measured, and on beyond, it grows by a power of the share.
        """
        power = math.log10(max(self.probes_of_tenth / max(self.probes, 1), 1.0))
        wanted = math.ceil(self.probes * math.pow(max(share, 1e-9), -power))
        return min(int(self.base.nlist), wanted)

    def _search_tail(self, vector: Vectors, offset: int, mask: Mask | None) -> DenseHits:
        scores = self.tail @ vector.reshape(-1)
        positions = np.arange(offset, offset + len(self.tail), dtype=np.int64)
        if mask is not None:
            scores, positions = scores[mask], positions[mask]
        return DenseHits(positions, scores.astype(np.float32))


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


def _stop_prefetching(base: Any) -> None:
    """Keeps an inverted file that is mapped into memory from starting 32 threads in every search to read ahead: what
    they would read is in memory most often, and starting them took four times as long as the search.
    """
    import faiss

    if isinstance(base, faiss.IndexIVF):
        lists = faiss.downcast_InvertedLists(base.invlists)
        if isinstance(lists, faiss.OnDiskInvertedLists):
            lists.prefetch_nthread = 0


def _check_head(path: Path) -> None:
    """Looks at the head of a file before FAISS believes it: its kind, and how much it says that it holds.

    Raises:
        IndexCorruptError: it is of another kind than is written here, or says more than it can hold.
    """
    try:
        with path.open("rb") as file:
            kind, dimension, count = _HEAD.unpack(file.read(_HEAD.size))
    except (OSError, struct.error) as error:
        raise IndexCorruptError(f"{path} cannot be read ({error}). Mend it: backissue doctor --repair") from error
    if kind not in _LEAST_BYTES:
        raise IndexCorruptError(f"{path} is no index of vectors that is written here. Mend: backissue doctor --repair")
    if not 0 < dimension <= _MAX_DIMENSION or not 0 <= count * dimension * _LEAST_BYTES[kind] <= path.stat().st_size:
        raise IndexCorruptError(
            f"{path} is too short for {count} vectors of dimension {dimension}. Mend it: backissue doctor --repair"
        )

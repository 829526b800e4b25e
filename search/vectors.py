"""Vectors in 8 bits a number: how archive.db keeps them, and the files to which it hands them over.

A vector stands in its passage's row until a generation is built of it. From then on the row holds a number: of the file
of vectors that the generation was built with, and of the vector's place in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backissue.search.errors import IndexCorruptError

Kept = bytes | int
"""A vector as a row of archive.db holds it."""

_PLACE_BITS = 32


def place_of(file: int, place: int) -> int:
    """What a row holds whose vector stands at a place of a file."""
    return file << _PLACE_BITS | place


def file_of(place: int) -> int:
    """The number of the file that a row speaks of."""
    return place >> _PLACE_BITS


class VectorFiles:
    """The files of vectors in a folder, each opened when one of its vectors is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[int, NDArray[np.int8]] = {}

    def path(self, file: int) -> Path:
        """Where a file is."""
        return self.folder / f"{file:06}.npy"

    def numbers(self) -> list[int]:
        """The numbers of the files that are there."""
        return sorted(int(path.stem) for path in self.folder.glob("*.npy") if path.stem.isdigit())

    def codes(self, kept: Sequence[Kept], dimension: int) -> NDArray[np.int8]:
        """The codes (n, dimension) of vectors as the rows of archive.db hold them.

        Raises:
            IndexCorruptError: a file is missing or cut, or has vectors of another dimension.
        """
        in_rows = np.array([isinstance(one, bytes) for one in kept], dtype=np.bool_)
        codes = np.empty((len(kept), dimension), dtype=np.int8)
        try:
            if in_rows.any():
                codes[in_rows] = _codes_of([one for one in kept if isinstance(one, bytes)], dimension)
            places = np.array([one for one in kept if not isinstance(one, bytes)], dtype=np.int64)
            codes[~in_rows] = self._in_files(places, dimension)
        except (ValueError, TypeError, OverflowError, IndexError) as error:
            raise IndexCorruptError(
                f"What archive.db says of vectors is not what {self.folder} holds ({error}). "
                "Mend it: backissue doctor --repair"
            ) from error
        return codes

    def _in_files(self, places: NDArray[np.int64], dimension: int) -> NDArray[np.int8]:
        codes = np.empty((len(places), dimension), dtype=np.int8)
        files = places >> _PLACE_BITS
        for file in {*files.tolist()}:
            codes[files == file] = self._file(file)[places[files == file] & ((1 << _PLACE_BITS) - 1)]
        return codes

    def _file(self, file: int) -> NDArray[np.int8]:
        vectors = self._open.get(file)
        if vectors is None:
            vectors = open_vectors(self.path(file))
            # No more than two: what is removed takes room on the disk as long as it is open.
            self._open = {file: vectors, **dict([*self._open.items()][:1])}
        return vectors

    def blobs(self, kept: Sequence[Kept], dimension: int) -> list[bytes]:
        """What the rows hold, or held before it was handed over.

        Raises:
            IndexCorruptError: a file is missing or cut, or has vectors of another dimension.
        """
        codes = self.codes([one for one in kept if isinstance(one, int)], dimension)
        handed_over = iter(codes)
        return [one if isinstance(one, bytes) else next(handed_over).tobytes() for one in kept]


def open_vectors(path: Path) -> NDArray[np.int8]:
    """The codes (n, d) in a file, mapped into memory.

    Raises:
        IndexCorruptError: it is missing, or no such file.
    """
    try:
        codes: NDArray[np.int8] = np.asarray(np.lib.format.open_memmap(path, mode="r"))
        if codes.dtype != np.int8 or codes.ndim != 2 or not codes.flags.c_contiguous:
            raise ValueError(f"an array of the shape {codes.shape} of {codes.dtype}")
    except Exception as error:  # What a damaged header makes NumPy's parser raise is of many kinds.
        raise IndexCorruptError(f"{path} cannot be read ({error}). Mend it: backissue doctor --repair") from error
    return codes


def encode_vectors(vectors: NDArray[np.floating[Any]]) -> NDArray[np.int8]:
    """Vectors (n, d) of length one as archive.db keeps them: 8 bits a number, the greatest of each vector 127."""
    greatest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0).astype(np.float32)
    scale = np.divide(127.0, greatest, where=greatest > 0, out=np.zeros_like(greatest))
    codes: NDArray[np.int8] = np.rint(vectors * scale).astype(np.int8)
    return codes


def decode_vectors(codes: NDArray[np.int8]) -> NDArray[np.float32]:
    """The vectors (n, d) that codes stand for: their length, which is one, says what the codes are worth."""
    vectors: NDArray[np.float32] = codes.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.divide(vectors, lengths, where=lengths > 0, out=vectors)
    return vectors


def _codes_of(blobs: Sequence[bytes], dimension: int) -> NDArray[np.int8]:
    """The codes (n, d) in rows. Format 1 of the archive has vectors in little-endian half precision: twice as long."""
    if all(len(blob) == dimension for blob in blobs):
        return np.frombuffer(b"".join(blobs), dtype=np.int8).reshape(len(blobs), dimension)
    halves = (np.frombuffer(blob, dtype=np.int8 if len(blob) == dimension else "<f2") for blob in blobs)
    return encode_vectors(np.stack([one.astype(np.float32) for one in halves]))

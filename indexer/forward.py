"""The write side of the forward index: arrays that grow passage by passage, on the disk and not in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from backissue.search.columns import narrow
from backissue.search.forward import HASH_BYTES, KEPT_HASH_BYTES, starts_of

_HEADER_BYTES = 128
_MAX_TITLE_TERMS = np.iinfo(np.uint16).max


class GrowingArray:
    """A one-dimensional .npy file that is written from front to back; its length stands in it when it is closed."""

    def __init__(self, file: IO[bytes], dtype: DTypeLike) -> None:
        self._file, self._dtype = file, np.dtype(dtype)
        self._length = 0
        file.write(bytes(_HEADER_BYTES))

    def append(self, values: NDArray[Any]) -> None:
        """Puts values behind those that were written."""
        self._file.write(np.ascontiguousarray(values, dtype=self._dtype).data)
        self._length += len(values)

    def close(self) -> None:
        """Writes the header. Its size is fixed: room for any length."""
        record = f"{{'descr': '{self._dtype.str}', 'fortran_order': False, 'shape': ({self._length},), }}"
        text = record.ljust(_HEADER_BYTES - 11) + "\n"
        self._file.seek(0)
        self._file.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("ascii"))


@contextmanager
def growing(path: Path, dtype: DTypeLike) -> Iterator[GrowingArray]:
    """An array at `path`, whole when the context ends."""
    with path.open("wb") as file:
        array = GrowingArray(file, dtype)
        yield array
        array.close()


class ForwardWriter:
    """Writes the forward index of passages that come in the order of their rows."""

    def __init__(self, folder: Path, vocabulary: int) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        token_type = np.uint16 if vocabulary <= 1 << 16 else np.int32
        self._lengths: list[NDArray[np.int64]] = []
        self._token_lengths: list[NDArray[np.int64]] = []
        with ExitStack() as files:  # Those that are open are closed where the disk takes no other.
            self._terms = files.enter_context(growing(folder / "terms.npy", np.uint8))
            self._tokens = files.enter_context(growing(folder / "tokens.npy", token_type))
            self._title_terms = files.enter_context(growing(folder / "title_terms.npy", np.uint16))
            self._files = files.pop_all()

    def __enter__(self) -> ForwardWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        is_whole = error == (None, None, None)
        if is_whole:
            self._terms.append(np.zeros(1, dtype=np.uint8))  # Whoever reads the last term reads a byte more.
        self._files.__exit__(*error)
        if is_whole:
            for name, lengths in (("term_starts", self._lengths), ("token_starts", self._token_lengths)):
                starts = starts_of(np.concatenate(lengths).tolist() if lengths else ())
                np.save(self._folder / f"{name}.npy", narrow(starts))

    def append(self, terms: NDArray[np.uint32], tokens: NDArray[Any], counts: NDArray[np.int64]) -> None:
        """Passages behind those that were written: their terms, their tokens, and for each passage how many terms it
        has, how many of these are its title's, and how many tokens: (n, 3).
        """
        self._terms.append(terms.view(np.uint8).reshape(-1, HASH_BYTES)[:, :KEPT_HASH_BYTES].reshape(-1))
        self._tokens.append(tokens)
        self._title_terms.append(np.minimum(counts[:, 1], _MAX_TITLE_TERMS))
        self._lengths.append(counts[:, 0])
        self._token_lengths.append(counts[:, 2])

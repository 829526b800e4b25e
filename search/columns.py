"""The filter columns: for each passage, its article, family, day and codes, as arrays one entry a passage.

They answer filters (a mask), facets (counts) and sorting without a visit to the database. Passages are
in the order of their rows, which never change and are never used again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backissue.search.errors import IndexCorruptError
from backissue.search.growing import Growing

NO_DAY = np.iinfo(np.int32).min
"""The day of an article without a date: before all others."""

NO_SECOND = np.iinfo(np.int64).min
"""Its second."""

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Columns:
    """Arrays of one length. Codes are those of the table `names` (0: none); days count from 0001-01-01 as
    `date.toordinal` does, in the article's own calendar; `published_s` is in seconds since 1970, UTC.
    """

    row: NDArray[np.int64]
    article: NDArray[np.int64]
    family: NDArray[np.int64]
    lang: Codes
    source: Codes
    section: Codes
    author: Codes
    day: NDArray[np.int64]
    published_s: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def empty(cls) -> Columns:
        """Columns of no passages."""
        return cls(*(np.zeros(0, dtype=np.int64) for _ in COLUMN_NAMES))

    @classmethod
    def concat(cls, parts: list[Columns]) -> Columns:
        """The passages of several columns, one after the other."""
        kept = [part for part in parts if len(part)] or [cls.empty()]
        if len(kept) == 1:
            return kept[0]
        return cls(*(np.concatenate([getattr(part, name) for part in kept]) for name in COLUMN_NAMES))

    @classmethod
    def open(cls, folder: Path) -> Columns:
        """The columns that `save` wrote, mapped into memory, not read.

        Raises:
            IndexCorruptError: a file is missing or unreadable, or has not as many entries as the others.
        """
        columns = cls(*(open_column(folder / f"{name}.npy") for name in COLUMN_NAMES))
        for name in COLUMN_NAMES:
            if len(getattr(columns, name)) != len(columns):
                raise IndexCorruptError(
                    f"{folder / name}.npy has {len(getattr(columns, name))} entries, row.npy {len(columns)}. "
                    "Mend it: backissue doctor --repair"
                )
        return columns

    def save(self, folder: Path) -> list[Path]:
        """Writes each column to a file of its own in the smallest integer type that holds it."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for name in COLUMN_NAMES:
            path = folder / f"{name}.npy"
            np.save(path, narrow(getattr(self, name)))
            paths.append(path)
        return paths

    def positions(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The positions of the given passage rows, -1 for a row that is not here."""
        if not len(self):
            return np.full(len(rows), -1, dtype=np.int64)
        first, last = int(self.row[0]), int(self.row[-1])
        if last - first == len(self) - 1:  # none was deleted
            return np.where((rows >= first) & (rows <= last), rows - first, -1)
        # Rows of the column's own type: with any other the whole column would be converted at every call.
        wanted = np.clip(rows, 0, np.iinfo(self.row.dtype).max).astype(self.row.dtype)
        found = np.minimum(np.searchsorted(self.row, wanted), len(self) - 1)
        return np.where(self.row[found] == rows, found, -1)


COLUMN_NAMES = tuple(field.name for field in fields(Columns))


class GrowingColumns:
    """Columns to which passages are added at a cost that does not grow with those that are there."""

    def __init__(self, columns: Columns, parts: tuple[Growing, ...] | None = None) -> None:
        self.columns = columns
        self._parts = parts or tuple(Growing(getattr(columns, name)) for name in COLUMN_NAMES)

    def followed_by(self, more: Columns) -> GrowingColumns:
        """These columns with more passages behind them; these stay as they are."""
        if not len(more):
            return self
        parts = tuple(
            part.followed_by(narrow(getattr(more, name))) for part, name in zip(self._parts, COLUMN_NAMES, strict=True)
        )
        return GrowingColumns(Columns(*(part.values for part in parts)), parts)


def open_column(path: Path) -> NDArray[Any]:
    """An array of whole numbers, mapped into memory, not read.

    Raises:
        IndexCorruptError: the file is missing or no such array.
    """
    try:
        # As a plain array: every slice of the mapped kind costs some microseconds more.
        column: NDArray[Any] = np.asarray(np.lib.format.open_memmap(path, mode="r"))
        if column.ndim != 1 or column.dtype.kind not in "iu":
            raise ValueError(f"an array of shape {column.shape} and type {column.dtype}")
    except Exception as error:  # What a damaged header makes NumPy's parser raise is of many kinds.
        raise IndexCorruptError(f"{path} cannot be read ({error}). Mend it: backissue doctor --repair") from error
    return column


def narrow(values: NDArray[np.int64]) -> NDArray[Any]:
    """The values in the smallest of three signed types that holds them."""
    if not len(values):
        return values
    for dtype in (np.int16, np.int32):
        limits = np.iinfo(dtype)
        if limits.min <= values.min() and values.max() <= limits.max:
            return values.astype(dtype)
    return values

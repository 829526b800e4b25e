"""An explanation made ready to be laid out: any nest of mappings, lists and scalars, each in the form it reads best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from backissue.api.http.wording import label, value_words

MAX_DEPTH = 8
MAX_TABLE_COLUMNS = 6
LEAST_FILLED = 0.6
"""The part of a table's cells that must hold something; a sparser one reads better as lines."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A part of an explanation.

    A "text" has `words`; a "line" has pairs of names and words, short enough to stand in one line; "pairs" are
    names with parts of their own; a "list" has parts without names; a "table" has `columns` and rows of words.
    """

    kind: Literal["text", "line", "pairs", "list", "table"]
    words: str = ""
    line: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[str, Explained], ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, tuple[str, ...]], ...] = ()


def explained(value: Any, depth: int = 0) -> Explained:
    """Lays out a value; what lies deeper than `MAX_DEPTH` is told as text. The words are not markup."""
    if _is_scalar(value):
        return Explained("text", value_words(value))
    if depth >= MAX_DEPTH:
        return Explained("text", str(value))
    if isinstance(value, Mapping):
        return _mapping(value, depth)
    if all(_is_scalar(item) for item in value):
        return Explained("text", ", ".join(value_words(item) for item in value))
    numbered = {str(number): item for number, item in enumerate(value, start=1)}
    return _table(numbered) or Explained("list", parts=tuple(("", explained(item, depth + 1)) for item in value))


def _mapping(value: Mapping[Any, Any], depth: int) -> Explained:
    if depth and all(_is_scalar(part) for part in value.values()):
        return Explained("line", line=tuple((label(str(name)), value_words(part)) for name, part in value.items()))
    parts = tuple((label(str(name)), explained(part, depth + 1)) for name, part in value.items())
    return _table(value) or Explained("pairs", parts=parts)


def _table(value: Mapping[Any, Any]) -> Explained | None:
    """Alike mappings of scalars side by side; None where they are not alike."""
    rows = [(str(name), row) for name, row in value.items() if isinstance(row, Mapping)]
    cells = [cell for _, row in rows for cell in row.values()]
    columns = tuple(dict.fromkeys(column for _, row in rows for column in row))
    if len(rows) < max(2, len(value)) or not 1 < len(columns) <= MAX_TABLE_COLUMNS:
        return None
    if len(cells) < LEAST_FILLED * len(rows) * len(columns) or not all(map(_is_scalar, cells)):
        return None
    return Explained(
        "table",
        columns=tuple(label(str(column)) for column in columns),
        rows=tuple(
            (label(name), tuple(value_words(row[column]) if column in row else "" for column in columns))
            for name, row in rows
        ),
    )


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, Mapping | list | tuple)

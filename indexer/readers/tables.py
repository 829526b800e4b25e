"""Records of .csv and .tsv files."""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping

from backissue.indexer.readers.fields import missing_columns, to_raw
from backissue.indexer.readers.finish import RawArticle
from backissue.indexer.readers.lines import decoded_lines
from backissue.indexer.readers.problem import Problem, UnreadableError
from backissue.indexer.readers.streams import MAX_ARTICLE_BYTES, File

_DELIMITERS = ",;\t|"
_CARRIAGE_RETURN = re.compile(r"(?<=\r)(?!\n)")  # once the end of a line by itself


def read_table(file: File, mapping: Mapping[str, str]) -> Iterator[RawArticle | Problem]:
    """The article of each row below the header."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ARTICLE_BYTES))
    with file.open() as stream:
        lines = _Lines(decoded_lines(stream))
        header_line = next(lines, "")
        while header_line and not header_line.strip():
            header_line = next(lines, "")
        delimiter = _delimiter(header_line)
        try:
            columns = [column.strip() for column in next(csv.reader([header_line], delimiter=delimiter), [])]
        except csv.Error as error:
            yield Problem(file.path, "line 1", "malformed", f"no header: {error}")
            return
        if absent := missing_columns(columns, mapping):
            reason = f"no column {', '.join(map(repr, absent))}; the columns are {', '.join(columns)}"
            yield Problem(file.path, "line 1", "malformed", reason)
            return
        rows = csv.reader(lines, delimiter=delimiter)
        while True:
            first_line = lines.number + 1
            try:
                row = next(rows, None)
            except csv.Error as error:
                yield Problem(file.path, f"line {first_line}", "malformed", f"no row: {error}")
                continue
            yield from lines.problems(file.path)
            if row is None:
                return
            if row:
                yield _article(row, columns, mapping, file.path, f"line {first_line}")


def _article(
    row: list[str], columns: list[str], mapping: Mapping[str, str], path: str, where: str
) -> RawArticle | Problem:
    if len(row) < len(columns) or any(row[len(columns) :]):
        reason = (
            f"a row of {len(row)} fields below a header of {len(columns)}; is a quote open or a separator unquoted?"
        )
        return Problem(path, where, "malformed", reason)
    return to_raw(dict(zip(columns, row, strict=False)), mapping, path, where)


def _delimiter(header: str) -> str:
    """The separator that the header has most of, outside quotes."""
    unquoted = re.sub(r'"[^"]*"', "", header)
    counts = Counter(char for char in unquoted if char in _DELIMITERS)
    return counts.most_common(1)[0][0] if counts else ","


class _Lines(Iterator[str]):
    """The lines that can be decoded; it counts them, and keeps what is wrong with the others."""

    def __init__(self, lines: Iterator[tuple[int, str | UnreadableError]]) -> None:
        self._lines = lines
        self._wrong: list[tuple[int, UnreadableError]] = []
        self._ready: deque[str] = deque()
        self.number = 0

    def __next__(self) -> str:
        if self._ready:
            return self._ready.popleft()
        for number, line in self._lines:
            self.number = number
            if isinstance(line, str):
                self._ready.extend(_CARRIAGE_RETURN.split(line.replace("\0", "")))
                return self._ready.popleft()
            self._wrong.append((number, line))
        raise StopIteration

    def problems(self, path: str) -> Iterator[Problem]:
        """What was wrong since the last call."""
        wrong, self._wrong = self._wrong, []
        for number, error in wrong:
            yield Problem(path, f"line {number}", error.kind, error.reason)

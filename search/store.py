"""The read side of archive.db: articles, passages and their columns.

A `Store` may be used from several threads: each thread reads through a connection of its own.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backissue.search.columns import COLUMN_NAMES, Columns
from backissue.search.errors import (
    ArticleNotFoundError,
    FormatVersionError,
    IndexCorruptError,
    IndexNotFoundError,
    InvalidArgumentError,
)
from backissue.search.layout import ARCHIVE_FORMAT, EARLIER_ARCHIVE_FORMATS
from backissue.search.texts import BLOCKS_OF_PASSAGE, TextReader
from backissue.search.types import UNKNOWN_LANG, Article, ArticleRef, Span

_BUSY_SECONDS = 30
_MAX_VARIABLES = 30_000

DAMAGED = (sqlite3.DatabaseError, UnicodeDecodeError, zlib.error)
"""What SQLite and zlib raise over a damaged file; SQLite's message may quote bytes of the file that are no text."""

_COLUMN_QUERY = """
    SELECT p.row, p.article, a.family, COALESCE(a.lang, 0), COALESCE(a.source, 0), COALESCE(a.section, 0),
           COALESCE(a.author, 0), a.day, a.published_s, p.vector
    FROM passages p JOIN articles a ON a.row = p.article
    WHERE p.layout = ? AND p.row > ? ORDER BY p.row
"""

_REF_FIELDS = """a.row, a.id, a.title, l.value, s.value, a.published, a.url, w.value, c.value"""

_ARTICLE_JOIN = """
    FROM articles a
    LEFT JOIN names l ON l.code = a.lang LEFT JOIN names s ON s.code = a.source
    LEFT JOIN names w ON w.code = a.author LEFT JOIN names c ON c.code = a.section
"""


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage's place: `text[start:end]` of the article with that row."""

    row: int
    article: int
    start: int
    end: int
    text: str


class Store:
    """Reads one archive.db."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: dict[threading.Thread, sqlite3.Connection] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()

    @classmethod
    def open(cls, path: Path) -> Store:
        """Opens the database at `path` for reading.

        Raises:
            IndexNotFoundError: there is none.
            FormatVersionError: it has a format that this version does not read.
            IndexCorruptError: the file is no archive.
        """
        if not path.is_file():
            raise IndexNotFoundError(
                f"There is no archive at {path}. Build one: backissue rebuild PATH… --index {path.parent}"
            )
        store = cls(path)
        try:
            with store.read() as connection:
                refuse_programs(connection, path)
            version = store.meta("format_version")
            if version is None:
                raise IndexCorruptError(f"{path} has no format version. Restore it from a backup.")
            if version in map(str, EARLIER_ARCHIVE_FORMATS):
                raise FormatVersionError(
                    f"{path} has format {version}; this version reads format {ARCHIVE_FORMAT}. "
                    "Run: backissue rebuild (the articles are kept)"
                )
            if version != str(ARCHIVE_FORMAT):
                raise FormatVersionError(
                    f"{path} has format {version}; this version reads format {ARCHIVE_FORMAT}. "
                    "Build a new index from the files, or use the version that wrote this one."
                )
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Closes every thread's connection. The store must not be used afterwards."""
        with self._lock:
            self._closed.set()
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection inside one read transaction: every query in it sees the same state.

        Raises:
            IndexCorruptError: SQLite finds the file damaged or missing.
            InvalidArgumentError: the store was closed.
        """
        if self._closed.is_set():
            raise InvalidArgumentError(f"The archive at {self._path} was closed; open it again.")
        try:
            connection = self._connection()
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.commit()
        except DAMAGED as error:
            if self._closed.is_set():
                raise InvalidArgumentError(f"The archive at {self._path} was closed; open it again.") from error
            raise IndexCorruptError(f"{self._path} cannot be read ({error}). Restore it from a backup.") from error

    def meta(self, key: str) -> str | None:
        """The value of a setting that the archive holds, None where it has none."""
        with self.read() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def seq(self) -> int:
        """The number of the last committed change."""
        number = self.meta("seq") or ""
        if not number.isdigit():
            raise IndexCorruptError(f"{self._path} has no number of its last change. Restore it from a backup.")
        return int(number)

    def columns_after(self, layout: int, row: int, dimension: int) -> tuple[Columns, NDArray[np.float32]]:
        """The columns and vectors (n, dimension) of the layout's passages behind `row`, in the order of rows."""
        with self.read() as connection:
            records = connection.execute(_COLUMN_QUERY, (layout, row)).fetchall()
        return columns_and_vectors(records, dimension)

    def column_batches(
        self, layout: int, dimension: int, batch_size: int = 20_000
    ) -> Iterator[tuple[Columns, NDArray[np.float32]]]:
        """All passages of a layout, a batch at a time, within the caller's read transaction if there is one."""
        with self.read() as connection:
            cursor = connection.execute(_COLUMN_QUERY, (layout, 0))
            while records := cursor.fetchmany(batch_size):
                yield columns_and_vectors(records, dimension)

    def tombstones_after(self, layout: int, seq: int) -> NDArray[np.int64]:
        """The passage rows that were deleted after change `seq`."""
        with self.read() as connection:
            rows = connection.execute(
                "SELECT passage FROM tombstones WHERE layout = ? AND seq > ?", (layout, seq)
            ).fetchall()
        return np.array([row for (row,) in rows], dtype=np.int64)

    def names(self, kind: str) -> dict[int, str]:
        """The values of a kind (lang, source, section, author) by their codes."""
        with self.read() as connection:
            return dict(connection.execute("SELECT code, value FROM names WHERE kind = ?", (kind,)))

    def passages(self, rows: Iterable[int]) -> dict[int, StoredPassage]:
        """The passages of the given rows with their text; rows that are gone are left out."""
        found: dict[int, StoredPassage] = {}
        with self.read() as connection:
            texts = TextReader(connection)
            for some in _batches(list(rows)):
                query = (
                    "SELECT p.row, p.article, p.start, p.end, t.block, t.data "
                    f"FROM passages p LEFT JOIN texts t ON {BLOCKS_OF_PASSAGE} WHERE p.row IN ({_marks(some)})"
                )
                records = connection.execute(query, some).fetchall()
                texts.hold({key: data for *_, key, data in records})
                for row, article, start, end, *_ in records:
                    if row not in found:
                        found[row] = StoredPassage(row, article, start, end, texts.passage(article, start, end))
        return found

    def refs(self, rows: Iterable[int]) -> dict[int, ArticleRef]:
        """The heads of the articles of the given rows; rows that are gone are left out."""
        found: dict[int, ArticleRef] = {}
        with self.read() as connection:
            for some in _batches(list(rows)):
                query = f"SELECT {_REF_FIELDS} {_ARTICLE_JOIN} WHERE a.row IN ({_marks(some)})"
                for record in connection.execute(query, some):
                    found[record[0]] = _ref(record)
        return found

    def article(self, article_id: str) -> Article:
        """The article of this id.

        Raises:
            ArticleNotFoundError: the archive holds none.
        """
        with self.read() as connection:
            query = f"SELECT {_REF_FIELDS} {_ARTICLE_JOIN} WHERE a.id = ?"
            record = connection.execute(query, (article_id,)).fetchone()
            if record is None:
                raise ArticleNotFoundError(f"The archive holds no article {article_id!r}.")
            return _article(record, TextReader(connection).whole(record[0]))

    def row_of(self, article_id: str) -> int:
        """The row of an article.

        Raises:
            ArticleNotFoundError: the archive holds none of this id.
        """
        with self.read() as connection:
            record = connection.execute("SELECT row FROM articles WHERE id = ?", (article_id,)).fetchone()
        if record is None:
            raise ArticleNotFoundError(f"The archive holds no article {article_id!r}.")
        return int(record[0])

    def ids_without_passages(self, layout: int) -> list[str]:
        """The ids of the articles with a text that have no passages of the layout."""
        query = (
            "SELECT row, id FROM articles a "
            "WHERE NOT EXISTS (SELECT 1 FROM passages p WHERE p.article = a.row AND p.layout = ?)"
        )
        with self.read() as connection:
            found = connection.execute(query, (layout,))
            texts = TextReader(connection)
            return [article_id for row, article_id in found if texts.whole(row).strip()]

    def checksummed_passages(self) -> Iterator[tuple[int, int, int, bytes, int]]:
        """Row, start, end, vector and checksum of every passage."""
        with self.read() as connection:
            yield from connection.execute("SELECT row, start, end, vector, checksum FROM passages")

    def hashed_articles(self) -> Iterator[tuple[Article, bytes, int, int]]:
        """Every article with the hash of its content, its day and its second of publication."""
        with self.read() as connection:
            query = f"SELECT {_REF_FIELDS}, a.hash, a.day, a.published_s {_ARTICLE_JOIN}"
            texts = TextReader(connection)
            for *record, digest, day, published_s in connection.execute(query):
                yield _article(record, texts.whole(record[0])), digest, day, published_s

    def spans(self, article_row: int, layout: int) -> list[Span]:
        """The passages of an article, in order."""
        with self.read() as connection:
            query = "SELECT start, end FROM passages WHERE layout = ? AND article = ? ORDER BY row"
            return [(start, end) for start, end in connection.execute(query, (layout, article_row))]

    def vectors(self, rows: Iterable[int], dimension: int) -> dict[int, NDArray[np.float32]]:
        """The vectors (dimension,) of the passages of the given rows; rows that are gone are left out."""
        found: dict[int, NDArray[np.float32]] = {}
        with self.read() as connection:
            for some in _batches(list(rows)):
                query = f"SELECT row, vector FROM passages WHERE row IN ({_marks(some)})"
                for row, blob in connection.execute(query, some):
                    found[row] = decode_vectors([blob], dimension)[0]
        return found

    def vectors_of(self, article_row: int, layout: int, dimension: int) -> NDArray[np.float32]:
        """The vectors (n, dimension) of an article's passages, in order."""
        with self.read() as connection:
            query = "SELECT vector FROM passages WHERE layout = ? AND article = ? ORDER BY row"
            blobs = [blob for (blob,) in connection.execute(query, (layout, article_row))]
        return decode_vectors(blobs, dimension)

    def count_by(self, column: str) -> dict[str, int]:
        """How many articles have each value of lang, source or section, most first."""
        if column not in ("lang", "source", "section"):
            raise ValueError(column)
        query = (
            "SELECT n.value, COUNT(*) FROM articles a JOIN names n "
            f"ON n.code = a.{column} GROUP BY n.value ORDER BY 2 DESC, 1"
        )
        with self.read() as connection:
            return dict(connection.execute(query))

    def totals(self, layout: int) -> tuple[int, int, str | None, str | None]:
        """The numbers of articles and passages, and the first and last day of publication."""
        with self.read() as connection:
            (articles,) = connection.execute("SELECT COUNT(*) FROM articles").fetchone()
            first, last = connection.execute("SELECT MIN(day), MAX(day) FROM articles WHERE day > 0").fetchone()
            (passages,) = connection.execute("SELECT COUNT(*) FROM passages WHERE layout = ?", (layout,)).fetchone()
        return articles, passages, _iso(first), _iso(last)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect_read_only(self._path)
            self._local.connection = connection
            with self._lock:
                ended = [thread for thread in self._connections if not thread.is_alive()]
                for thread in ended:
                    self._connections.pop(thread).close()
                self._connections[threading.current_thread()] = connection
        return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection to archive.db that cannot write, nor make the file where there is none."""
    address = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(
        address, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True
    )
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA mmap_size = 268435456")
    return connection


def is_of_earlier_format(path: Path) -> bool:
    """Whether the file at `path` is an archive of a format that a writer brings over to this version's."""
    try:
        with closing(connect_read_only(path)) as connection:
            record = connection.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchone()
    except DAMAGED:
        return False
    return record is not None and record[0] in map(str, EARLIER_ARCHIVE_FORMATS)


def refuse_programs(connection: sqlite3.Connection, path: Path) -> None:
    """Refuses a file with triggers or views, which SQLite would run, and which no archive has.

    Raises:
        IndexCorruptError: it has one.
    """
    found = connection.execute("SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone()
    if found is not None:
        raise IndexCorruptError(f"{path} has the {found[0]} {found[1]!r}, which no archive has. Do not trust it.")


def encode_vectors(vectors: NDArray[np.floating[Any]]) -> NDArray[np.int8]:
    """Vectors (n, d) of length one as archive.db keeps them: 8 bits a number, the greatest of each vector 127."""
    greatest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0).astype(np.float32)
    scale = np.divide(127.0, greatest, where=greatest > 0, out=np.zeros_like(greatest))
    codes: NDArray[np.int8] = np.rint(vectors * scale).astype(np.int8)
    return codes


def decode_vectors(blobs: Sequence[bytes], dimension: int) -> NDArray[np.float32]:
    """The vectors (n, d) of what `encode_vectors` gave: their length, which is one, says what the codes are worth.

    Format 1 of the archive has vectors in little-endian half precision, which are twice as long.
    """
    if all(len(blob) == dimension for blob in blobs):
        codes = np.frombuffer(b"".join(blobs), dtype=np.int8)
    else:
        codes = np.concatenate([np.frombuffer(b, dtype=np.int8 if len(b) == dimension else "<f2") for b in blobs])
    vectors: NDArray[np.float32] = codes.astype(np.float32).reshape(len(blobs), dimension)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.divide(vectors, lengths, where=lengths > 0, out=vectors)
    return vectors


def columns_and_vectors(records: Sequence[tuple[object, ...]], dimension: int) -> tuple[Columns, NDArray[np.float32]]:
    """The columns and the vectors (n, dimension) of rows that `_COLUMN_QUERY` gave."""
    if not records:
        return Columns.empty(), np.zeros((0, dimension), dtype=np.float32)
    *values, blobs = zip(*records, strict=True)
    columns = Columns(**{name: np.array(v, dtype=np.int64) for name, v in zip(COLUMN_NAMES, values, strict=True)})
    return columns, decode_vectors([blob for blob in blobs if isinstance(blob, bytes)], dimension)


def _iso(day: int | None) -> str | None:
    return None if day is None else date.fromordinal(day).isoformat()


def _ref(record: Sequence[object]) -> ArticleRef:
    _, article_id, title, lang, source, published, url, author, section = record[:9]
    return ArticleRef(
        id=str(article_id),
        title=str(title),
        lang=_text(lang) or UNKNOWN_LANG,
        source=_text(source),
        published=_text(published),
        url=_text(url),
        author=_text(author),
        section=_text(section),
    )


def _article(record: Sequence[object], text: str) -> Article:
    ref = _ref(record)
    return Article(text=text, **{name: getattr(ref, name) for name in ArticleRef.__slots__})


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def _batches(rows: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(rows), _MAX_VARIABLES):
        yield [int(row) for row in rows[start : start + _MAX_VARIABLES]]

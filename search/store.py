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
from backissue.search.layout import ARCHIVE_FORMAT, EARLIER_ARCHIVE_FORMATS, IndexPaths
from backissue.search.texts import BLOCKS_OF_PASSAGE, TextReader
from backissue.search.types import UNKNOWN_LANG, Article, ArticleRef, Span
from backissue.search.vectors import VectorFiles, decode_vectors

_BUSY_SECONDS = 30
_MAX_VARIABLES = 30_000
_AT_ONCE = 20_000

DAMAGED = (sqlite3.DatabaseError, UnicodeDecodeError, zlib.error)
"""What SQLite and zlib raise over a damaged file; SQLite's message may quote bytes of the file that are no text."""

# With the plus SQLite walks along the rows and not along an index of all passages of the layout, which it would sort.
_COLUMN_QUERY = """
    SELECT p.row, p.article, a.family, COALESCE(a.lang, 0), COALESCE(a.source, 0), COALESCE(a.section, 0),
           COALESCE(a.author, 0), a.day, a.published_s, p.vector
    FROM passages p JOIN articles a ON a.row = p.article
    WHERE +p.layout = ? AND p.row > ? ORDER BY p.row
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
        self.files = VectorFiles(IndexPaths(path.parent).vectors)
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
            codes = self.files.codes([kept for *_, kept in records], dimension)
            return columns_of(records), decode_vectors(codes)

    def column_batches(
        self, layout: int, dimension: int, batch_size: int = _AT_ONCE
    ) -> Iterator[tuple[Columns, NDArray[np.int8]]]:
        """All passages of a layout with the codes of their vectors (n, dimension), a batch at a time, within the
        caller's read transaction if there is one.
        """
        with self.read() as connection:
            cursor = connection.execute(_COLUMN_QUERY, (layout, 0))
            while records := cursor.fetchmany(batch_size):
                yield columns_of(records), self.files.codes([kept for *_, kept in records], dimension)

    def tombstones_after(self, layout: int, seq: int) -> NDArray[np.int64]:
        """The passage rows that were deleted after change `seq`."""
        with self.read() as connection:
            rows = connection.execute(
                "SELECT passage FROM tombstones WHERE layout = ? AND seq > ?", (layout, seq)
            ).fetchall()
            return _integers([row for (row,) in rows])

    def names_after(self, code: int) -> dict[str, dict[int, str]]:
        """The values of each kind (lang, source, section, author) by their codes, ascending; of the codes above one."""
        found: dict[str, dict[int, str]] = {}
        with self.read() as connection:
            query = "SELECT kind, code, value FROM names WHERE code > ? ORDER BY code"
            for kind, number, value in connection.execute(query, (code,)):
                found.setdefault(kind, {})[_integer(number)] = value
        return found

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
                for row, *place, _, _ in records:
                    if row not in found:
                        article, start, end = map(_integer, place)
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
        """Row, start, end, vector and checksum of every passage.

        Raises:
            IndexCorruptError: a file of vectors is missing or cut.
        """
        with self.read() as connection:
            for layout, dimension in connection.execute("SELECT layout, dimension FROM layouts").fetchall():
                query = "SELECT row, start, end, vector, checksum FROM passages WHERE layout = ?"
                cursor = connection.execute(query, (layout,))
                while records := cursor.fetchmany(_AT_ONCE):
                    vectors = self.files.blobs([kept for *_, kept, _ in records], dimension)
                    for (row, start, end, _, checksum), vector in zip(records, vectors, strict=True):
                        yield row, start, end, vector, checksum

    def check_files(self) -> None:
        """Looks whether the files of vectors that passages speak of are there, and long enough.

        Raises:
            IndexCorruptError: one is not.
        """
        query = """
            SELECT MAX(p.vector), l.dimension FROM passages p JOIN layouts l ON l.layout = p.layout
            WHERE typeof(p.vector) = 'integer' GROUP BY p.layout, p.vector >> 32
        """
        with self.read() as connection:
            for last, dimension in connection.execute(query).fetchall():
                self.files.codes([last], dimension)

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
            return [(_integer(start), _integer(end)) for start, end in connection.execute(query, (layout, article_row))]

    def vectors_of(self, article_row: int, layout: int, dimension: int) -> NDArray[np.float32]:
        """The vectors (n, dimension) of an article's passages, in order."""
        with self.read() as connection:
            query = "SELECT vector FROM passages WHERE layout = ? AND article = ? ORDER BY row"
            kept = [one for (one,) in connection.execute(query, (layout, article_row))]
            return decode_vectors(self.files.codes(kept, dimension))

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
            passages = self.count_passages(layout)
        return articles, passages, _iso(first), _iso(last)

    def count_passages(self, layout: int) -> int:
        """The number of passages of a layout."""
        with self.read() as connection:
            query = "SELECT COUNT(*) FROM passages WHERE layout = ?"
            return int(connection.execute(query, (layout,)).fetchone()[0])

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


def columns_of(records: Sequence[tuple[Any, ...]]) -> Columns:
    """The columns of rows that `_COLUMN_QUERY` gave.

    Raises:
        sqlite3.DatabaseError: something else than numbers stands there.
    """
    if not records:
        return Columns.empty()
    *values, _ = zip(*records, strict=True)
    return Columns(**{name: _integers(some) for name, some in zip(COLUMN_NAMES, values, strict=True)})


def _integer(value: object) -> int:
    """A number that the archive holds.

    Raises:
        sqlite3.DatabaseError: it is none, which no writer wrote.
    """
    if not isinstance(value, int):
        raise sqlite3.DatabaseError(f"{value!r} stands where a number should")
    return value


def _integers(values: Sequence[object]) -> NDArray[np.int64]:
    """The same of many, (n,)."""
    try:
        return np.array(values, dtype=np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise sqlite3.DatabaseError(f"something else stands where a number should: {error}") from error


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

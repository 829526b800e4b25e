"""The write side of archive.db: what is committed here was acknowledged, and everything else is derived from it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from backissue.indexer.copies import Signature, bands, kept, resemblances
from backissue.indexer.storage import flush, make_folder
from backissue.search.columns import NO_DAY, NO_SECOND
from backissue.search.errors import FormatVersionError, IndexCorruptError
from backissue.search.layout import ARCHIVE_FORMAT, EARLIER_ARCHIVE_FORMATS, IndexPaths
from backissue.search.store import DAMAGED, refuse_programs
from backissue.search.texts import deflated, keys_of
from backissue.search.types import Article, Span
from backissue.search.vectors import Kept, VectorFiles, file_of, open_vectors, place_of

SAME_COPY = 0.7
"""From this estimated resemblance on two articles are copies of one text. Real rewrites of one event stay below 0.5
(Jaccard of word shingles); an agency's text with another headline and tail lies above 0.8."""

MOST_COMPARED = 50
"""So many articles that share a band are compared: a text that stands a million times in an archive is found by its
first copies, and each further one costs no more than the last."""

PAGE_BYTES = 8192
CACHE_KB = 64_000
"""Holds the keys of copies, which come in no order, of 300,000 articles."""

_BUSY_SECONDS = 30
_AT_ONCE = 20_000
_PAGES_AT_ONCE = 4_000

_ONE_PLACE_OF_EACH_FILE = "SELECT MAX(vector) FROM passages WHERE typeof(vector) = 'integer' GROUP BY vector >> 32"

_ARTICLES = """CREATE TABLE articles (
    row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, hash BLOB NOT NULL, seq INTEGER NOT NULL,
    family INTEGER NOT NULL, signature BLOB,
    lang INTEGER NOT NULL, source INTEGER, section INTEGER, author INTEGER,
    published TEXT, day INTEGER NOT NULL, published_s INTEGER NOT NULL,
    url TEXT, title TEXT NOT NULL
)"""
_TEXTS = "CREATE TABLE texts (block INTEGER PRIMARY KEY, data BLOB NOT NULL)"

_SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE names (code INTEGER PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (kind, value));
{_ARTICLES};
{_TEXTS};
CREATE TABLE bands (band INTEGER NOT NULL, article INTEGER NOT NULL, PRIMARY KEY (band, article)) WITHOUT ROWID;
CREATE TABLE layouts (
    layout INTEGER PRIMARY KEY, model_id TEXT NOT NULL, model_hash TEXT NOT NULL, dimension INTEGER NOT NULL,
    target_words INTEGER NOT NULL, overlap_sentences INTEGER NOT NULL,
    UNIQUE (model_id, model_hash, target_words, overlap_sentences)
);
CREATE TABLE passages (
    row INTEGER PRIMARY KEY AUTOINCREMENT, layout INTEGER NOT NULL, article INTEGER NOT NULL, seq INTEGER NOT NULL,
    start INTEGER NOT NULL, end INTEGER NOT NULL, vector BLOB NOT NULL, checksum INTEGER NOT NULL -- search/vectors.py
);
CREATE INDEX passages_article ON passages (article, layout);
CREATE INDEX passages_seq ON passages (layout, seq);
CREATE TABLE tombstones (passage INTEGER PRIMARY KEY, layout INTEGER NOT NULL, seq INTEGER NOT NULL);
CREATE INDEX tombstones_seq ON tombstones (layout, seq);
"""

_WITHOUT_PASSAGES = (
    "FROM articles a WHERE NOT EXISTS (SELECT 1 FROM passages p WHERE p.article = a.row AND p.layout = ?)"
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How articles are cut into passages and by which model these are embedded. Passages of several layouts may stand
    beside each other: a rebuild with another model fills its own while searches go on in the published one.
    """

    model_id: str
    model_hash: str
    dimension: int
    target_words: int
    overlap_sentences: int


@dataclass(frozen=True, slots=True)
class CutArticle:
    """An article with the blocks of its text as the archive keeps them, its passages (spans of its text), their vectors
    as the archive keeps them, shape (passages, dimension), and the signature of its text.
    """

    article: Article
    blocks: tuple[bytes, ...]
    spans: tuple[Span, ...]
    vectors: NDArray[np.int8]
    signature: Signature


@dataclass(frozen=True, slots=True)
class Known:
    """What the archive holds of an article: its row, the hash of its content and the change that wrote it."""

    row: int
    hash: bytes
    seq: int


class Database:
    """One connection that writes."""

    def __init__(self, connection: sqlite3.Connection, files: VectorFiles) -> None:
        self._connection = connection
        self.files = files

    @classmethod
    def open(cls, path: Path) -> Database:
        """Opens the archive at `path`, made empty where there is none.

        Raises:
            IndexCorruptError: the file is no archive.
            FormatVersionError: it is one of another format.
        """
        make_folder(path.parent)
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            # Rows of a kilobyte waste a fifth of a page of 4 kB. An archive that is there keeps its pages.
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            # Vectors leave the file when they are handed over; what they took is given back.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            # Acknowledged must mean on the disk, also when the power fails.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
            # The file may be a stranger's: nothing in it is to run.
            connection.execute("PRAGMA trusted_schema = OFF")
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                start = f"INSERT INTO meta VALUES ('format_version', '{ARCHIVE_FORMAT}'), ('seq', '0');"
                connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {start} COMMIT;")
            (version,) = connection.execute("SELECT value FROM meta WHERE key = 'format_version'").fetchone()
            refuse_programs(connection, path)
        except (sqlite3.OperationalError, IndexCorruptError):
            connection.close()
            raise
        except (*DAMAGED, TypeError) as error:
            connection.close()
            raise IndexCorruptError(f"{path} is no archive ({error}). Restore it from a backup.") from error
        if str(version) not in map(str, {ARCHIVE_FORMAT, *EARLIER_ARCHIVE_FORMATS}):
            connection.close()
            raise FormatVersionError(
                f"{path} has format {version}; this version writes format {ARCHIVE_FORMAT}. "
                "Build a new index from the files, or use the version that wrote this one."
            )
        database = cls(connection, VectorFiles(IndexPaths(path.parent).vectors))
        if str(version) != str(ARCHIVE_FORMAT):
            database._bring_over(str(version))
        return database

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bring_over(self, version: str) -> None:
        """Makes an archive of an earlier format one of this format, in one transaction."""
        with self.transaction():
            if version == "1":
                self._make_keys_anew()
            self._deflate_texts()
            self._connection.execute("UPDATE meta SET value = ? WHERE key = 'format_version'", (str(ARCHIVE_FORMAT),))
        with suppress(sqlite3.OperationalError):  # What is not given back to the disk is used for what comes.
            self._connection.execute("VACUUM")

    def _make_keys_anew(self) -> None:
        """Format 1 has other keys of copies."""
        self._connection.execute("DROP INDEX IF EXISTS bands_article")
        self._connection.execute("DELETE FROM bands")
        signatures = self._connection.execute("SELECT row, signature FROM articles")
        keys = ((key, row) for row, blob in signatures for key in bands(kept(blob)))
        self._connection.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", keys)

    def _deflate_texts(self) -> None:
        """Format 2 has texts as they are, in the rows of articles."""
        self._connection.execute(_TEXTS)
        for row, text in self._connection.execute("SELECT row, text FROM articles"):
            self._put_text(row, deflated(text))
        # A column can be dropped from SQLite 3.35 on.
        self._connection.execute("ALTER TABLE articles RENAME TO articles_before")
        self._connection.execute(_ARTICLES)
        names = ", ".join(name for _, name, *_ in self._connection.execute("PRAGMA table_info (articles)"))
        self._connection.execute(f"INSERT INTO articles ({names}) SELECT {names} FROM articles_before")
        # The rows that were given stay given, also those of articles that are deleted.
        self._connection.execute("DELETE FROM sqlite_sequence WHERE name = 'articles'")
        self._connection.execute("UPDATE sqlite_sequence SET name = 'articles' WHERE name = 'articles_before'")
        self._connection.execute("DROP TABLE articles_before")

    def _put_text(self, row: int, blocks: Sequence[bytes]) -> None:
        first, _ = keys_of(row)
        self._connection.executemany("INSERT INTO texts VALUES (?, ?)", enumerate(blocks, first))

    def take_over(self, source: sqlite3.Connection) -> None:
        """Holds what another archive holds, and nothing else, by one transaction."""
        if _page_bytes(source) != _page_bytes(self._connection):
            # Pages of another size go only into a file that keeps no log; nobody may be reading.
            self._connection.execute("PRAGMA journal_mode = DELETE")
        source.backup(self._connection, pages=-1)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def change(self) -> Iterator[int]:
        """One transaction with a change number of its own: when it ends without an error, it is on the disk."""
        with self.transaction():
            seq = self.seq() + 1
            self._connection.execute("UPDATE meta SET value = ? WHERE key = 'seq'", (str(seq),))
            yield seq

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction that changes nothing which searches can see."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def seq(self) -> int:
        """The number of the last committed change."""
        (seq,) = self._connection.execute("SELECT value FROM meta WHERE key = 'seq'").fetchone()
        return int(seq)

    def layout(self, layout: Layout) -> int:
        """The number of a layout, given on first use."""
        values = (
            layout.model_id,
            layout.model_hash,
            layout.dimension,
            layout.target_words,
            layout.overlap_sentences,
        )
        find = (
            "SELECT layout FROM layouts WHERE model_id = ? AND model_hash = ? AND dimension = ? "
            "AND target_words = ? AND overlap_sentences = ?"
        )
        found = self._connection.execute(find, values).fetchone()
        if found is None:
            self._connection.execute("INSERT INTO layouts VALUES (NULL, ?, ?, ?, ?, ?)", values)
            found = self._connection.execute(find, values).fetchone()
        return int(found[0])

    def layout_of(self, number: int) -> Layout:
        """The layout of this number.

        Raises:
            IndexCorruptError: the archive knows none.
        """
        record = self._connection.execute(
            "SELECT model_id, model_hash, dimension, target_words, overlap_sentences FROM layouts WHERE layout = ?",
            (number,),
        ).fetchone()
        if record is None:
            raise IndexCorruptError(
                f"The archive has no passages of the layout {number}, which its generation was built from. "
                "Mend it: backissue doctor --repair"
            )
        return Layout(*record)

    def known(self, ids: Sequence[str]) -> dict[str, Known]:
        """What the archive holds of the given ids."""
        marks = ",".join("?" * len(ids))
        query = f"SELECT id, row, hash, seq FROM articles WHERE id IN ({marks})"
        return {record[0]: Known(*record[1:]) for record in self._connection.execute(query, list(ids))}

    def put(self, cut: CutArticle, layout: int, seq: int) -> None:
        """Writes an article and its passages in place of what the archive held of this id. Within `change`.

        A new version has a new row: it may be a copy of another text than the old one was.
        """
        article = cut.article
        self.delete([article.id], seq)
        values = self._values(article, seq)
        row = self._next_row()
        values |= {"row": row, "family": self._family(row, cut.signature), "signature": cut.signature.tobytes()}
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self._connection.execute(f"INSERT INTO articles ({names}) VALUES ({marks})", list(values.values()))
        self._put_text(row, cut.blocks)
        self.put_passages(row, cut, layout, seq)

    def put_passages(self, row: int, cut: CutArticle, layout: int, seq: int) -> None:
        """Writes the passages of an article that the archive holds. Within `change`."""
        self._connection.executemany(
            "INSERT INTO passages (layout, article, seq, start, end, vector, checksum) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (layout, row, seq, start, end, vector.tobytes(), passage_checksum(start, end, vector.tobytes()))
                for (start, end), vector in zip(cut.spans, cut.vectors, strict=True)
            ],
        )

    def delete(self, ids: Iterable[str], seq: int) -> list[str]:
        """Deletes articles; gives the ids that the archive held. Within `change`."""
        gone = []
        for article_id in ids:
            query = "SELECT row, signature FROM articles WHERE id = ?"
            found = self._connection.execute(query, (article_id,)).fetchone()
            if found is None:
                continue
            row, blob = found
            self._bury(row, seq)
            keys = [(key, row) for key in bands(kept(blob))]
            self._connection.executemany("DELETE FROM bands WHERE band = ? AND article = ?", keys)
            self._connection.execute("DELETE FROM articles WHERE row = ?", (row,))
            self._connection.execute("DELETE FROM texts WHERE block BETWEEN ? AND ?", keys_of(row))
            gone.append(article_id)
        return gone

    def ids_not_written_since(self, seq: int, kept: Iterable[str]) -> list[str]:
        """The ids of articles that changes after `seq` did not write, without those in `kept`."""
        kept = set(kept)
        rows = self._connection.execute("SELECT id FROM articles WHERE seq <= ?", (seq,))
        return [article_id for (article_id,) in rows if article_id not in kept]

    def rows_without_passages(self, layout: int, after_row: int, limit: int) -> list[tuple[int, str]]:
        """Rows and ids of articles behind a row that have no passages in a layout, `limit` at most."""
        query = f"SELECT row, id {_WITHOUT_PASSAGES} AND row > ? ORDER BY row LIMIT ?"
        return list(self._connection.execute(query, (layout, after_row, limit)))

    def count_without_passages(self, layout: int) -> int:
        """How many articles have no passages in a layout."""
        return int(self._connection.execute(f"SELECT COUNT(*) {_WITHOUT_PASSAGES}", (layout,)).fetchone()[0])

    def count_passages_since(self, layout: int, seq: int) -> int:
        """How many passages of a layout changes after `seq` have written."""
        query = "SELECT COUNT(*) FROM passages WHERE layout = ? AND seq > ?"
        return int(self._connection.execute(query, (layout, seq)).fetchone()[0])

    def forget(self, layouts: Iterable[int], buried_before: int) -> None:
        """Drops the passages of layouts that no generation uses, and tombstones that none needs. Within `change`."""
        for layout in layouts:
            self._connection.execute("DELETE FROM passages WHERE layout = ?", (layout,))
            self._connection.execute("DELETE FROM tombstones WHERE layout = ?", (layout,))
            self._connection.execute("DELETE FROM layouts WHERE layout = ?", (layout,))
        self._connection.execute("DELETE FROM tombstones WHERE seq <= ?", (buried_before,))

    def hand_over(self, number: int, made: Path, rows: NDArray[np.int64]) -> None:
        """Hands vectors over to a file of the given number, which no row speaks of yet: `made` (n, d) holds those of
        the passages `rows` (n,), which ascend.

        The file is on the disk before a row speaks of it. Each row is good whether it has its vector or the place of
        it, so this may be cut off at any point.
        """
        target = self.files.path(number)
        make_folder(target.parent)
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(made)  # A generation and the archive have one file, which is there until both let it go.
        except OSError:
            shutil.copyfile(made, target)
            flush(target)
        flush(target.parent)
        codes = open_vectors(target)
        for first in range(0, len(rows), _AT_ONCE):
            some = rows[first : first + _AT_ONCE].tolist()
            with self.transaction():
                self._put_places(number, first, some, codes[first : first + _AT_ONCE])

    def _put_places(self, number: int, first: int, rows: list[int], codes: NDArray[np.int8]) -> None:
        """Puts the places, from `first` on, of vectors with these codes (n, d) in a file into the rows of passages."""
        query = """
            SELECT row, layout, article, seq, start, end, typeof(vector) FROM passages WHERE row BETWEEN ? AND ?
        """
        records = {record[0]: record for record in self._connection.execute(query, (rows[0], rows[-1]))}
        places = [place_of(number, place) for place in range(first, first + len(rows))]
        if all(records[row][-1] == "integer" for row in rows):
            update = "UPDATE passages SET vector = ? WHERE row = ?"
            self._connection.executemany(update, zip(places, rows, strict=True))
            return
        # Rows that become short leave their pages nearly empty; only those that are deleted give pages back.
        self._connection.executemany("DELETE FROM passages WHERE row = ?", [(row,) for row in rows])
        self._connection.executemany(
            "INSERT INTO passages (row, layout, article, seq, start, end, vector, checksum) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                # The checksum of a vector in half precision, as format 1 has them, changes with its handing over.
                (*records[row][:6], place, passage_checksum(records[row][4], records[row][5], code.tobytes()))
                for row, place, code in zip(rows, places, codes, strict=True)
            ),
        )

    def bury_damaged(self, layout: int) -> None:
        """Drops the passages of a layout of which something is missing or has changed, with the others of their
        articles: what is to be embedded, can be embedded again.
        """
        dimension = self.layout_of(layout).dimension
        query = "SELECT article, start, end, vector, checksum FROM passages WHERE layout = ?"
        cursor = self._connection.execute(query, (layout,))
        damaged: set[int] = set()
        while records := cursor.fetchmany(_AT_ONCE):
            vectors = self._blobs([one for *_, one, _ in records], dimension)
            damaged.update(
                article
                for (article, start, end, _, checksum), vector in zip(records, vectors, strict=True)
                if vector is None or passage_checksum(start, end, vector) != checksum
            )
        if damaged:
            with self.change() as seq:
                for row in sorted(damaged):
                    self._bury(row, seq)

    def _blobs(self, kept: Sequence[Kept], dimension: int) -> Sequence[bytes | None]:
        """The vectors of rows; None for one that is in a file no more."""
        try:
            return self.files.blobs(kept, dimension)
        except IndexCorruptError:
            if len(kept) == 1:
                return [None]
            return [vector for one in kept for vector in self._blobs([one], dimension)]

    def used_files(self) -> set[int]:
        """The numbers of the files of vectors that rows speak of."""
        return {file_of(place) for (place,) in self._connection.execute(_ONE_PLACE_OF_EACH_FILE)}

    def give_back(self) -> None:
        """Gives the room in the file that nothing takes any more back to the disk."""
        (kind,) = self._connection.execute("PRAGMA auto_vacuum").fetchone()
        if not kind:  # An archive of an earlier format: it is written anew, once, where the disk has room for both.
            self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            try:
                self._connection.execute("VACUUM")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                    raise
        before = 0
        while (free := self._connection.execute("PRAGMA freelist_count").fetchone()[0]) not in (0, before):
            self._connection.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()
            before = free

    def layouts(self) -> list[int]:
        """The numbers of all layouts, the newest last."""
        return [number for (number,) in self._connection.execute("SELECT layout FROM layouts ORDER BY layout")]

    def _bury(self, row: int, seq: int) -> None:
        self._connection.execute(
            "INSERT INTO tombstones (passage, layout, seq) SELECT row, layout, ? FROM passages WHERE article = ?",
            (seq, row),
        )
        self._connection.execute("DELETE FROM passages WHERE article = ?", (row,))

    def _values(self, article: Article, seq: int) -> dict[str, object]:
        day, published_s = when(article.published)
        return {
            "id": article.id,
            "hash": content_hash(article),
            "seq": seq,
            "lang": self._code("lang", article.lang),
            "source": self._code("source", article.source),
            "section": self._code("section", article.section),
            "author": self._code("author", article.author),
            "published": article.published,
            "day": day,
            "published_s": published_s,
            "url": article.url,
            "title": article.title,
        }

    def _code(self, kind: str, value: str | None) -> int | None:
        if not value:
            return None
        find = "SELECT code FROM names WHERE kind = ? AND value = ?"
        found = self._connection.execute(find, (kind, value)).fetchone()
        if found is None:
            cursor = self._connection.execute("INSERT INTO names (kind, value) VALUES (?, ?)", (kind, value))
            return cursor.lastrowid
        return int(found[0])

    def _next_row(self) -> int:
        """The row of the next article, which none had before."""
        found = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'articles'").fetchone()
        return int(found[0]) + 1 if found else 1

    def _family(self, row: int, own: Signature) -> int:
        """The family of an article's nearest copy, or one of its own; from now on its copies find it."""
        keys = bands(own)
        family = self._family_of_nearest(own, keys) if keys else None
        self._connection.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", [(key, row) for key in keys])
        return row if family is None else family

    def _family_of_nearest(self, own: Signature, keys: Sequence[int]) -> int | None:
        """The family of the article that resembles most, the first of equals; None where none is a copy."""
        # None can be nearer than the first that shares a band and is the same; so a text's millionth copy costs little.
        first = "SELECT family, signature FROM articles WHERE row = (SELECT MIN(article) FROM bands WHERE band = ?)"
        found = self._connection.execute(first, keys[:1]).fetchone()
        if found is not None and np.array_equal(kept(found[1]), own):
            return int(found[0])
        near = " UNION ".join(
            ["SELECT * FROM (SELECT article FROM bands WHERE band = ? ORDER BY article LIMIT ?)"] * len(keys)
        )
        query = f"SELECT family, signature FROM articles WHERE row IN ({near}) ORDER BY row"
        others = self._connection.execute(query, [value for key in keys for value in (key, MOST_COMPARED)]).fetchall()
        if not others:
            return None
        likeness = resemblances(own, np.stack([kept(blob) for _, blob in others]))
        nearest = int(likeness.argmax())
        return int(others[nearest][0]) if likeness[nearest] > SAME_COPY else None


def _page_bytes(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA page_size").fetchone()[0])


def take_in(connection: sqlite3.Connection, files: VectorFiles) -> None:
    """Puts the vectors that an archive has handed over to files back into its rows, so that it needs no other file.

    Raises:
        IndexCorruptError: a file of vectors is missing or cut.
    """
    query = "SELECT row, vector FROM passages WHERE layout = ? AND row > ? AND typeof(vector) = 'integer' LIMIT ?"
    for layout, dimension in connection.execute("SELECT layout, dimension FROM layouts").fetchall():
        last = 0
        while records := connection.execute(query, (layout, last, _AT_ONCE)).fetchall():
            rows, places = zip(*records, strict=True)
            last = rows[-1]
            blobs = files.blobs(places, dimension)
            connection.executemany("UPDATE passages SET vector = ? WHERE row = ?", zip(blobs, rows, strict=True))


def content_hash(article: Article) -> bytes:
    """A hash of all that an article says; equal ones need no work."""
    digest = blake2b(digest_size=16)
    for name in Article.__slots__:
        digest.update(f"{name}\x1f{getattr(article, name)}\x1e".encode("utf-8", "surrogatepass"))
    return digest.digest()


def passage_checksum(start: int, end: int, vector: bytes) -> int:
    """A checksum of what the archive alone knows of a passage: no other part of the index tells when it is damaged."""
    return crc32(vector, crc32(f"{start} {end} ".encode()))


def when(published: str | None) -> tuple[int, int]:
    """The day, counted from 0001-01-01 in the article's own calendar, and the second, since 1970 in UTC, of an ISO 8601
    date or date-time. One without a zone is taken for UTC; a missing or unreadable one comes before all others.
    """
    missing = (NO_DAY, NO_SECOND)
    if not published:
        return missing
    try:
        if len(published) == len("2023-09-13"):
            moment = datetime.combine(date.fromisoformat(published), time(), UTC)
        else:
            moment = datetime.fromisoformat(published)
    except ValueError:
        return missing
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.date().toordinal(), int(moment.timestamp())
    except (OverflowError, OSError):
        return missing

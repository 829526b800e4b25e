"""Backups: the archive as one file, taken while it is written to, and put back in place of what there is.

Only `archive.db` is kept, with the vectors that it handed over to files taken in again: all else is derived from it. A
backup is an archive itself, and is checked as one.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backissue.indexer.check import check_archive
from backissue.indexer.database import Database, take_in
from backissue.indexer.storage import flush, make_folder, storing
from backissue.search.errors import IndexNotFoundError, InvalidArgumentError
from backissue.search.layout import IndexPaths
from backissue.search.store import Store, connect_read_only, is_of_earlier_format
from backissue.search.vectors import VectorFiles


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds."""

    path: str
    articles: int
    change: int
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """The backup as JSON holds it."""
        return {"path": self.path, "articles": self.articles, "change": self.change, "bytes": self.bytes}


def back_up(paths: IndexPaths, target: Path) -> Backup:
    """Copies the archive at one moment to the new file `target`, and reads the copy to its end.

    Reading and writing go on meanwhile. `target` is there when it is whole, or not at all.

    Raises:
        IndexNotFoundError: there is no archive.
        InvalidArgumentError: `target` is there already.
        IndexCorruptError: the archive, or the copy, is damaged.
        StorageError: the disk takes no copy.
    """
    if not paths.database.is_file():
        raise IndexNotFoundError(f"There is no archive at {paths.database} to back up.")
    if target.exists():
        raise InvalidArgumentError(f"{target} is there already; a backup takes the place of no file. Name another.")
    part = target.with_name(f"{target.name}.part")
    with storing(target.parent):
        make_folder(target.parent)
        part.unlink(missing_ok=True)
        try:
            _copy(paths.database, part, VectorFiles(paths.vectors))
            flush(part)
            made = look_at(part)
            part.rename(target)
            flush(target.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    return Backup(str(target), made.articles, made.change, made.bytes)


def look_at(path: Path) -> Backup:
    """Reads a backup to its end.

    Raises:
        IndexNotFoundError: there is no such file.
        FormatVersionError: this version does not read it.
        IndexCorruptError: it is no archive, or a damaged one.
    """
    check_archive(path, full=True)
    with closing(Store.open(path)) as store, store.read() as connection:
        (articles,) = connection.execute("SELECT COUNT(*) FROM articles").fetchone()
        return Backup(str(path), int(articles), store.seq(), path.stat().st_size)


@contextmanager
def brought_over(backup: Path, folder: Path) -> Iterator[Path]:
    """A backup, or, where it has an earlier format, a copy of it in `folder` that has this version's."""
    if not (backup.is_file() and is_of_earlier_format(backup)):
        yield backup
        return
    make_folder(folder)
    copy = folder / f"{backup.name}.tmp"
    _remove(copy)  # What another left that was killed has a log, which is not this one's.
    try:
        shutil.copyfile(backup, copy)
        Database.open(copy).close()
        yield copy
    finally:
        _remove(copy)


def _remove(database: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def put_back(backup: Path, database: Database) -> None:
    """Puts what a backup holds in place of what the archive does, in one transaction."""
    with closing(connect_read_only(backup)) as source:
        database.take_over(source)


def _copy(source: Path, target: Path, files: VectorFiles) -> None:
    with closing(connect_read_only(source)) as reading, closing(sqlite3.connect(target)) as writing:
        # All pages in one step are of one moment; who writes meanwhile writes to the log, and waits for nobody.
        reading.backup(writing, pages=-1)
        # One file that needs no log beside it.
        writing.execute("PRAGMA journal_mode = DELETE")
        with writing:
            take_in(writing, files)


def set_aside(database: Path) -> None:
    """Moves a damaged archive out of the way, without its log, which would be taken for that of the next one."""
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    database.rename(database.with_name(f"{database.name}.damaged"))
    flush(database.parent)

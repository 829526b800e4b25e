"""The one border where what the disk refuses becomes a `StorageError`, whichever library was told."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backissue.search.errors import BackissueError, IndexCorruptError, IndexLockedError, StorageError

_OF_THE_DISK = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EMFILE)
)
_OF_SQLITE = frozenset(
    (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
)
_RUST_ERROR = re.compile(r"(?:\bos error |\bOs \{ code: )(\d+)|index writer was killed")
_FAISS_ERROR = re.compile(r"write error in|could not open .* for writing")


@contextmanager
def storing(root: Path) -> Iterator[None]:
    """Within it, what the disk under the index at `root` refuses is a StorageError, and what SQLite finds damaged an
    IndexCorruptError; all else is raised as it is.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, BackissueError) and not isinstance(error, IndexCorruptError):
            raise
        if (reason := _refusal(error)) is not None:
            raise StorageError(
                f"{root} cannot be written to: {reason}. What was acknowledged is kept. Free space, or mend the disk "
                f"or the permissions; then run: backissue doctor --repair --index {root}"
            ) from error
        if isinstance(error, sqlite3.OperationalError) and _code(error) == sqlite3.SQLITE_BUSY:
            raise IndexLockedError(f"{root} is being written to by another program. Try again later.") from error
        if isinstance(error, sqlite3.DatabaseError | UnicodeDecodeError):
            raise IndexCorruptError(
                f"{root / 'archive.db'} cannot be written to: {error}. Restore it: backissue restore FILE"
            ) from error
        raise


def flush(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Makes a folder, and those above it, and waits until their names are on the disk: what is synced in a folder that
    the disk does not know is lost with it.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        flush(folder.parent)


def _refusal(error: BaseException | None) -> str | None:
    """What the disk said, where the error or one that it was raised from is about the disk."""
    while error is not None:
        # NumPy gives no number for an array that was written only in part.
        if isinstance(error, OSError) and (error.errno in _OF_THE_DISK or "written" in str(error)):
            return error.strerror or str(error)
        if isinstance(error, sqlite3.OperationalError) and _code(error) in _OF_SQLITE:
            return str(error)
        if _is_foreign(error) and (_is_rusts(str(error)) or _FAISS_ERROR.search(str(error))):
            return str(error)
        error = error.__cause__
    return None


def _is_foreign(error: BaseException) -> bool:
    """Whether it is of a kind that tantivy and FAISS raise; a panic has a class that cannot be imported."""
    return isinstance(error, ValueError | RuntimeError) or type(error).__name__ == "PanicException"


def _is_rusts(message: str) -> bool:
    found = _RUST_ERROR.search(message)
    return found is not None and (found[1] is None or int(found[1]) in _OF_THE_DISK)


def _code(error: sqlite3.OperationalError) -> int:
    """SQLite's primary code of an error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF

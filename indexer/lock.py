"""One writer at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from backissue.indexer.storage import make_folder
from backissue.search.errors import IndexLockedError


@contextmanager
def locked(path: Path, purpose: str, wait_seconds: float) -> Iterator[None]:
    """Holds the lock `path`; the operating system lets go of it when this process ends, however it ends.

    Raises:
        IndexLockedError: another process held it for all of `wait_seconds`; the message says which and why.
    """
    from filelock import FileLock, Timeout

    make_folder(path.parent)
    lock = FileLock(path, timeout=wait_seconds, is_singleton=False)
    try:
        lock.acquire()
    except Timeout:
        raise IndexLockedError(
            f"{path.parent} is being written to by {_holder(path)}. Try again when it is done."
        ) from None
    try:
        record = {
            "pid": os.getpid(),
            "purpose": purpose,
            "since": datetime.now().astimezone().isoformat("T", "seconds"),
        }
        _holder_path(path).write_text(json.dumps(record), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            _holder_path(path).unlink()
        lock.release()


def _holder(path: Path) -> str:
    try:
        record = json.loads(_holder_path(path).read_text(encoding="utf-8"))
        return f"process {record['pid']} ({record['purpose']}, since {record['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _holder_path(path: Path) -> Path:
    return path.with_suffix(".json")

"""From the paths a user gives to the files in them, in a fixed order and never outside of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from backissue.indexer.readers.problem import Problem

_ABOUT_THE_FOLDER = ("readme", "license", "licence", "copying", "notice", "changelog", "contributing")


def find_files(paths: Iterable[str | Path]) -> Iterator[Path | Problem]:
    """Every file at or under `paths`: the given order, and sorted by name within a folder.

    A file given by name is always read. Within a folder these are passed over: hidden files, links, and what
    tells about the folder itself (README, LICENSE). A link to somewhere within the folder is silent, for its target is
    read where it lies; one that leads out of it is a `Problem`.
    """
    for path in map(Path, paths):
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError) as error:
            yield Problem(_shown(path), "", "missing", f"cannot be found: {_said(error)}")
            continue
        if stat.S_ISDIR(mode):
            yield from _walk(path, path.resolve())
        elif stat.S_ISREG(mode):
            yield path
        else:
            yield Problem(_shown(path), "", "unsupported", "neither a file nor a folder")


def _walk(folder: Path, root: Path) -> Iterator[Path | Problem]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        yield Problem(_shown(folder), "", "missing", f"folder cannot be listed: {_said(error)}")
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            if not _is_within(path, root):
                yield Problem(_shown(path), "", "unsupported", "a link that leads out of the folder; name its target")
        elif entry.is_dir():
            yield from _walk(path, root)
        elif not entry.is_file():
            yield Problem(_shown(path), "", "unsupported", "neither a file nor a folder")
        elif entry.name.casefold().partition(".")[0] not in _ABOUT_THE_FOLDER:
            yield path


def _is_within(link: Path, root: Path) -> bool:
    try:
        return link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _said(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def _shown(path: Path) -> str:
    """The path as text that can be stored and printed: bytes that are no UTF-8 are escaped."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")

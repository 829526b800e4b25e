"""The exit codes of `backissue`: one table, for the program, its help and its tests."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the command's exit code says."""

    DONE = 0
    NOTHING = 1
    USAGE = 2
    INDEX = 3
    UNREADABLE = 4
    MISSING_EXTRA = 5
    UNEXPECTED = 70
    INTERRUPTED = 130
    PIPE_CLOSED = 141


MEANINGS = {
    Exit.DONE: "done, or found",
    Exit.NOTHING: "nothing found; for doctor, something is wrong",
    Exit.USAGE: "a wrong option or argument",
    Exit.INDEX: "no index there, or one that is locked, damaged, on a full disk, or of another version or model",
    Exit.UNREADABLE: "an input that cannot be read (articles: only with --strict)",
    Exit.MISSING_EXTRA: "an optional dependency is not installed",
    Exit.UNEXPECTED: "an error of backissue itself (BACKISSUE_DEBUG=1 shows where)",
    Exit.INTERRUPTED: "interrupted; what was acknowledged is kept",
    Exit.PIPE_CLOSED: "the reader of the output went away",
}

_OF_ERRORS = {
    "index_not_found": Exit.INDEX,
    "index_corrupt": Exit.INDEX,
    "format_version": Exit.INDEX,
    "model_mismatch": Exit.INDEX,
    "index_locked": Exit.INDEX,
    "storage": Exit.INDEX,
    "cancelled": Exit.INTERRUPTED,
    "article_not_found": Exit.NOTHING,
    "invalid_argument": Exit.USAGE,
    "unreadable": Exit.UNREADABLE,
    "missing_extra": Exit.MISSING_EXTRA,
}


def exit_of(error_code: str) -> Exit:
    """The exit code for a `BackissueError.code`."""
    return _OF_ERRORS.get(error_code, Exit.UNEXPECTED)


def exits_help() -> str:
    """The table as text, one code a line."""
    return "\n".join(["Exit codes:", *(f"  {code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())])

"""Everything backissue raises on purpose.

    BackissueError
    ├── IndexNotFoundError        no index at that path
    ├── IndexCorruptError         a file of the index is missing, cut or changed
    ├── FormatVersionError        written by another version of backissue
    ├── ModelMismatchError        the index was built with another embedding model
    ├── IndexLockedError          another process is writing
    ├── StorageError              the disk is full, fails, or may not be written to
    ├── ArticleNotFoundError      no article of that id
    ├── InvalidArgumentError      a value that cannot be used, or a setting that does not exist
    ├── ReadError                 a file that cannot be read as articles (strict runs only)
    └── MissingExtraError         an optional dependency is not installed

Each message says what was wrong, where, and what to do. `code` is stable and is what HTTP and `--json` report.
"""

from __future__ import annotations


class BackissueError(Exception):
    """The base of all errors of this library."""

    code = "error"


class IndexNotFoundError(BackissueError):
    """There is no index at the path."""

    code = "index_not_found"


class IndexCorruptError(BackissueError):
    """A file of the index is missing, truncated or changed; the message names it."""

    code = "index_corrupt"


class FormatVersionError(BackissueError):
    """The index has a format that this version does not read."""

    code = "format_version"


class ModelMismatchError(BackissueError):
    """The index holds vectors of another model than the one that was asked for."""

    code = "model_mismatch"


class IndexLockedError(BackissueError):
    """Another process writes to the index; the message says which."""

    code = "index_locked"


class SearchCancelledError(BackissueError):
    """Whoever asked for a search has cancelled it."""

    code = "cancelled"


class StorageError(BackissueError):
    """The disk is full, fails, or may not be written to: what was not acknowledged before is not done."""

    code = "storage"


class ArticleNotFoundError(BackissueError):
    """The archive holds no article of this id."""

    code = "article_not_found"


class InvalidArgumentError(BackissueError):
    """An argument is out of its range or names something that does not exist."""

    code = "invalid_argument"


class ReadError(BackissueError):
    """A file cannot be read as articles."""

    code = "unreadable"


class MissingExtraError(BackissueError):
    """Something asked for needs an optional dependency; the message says which to install."""

    code = "missing_extra"

"""Search a news archive across languages: open an index and ask it.

>>> from backissue.search import Archive
>>> archive = Archive.open("index")
>>> results = archive.search("what does North Korea get in return")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backissue.search.errors import (
    ArticleNotFoundError,
    BackissueError,
    FormatVersionError,
    IndexCorruptError,
    IndexLockedError,
    IndexNotFoundError,
    InvalidArgumentError,
    MissingExtraError,
    ModelMismatchError,
    ReadError,
    SearchCancelledError,
    StorageError,
)
from backissue.search.types import (
    Answer,
    Article,
    ArticleRef,
    FacetValue,
    Filter,
    Hit,
    Mode,
    PassageHit,
    Query,
    Results,
    Sort,
    Span,
)

if TYPE_CHECKING:
    from backissue.search.archive import Archive

__all__ = [
    "Answer",
    "Archive",
    "Article",
    "ArticleNotFoundError",
    "ArticleRef",
    "BackissueError",
    "FacetValue",
    "Filter",
    "FormatVersionError",
    "Hit",
    "IndexCorruptError",
    "IndexLockedError",
    "IndexNotFoundError",
    "InvalidArgumentError",
    "MissingExtraError",
    "Mode",
    "ModelMismatchError",
    "PassageHit",
    "Query",
    "ReadError",
    "Results",
    "SearchCancelledError",
    "Sort",
    "Span",
    "StorageError",
]


def __getattr__(name: str) -> object:
    """Archive, imported when it is first asked for: it brings NumPy and the engine, which types and errors need not."""
    if name != "Archive":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from backissue.search.archive import Archive

    return Archive

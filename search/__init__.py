"""Search a news archive across languages: open an index and ask it.

>>> from backissue.search import Archive
>>> archive = Archive.open("index")
>>> results = archive.search("what does North Korea get in return")
"""

from backissue.search.archive import Archive
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
    "Sort",
    "Span",
    "StorageError",
]

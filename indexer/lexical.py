"""The write side of the lexical index. To apply changes twice does no harm: what a row held is removed first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backissue.search.lexical import schema, translated_errors

if TYPE_CHECKING:
    import tantivy

_HEAP_BYTES = 128 << 20
_CODED_FIELDS = ("lang", "source", "section", "author")


@dataclass(frozen=True, slots=True)
class LexicalPassage:
    """A passage as the lexical index takes it: its fields, analysed, and the codes and day that filters ask for."""

    row: int
    body: str
    title: str
    exact: str
    codes: tuple[int, int, int, int]
    day: int


def create(path: Path) -> tantivy.Index:
    """An empty index in the folder `path`, which is made."""
    import tantivy

    path.mkdir(parents=True)
    return tantivy.Index(schema(), path=str(path))


def catch_up(path: Path, removed: Iterable[int], added: Iterable[LexicalPassage]) -> int:
    """Removes and adds passages in the index in the folder `path`; gives the number added.

    Raises:
        IndexCorruptError: tantivy cannot read it.
    """
    import tantivy

    with translated_errors(path):
        return apply(tantivy.Index.open(str(path)), removed, added, fresh=False)


def apply(index: tantivy.Index, removed: Iterable[int], added: Iterable[LexicalPassage], *, fresh: bool) -> int:
    """Removes and adds passages in one commit; gives the number added. A `fresh` index has nothing to remove."""
    import tantivy

    writer = index.writer(_HEAP_BYTES, num_threads=1)
    # A writer that was killed in its commit left files of names that this one would give again.
    writer.garbage_collect_files()
    fields = index.schema

    def remove(row: int) -> None:
        # By query, not by term: tantivy-py 0.27 makes a signed term of the integer, which an unsigned field never has.
        writer.delete_documents_by_query(tantivy.Query.term_query(fields, "row", row))

    for row in removed:
        remove(row)
    count = 0
    for passage in added:
        if not fresh:
            remove(passage.row)
        writer.add_document(tantivy.Document.from_dict(document(passage), fields))
        count += 1
    writer.commit()
    writer.wait_merging_threads()
    return count


def document(passage: LexicalPassage) -> dict[str, object]:
    """The fields of a passage."""
    return {
        "row": passage.row,
        "body": passage.body,
        "title": passage.title,
        "exact": passage.exact,
        "day": passage.day,
        **dict(zip(_CODED_FIELDS, passage.codes, strict=True)),
    }

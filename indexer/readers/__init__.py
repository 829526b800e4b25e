"""Read an archive: paths in, articles out one at a time, and a `Problem` for whatever could not be read.

for read in read(["archive/", "today.jsonl.gz"]):
    match read:
        case Article(): ...
        case Problem(): ...
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath

from backissue.indexer.parallel import mapped, working_together
from backissue.indexer.readers.fields import check_mapping
from backissue.indexer.readers.files import find_files
from backissue.indexer.readers.finish import RawArticle, finish
from backissue.indexer.readers.problem import Problem, UnreadableError
from backissue.indexer.readers.streams import File, files_in
from backissue.search.types import Article

__all__ = ["Problem", "read"]

_OF_ONE_ARTICLE = frozenset({".html", ".htm", ".xhtml", ".md", ".markdown", ".txt", ".text"})
_FINISHED_AT_ONCE = 64
_SIZE_AT_ONCE = 2_000_000

_SUFFIXES = ".txt .md .html .jsonl .ndjson .json .csv .tsv, as they are or in .gz .xz .bz2 .zst .zip .tar"


def read(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], *, mapping: Mapping[str, str] | None = None
) -> Iterator[Article | Problem]:
    """The articles of files and folders, one at a time, in a fixed order.

    Folders are read to their depths, files by their suffix, a file without one by its content. What cannot be read is
    a `Problem`, and the next file or record goes on. `mapping` is our field → the record's field, for records whose
    fields have unusual names (`{"text": "naglowek"}`; `content.body` reaches into a record within a record).

    Raises:
        InvalidArgumentError: `mapping` names a field that articles do not have.
    """
    wanted = [paths] if isinstance(paths, str | os.PathLike) else paths
    return _read(map(Path, wanted), check_mapping(mapping))


def _read(paths: Iterable[Path], mapping: Mapping[str, str]) -> Iterator[Article | Problem]:
    tasks = ((mapping, some) for some in _batches(_found(paths, mapping)))
    return chain.from_iterable(mapped(_finish_all, tasks))


def _found(paths: Iterable[Path], mapping: Mapping[str, str]) -> Iterator[Path | RawArticle | Problem]:
    """What is in files, as it was found. A file that holds one article is left to whoever finishes it."""
    for path in find_files(paths):
        if isinstance(path, Path) and path.suffix.casefold() in _OF_ONE_ARTICLE:
            yield path
        else:
            yield from _found_in(path, mapping)


def _found_in(path: Path | Problem, mapping: Mapping[str, str]) -> Iterator[RawArticle | Problem]:
    for file in files_in(path) if isinstance(path, Path) else (path,):
        if isinstance(file, Problem):
            yield file
        else:
            yield from _raw(file, mapping)


def _batches(found: Iterable[Path | RawArticle | Problem]) -> Iterator[list[Path | RawArticle | Problem]]:
    """What goes to other processes goes in batches, with a bound on their size."""
    batch: list[Path | RawArticle | Problem] = []
    size = 0
    for one in found:
        batch.append(one)
        size += _size(one)
        if len(batch) >= _FINISHED_AT_ONCE or size > _SIZE_AT_ONCE or not working_together():
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _size(found: Path | RawArticle | Problem) -> int:
    if isinstance(found, RawArticle):
        return sum(len(value) for value in found.fields.values() if isinstance(value, str))
    return found.stat().st_size if isinstance(found, Path) and found.is_file() else 0


def _finish_all(task: tuple[Mapping[str, str], Sequence[Path | RawArticle | Problem]]) -> list[Article | Problem]:
    mapping, batch = task
    return list(chain.from_iterable(_finished(one, mapping) for one in batch))


def _finished(found: Path | RawArticle | Problem, mapping: Mapping[str, str]) -> Iterator[Article | Problem]:
    if isinstance(found, Path):
        for one in _found_in(found, mapping):
            yield from _finished(one, mapping)
    else:
        yield finish(found) if isinstance(found, RawArticle) else found


def _raw(file: File, mapping: Mapping[str, str]) -> Iterator[RawArticle | Problem]:
    found = False
    try:
        for raw in _raw_articles(file, mapping):
            found = True
            yield raw
    except UnreadableError as error:
        yield Problem(file.path, error.where, error.kind, error.reason)
    else:
        if not found:
            yield Problem(file.path, "", "empty", "no article in it")


def _raw_articles(file: File, mapping: Mapping[str, str]) -> Iterator[RawArticle | Problem]:
    # Only the reader that is needed is imported: the one for web pages alone takes half a second.
    match _format(file):
        case "jsonl" | "ndjson":
            from backissue.indexer.readers.jsonlines import read_jsonl

            return read_jsonl(file, mapping)
        case "json":
            from backissue.indexer.readers.jsonfile import read_json

            return read_json(file, mapping)
        case "csv" | "tsv":
            from backissue.indexer.readers.tables import read_table

            return read_table(file, mapping)
        case "html" | "htm" | "xhtml":
            from backissue.indexer.readers.webpage import read_webpage

            return read_webpage(file)
        case "md" | "markdown":
            from backissue.indexer.readers.markdown import read_markdown

            return read_markdown(file, mapping)
        case "txt" | "text":
            from backissue.indexer.readers.plain import read_text

            return read_text(file)
        case other:
            raise UnreadableError("unsupported", f".{other} is not read; what is read: {_SUFFIXES}")


def _format(file: File) -> str:
    """The suffix of the name, or what the content looks like where that is none (`4711_0a5f`, `2023.09`)."""
    suffix = PurePosixPath(file.name).suffix.lstrip(".").casefold()
    if re.fullmatch(r"[a-z][a-z0-9+]{1,9}", suffix) and not re.fullmatch(r"[0-9a-f]{6,}", suffix):
        return suffix
    with file.open() as stream:
        head = stream.peek(1024)[:1024].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")) and b"<html" in head:
        return "html"
    return "json" if head.startswith((b"{", b"[{")) else "txt"

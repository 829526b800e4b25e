"""Read an archive: paths in, articles out one at a time, and a `Problem` for whatever could not be read.

for read in read(["archive/", "today.jsonl.gz"]):
    match read:
        case Article(): ...
        case Problem(): ...
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from backissue.indexer.readers.fields import check_mapping
from backissue.indexer.readers.files import find_files
from backissue.indexer.readers.finish import RawArticle, finish
from backissue.indexer.readers.problem import Problem, UnreadableError
from backissue.indexer.readers.streams import File, files_in
from backissue.search.types import Article

__all__ = ["Problem", "read"]

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
    for path in find_files(paths):
        if isinstance(path, Problem):
            yield path
            continue
        for file in files_in(path):
            if isinstance(file, Problem):
                yield file
            else:
                yield from _articles(file, mapping)


def _articles(file: File, mapping: Mapping[str, str]) -> Iterator[Article | Problem]:
    found = False
    try:
        for raw in _raw_articles(file, mapping):
            found = True
            yield finish(raw) if isinstance(raw, RawArticle) else raw
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

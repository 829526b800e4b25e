"""Lines of a file of any encoding and any length, in bounded memory."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

from backissue.indexer.readers.decoding import SAMPLE_BYTES, decode_as, encoding_of
from backissue.indexer.readers.problem import UnreadableError
from backissue.indexer.readers.streams import MAX_ARTICLE_BYTES

_CHUNK_BYTES = 1 << 16


def decoded_lines(stream: io.BufferedReader) -> Iterator[tuple[int, str | UnreadableError]]:
    """Each line with its number from 1 and its line end; or what is wrong with that line, and the next goes on.

    Raises:
        UnreadableError: the file is no text, or the stream breaks.
    """
    encoding = encoding_of(stream.peek(SAMPLE_BYTES))
    if encoding.startswith(("utf-16", "utf-32")):
        yield from _wide_lines(stream, encoding)
        return
    if encoding == "utf-8-sig":
        stream.read(len(codecs.BOM_UTF8))
        encoding = "utf-8"
    at_byte = 0
    for number, (line, size) in enumerate(_byte_lines(stream), start=1):
        try:
            yield number, _too_long() if line is None else decode_as(line, encoding, at_byte)
        except UnreadableError as error:
            yield number, error
        at_byte += size


def _too_long() -> UnreadableError:
    return UnreadableError("too_large", f"a line of over {MAX_ARTICLE_BYTES:,} bytes")


def _byte_lines(stream: io.BufferedReader) -> Iterator[tuple[bytes | None, int]]:
    """Each line with its size in bytes; None for one that is too long to be held."""
    while line := stream.readline(MAX_ARTICLE_BYTES + 1):
        size = len(line)
        if size <= MAX_ARTICLE_BYTES:
            yield line, size
            continue
        while not line.endswith(b"\n") and (line := stream.readline(_CHUNK_BYTES)):
            size += len(line)
        yield None, size


def _wide_lines(stream: io.BufferedReader, encoding: str) -> Iterator[tuple[int, str | UnreadableError]]:
    text = io.TextIOWrapper(stream, encoding, errors="ignore", newline="\n")
    number = 0
    while line := text.readline(MAX_ARTICLE_BYTES + 1):
        number += 1
        if len(line) <= MAX_ARTICLE_BYTES:
            yield number, line
            continue
        while not line.endswith("\n") and (line := text.readline(_CHUNK_BYTES)):
            pass
        yield number, _too_long()

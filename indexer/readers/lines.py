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
    head = stream.read(SAMPLE_BYTES)
    encoding = encoding_of(head)
    if encoding.startswith(("utf-16", "utf-32")):
        yield from _wide_lines(head, stream, encoding)
        return
    rest = _Rejoined(head.removeprefix(codecs.BOM_UTF8) if encoding == "utf-8-sig" else head, stream)
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    at_byte = 0
    for number, (line, size) in enumerate(_byte_lines(rest), start=1):
        try:
            yield number, _too_long() if line is None else decode_as(line, encoding, at_byte)
        except UnreadableError as error:
            yield number, error
        at_byte += size


def _too_long() -> UnreadableError:
    return UnreadableError("too_large", f"a line of over {MAX_ARTICLE_BYTES:,} bytes")


class _Rejoined(io.RawIOBase):
    """The sample that was read to find the encoding, and then the rest."""

    def __init__(self, head: bytes, rest: io.BufferedReader) -> None:
        super().__init__()
        self._head, self._rest = io.BytesIO(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._head.read(len(buffer)) or self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _byte_lines(raw: io.RawIOBase) -> Iterator[tuple[bytes | None, int]]:
    """Each line with its size in bytes; None for one that is too long to be held."""
    stream = io.BufferedReader(raw, _CHUNK_BYTES)
    while line := stream.readline(MAX_ARTICLE_BYTES + 1):
        size = len(line)
        if size <= MAX_ARTICLE_BYTES:
            yield line, size
            continue
        while not line.endswith(b"\n") and (line := stream.readline(_CHUNK_BYTES)):
            size += len(line)
        yield None, size


def _wide_lines(head: bytes, rest: io.BufferedReader, encoding: str) -> Iterator[tuple[int, str | UnreadableError]]:
    text = io.TextIOWrapper(io.BufferedReader(_Rejoined(head, rest)), encoding, errors="ignore", newline="\n")
    number = 0
    while line := text.readline(MAX_ARTICLE_BYTES + 1):
        number += 1
        if len(line) <= MAX_ARTICLE_BYTES:
            yield number, line
            continue
        while not line.endswith("\n") and (line := text.readline(_CHUNK_BYTES)):
            pass
        yield number, _too_long()

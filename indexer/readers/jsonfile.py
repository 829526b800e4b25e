"""Records of a .json file: an array, an object that holds one (`{"articles": […]}`), one article, or JSON lines.

The array is read element by element, so a file may be larger than memory.
"""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from backissue.indexer.readers.decoding import SAMPLE_BYTES, encoding_of
from backissue.indexer.readers.fields import Unseen, to_raw
from backissue.indexer.readers.finish import RawArticle
from backissue.indexer.readers.jsonlines import describe, is_cut, read_jsonl
from backissue.indexer.readers.problem import Problem, UnreadableError
from backissue.indexer.readers.streams import MAX_ARTICLE_BYTES, File

_CHUNK_CHARACTERS = 1 << 16
_CONTAINERS_TEXT = """
articles items data results documents docs hits rows records entries stories news posts artykuly artykuły
"""
_CONTAINERS = frozenset(_CONTAINERS_TEXT.split())


def read_json(file: File, mapping: Mapping[str, str]) -> Iterator[RawArticle | Problem]:
    """The articles of the file."""
    with file.open() as stream:
        first_line = stream.peek(_CHUNK_CHARACTERS).partition(b"\n")
    if first_line[2].strip() and _is_object(first_line[0]):
        yield from read_jsonl(file, mapping)
        return
    unseen = Unseen(mapping)
    with file.open() as stream:
        text = _JsonText(stream, encoding_of(stream.peek(SAMPLE_BYTES)))
        try:
            for line, record in _records(text):
                where = f"line {line}"
                if isinstance(record, Mapping):
                    unseen.look(record)
                    yield to_raw(record, mapping, file.path, where)
                else:
                    yield Problem(file.path, where, "malformed", f"not an object but {describe(record)}")
        except UnreadableError as error:
            yield Problem(file.path, error.where or f"line {text.line}", error.kind, error.reason)
            return
    yield from unseen.problems(file.path)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _records(text: _JsonText) -> Iterator[tuple[int, object]]:
    while char := text.peek():
        if char == "[":
            yield from _elements(text)
        elif char == "{":
            yield from _object(text)
        else:
            yield text.line, text.value()


def _elements(text: _JsonText) -> Iterator[tuple[int, object]]:
    text.take("[")
    while text.peek() != "]":
        yield text.line, text.value()
        if text.peek() != "]":
            text.take(",")
    text.take("]")


def _object(text: _JsonText) -> Iterator[tuple[int, object]]:
    """The elements of the array that an object holds, or else the object itself."""
    line, fields, is_container = text.line, dict[str, object](), False
    text.take("{")
    while text.peek() != "}":
        name = text.value()
        text.take(":")
        if str(name).casefold() in _CONTAINERS and text.peek() == "[":
            is_container = True
            yield from _elements(text)
        else:
            fields[str(name)] = text.value()
        if text.peek() != "}":
            text.take(",")
    text.take("}")
    if not is_container:
        yield line, fields


class _JsonText:
    """The text of a JSON file, of which only the value that is being read is in memory."""

    def __init__(self, stream: io.BufferedReader, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._text = ""
        self._stream = stream
        self._at = 0
        self._lines_before = 1
        self._ended = False
        self._json = json.JSONDecoder()

    @property
    def line(self) -> int:
        """The number of the line where the next value begins."""
        return self._lines_before + self._text.count("\n", 0, self._at)

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            while self._at < len(self._text):
                char = self._text[self._at]
                if not char.isspace() and char != "\ufeff":
                    return char
                self._at += 1
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        """Step over a character that must be there."""
        char = self.peek()
        if char != wanted:
            raise (
                self._cut()
                if not char
                else UnreadableError(
                    "malformed", f"no JSON: {char!r} where {wanted!r} is due; the rest of the file is skipped"
                )
            )
        self._at += 1

    def value(self) -> Any:
        """The next value, whole."""
        self.peek()
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended or not is_cut(error, self._text):
                    raise (
                        self._cut()
                        if is_cut(error, self._text)
                        else UnreadableError("malformed", f"no JSON: {error.msg}; the rest of the file is skipped")
                    ) from error
            except MemoryError:
                raise UnreadableError("too_large", "a value of too many parts; the rest is skipped") from None
            except (RecursionError, ValueError) as error:
                raise UnreadableError("malformed", f"no JSON: {error}; the rest of the file is skipped") from error
            else:
                if end < len(self._text) or self._ended or isinstance(value, dict | list | str):
                    self._at = end
                    return value
            self._more()

    def _cut(self) -> UnreadableError:
        return UnreadableError(
            "truncated", "JSON is cut here", f"line {self._lines_before + self._text.count(chr(10))}"
        )

    def _more(self) -> bool:
        """Read as much again as is waiting, and forget what was taken."""
        if self._ended:
            return False
        self._lines_before += self._text.count("\n", 0, self._at)
        waiting = self._text[self._at :]
        if len(waiting) > MAX_ARTICLE_BYTES:
            raise UnreadableError("too_large", f"a value of over {MAX_ARTICLE_BYTES:,} characters; the rest is skipped")
        data = self._stream.read1(max(_CHUNK_CHARACTERS, len(waiting)))
        self._ended = not data
        self._text, self._at = waiting + self._decoder.decode(data, final=self._ended), 0
        return True

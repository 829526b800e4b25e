"""Records of .jsonl and .ndjson files: one JSON object a line, a broken line costs that line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from backissue.indexer.readers.fields import Unseen, to_raw
from backissue.indexer.readers.finish import RawArticle
from backissue.indexer.readers.lines import decoded_lines
from backissue.indexer.readers.problem import Problem, UnreadableError
from backissue.indexer.readers.streams import File


def read_jsonl(file: File, mapping: Mapping[str, str]) -> Iterator[RawArticle | Problem]:
    """The article of each line."""
    unseen = Unseen(mapping)
    with file.open() as stream:
        for number, line in decoded_lines(stream):
            where = f"line {number}"
            if isinstance(line, UnreadableError):
                yield Problem(file.path, where, line.kind, line.reason)
            elif line.strip():
                record = _parse(line)
                if isinstance(record, Mapping):
                    unseen.look(record)
                    yield to_raw(record, mapping, file.path, where)
                elif isinstance(record, UnreadableError):
                    yield Problem(file.path, where, record.kind, record.reason)
                else:
                    yield Problem(file.path, where, "malformed", f"not an object but {describe(record)}")
    yield from unseen.problems(file.path)


def _parse(line: str) -> object:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        if not line.endswith("\n") and is_cut(error, line):
            return UnreadableError("truncated", f"JSON is cut at column {len(line) + 1}")
        return UnreadableError("malformed", f"no JSON: {error.msg} at column {error.colno}")
    except (RecursionError, ValueError) as error:
        return UnreadableError("malformed", f"no JSON: {error}")


def is_cut(error: json.JSONDecodeError, text: str) -> bool:
    """Whether the text ended before the value did, rather than went wrong on the way."""
    return error.msg.startswith("Unterminated string") or error.pos >= len(text.rstrip()) - 6


def describe(value: object) -> str:
    """The JSON name of a value's type."""
    names = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "a truth value"}
    return names.get(type(value), "null")

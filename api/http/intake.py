"""Articles from the body of a request, normalised and cleaned just as those of files are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from backissue.api.http.problems import ApiError
from backissue.indexer.readers.fields import to_raw
from backissue.indexer.readers.finish import finish
from backissue.indexer.readers.problem import Problem
from backissue.search.types import Article

PLACE = "body"
"""What a problem names where one of a file names its path."""

JSON_TYPES = frozenset({"application/json"})
NDJSON_TYPES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})


def one_article(body: bytes) -> Article:
    """The article that a JSON object describes.

    Raises:
        ApiError: the body is not JSON, not one object, or not an article that can be indexed.
    """
    try:
        found = _article(body, where="")
    except ValueError as error:
        raise ApiError("malformed_json", f"The body is not JSON: {error}.") from None
    if isinstance(found, Problem):
        raise ApiError("article_rejected", f"The article was not added: {found.reason}.")
    return found


def articles(body: bytes, accepted: Callable[[str], None]) -> Iterator[Article | Problem]:
    """What each line of newline-delimited JSON describes; `accepted` is told the id of each article."""
    start, number = 0, 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        line, start, number = body[start:end].strip(), end + 1, number + 1
        if not line:
            continue
        where = f"line {number}"
        try:
            found = _article(line, where)
        except ValueError as error:
            found = Problem(PLACE, where, "malformed", f"not JSON: {error}")
        if isinstance(found, Article):
            accepted(found.id)
        yield found


def _article(text: bytes, where: str) -> Article | Problem:
    """The article of one JSON text.

    Raises:
        ValueError: the text is not JSON in UTF-8.
    """
    try:
        record = json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(record, dict):
        reason = f"an article is a JSON object, not {_json_kind(record)}; send several as application/x-ndjson"
        return Problem(PLACE, where, "malformed", reason)
    raw = to_raw(record, {}, PLACE, where)
    return raw if isinstance(raw, Problem) else finish(raw)


def _json_kind(value: object) -> str:
    kinds: dict[type, str] = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")

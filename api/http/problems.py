"""Every way in which a request fails, in the one shape of RFC 9457 (Problem Details for HTTP APIs).

Codes are stable: clients may branch on them. `GET /errors/{code}` describes each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"

RETRY_AFTER_S = 2
"""What a client that came too early is told to wait: about the time in which a full queue of searches is served."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of failure.

    `private` kinds speak of files and settings of the server: their message goes to the log, and clients read
    the title only.
    """

    code: str
    status: int
    title: str
    private: bool = False


KINDS: Mapping[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind("bad_request", 400, "The request is not well-formed."),
        Kind("malformed_json", 400, "The body is not JSON."),
        Kind("unauthorized", 401, "An API key is needed."),
        Kind("forbidden", 403, "The API key does not allow this."),
        Kind("writing_disabled", 403, "This server does not accept changes."),
        Kind("not_found", 404, "There is nothing at this address."),
        Kind("article_not_found", 404, "The archive holds no such article."),
        Kind("job_not_found", 404, "There is no such job."),
        Kind("method_not_allowed", 405, "This address does not take this method."),
        Kind("body_too_slow", 408, "The body came too slowly."),
        Kind("body_too_large", 413, "The body is too large."),
        Kind("unsupported_media_type", 415, "The body is of a type that is not accepted here."),
        Kind("invalid_request", 422, "A parameter cannot be used."),
        Kind("invalid_argument", 422, "A value cannot be used."),
        Kind("query_too_long", 422, "The question is too long."),
        Kind("article_rejected", 422, "The article cannot be indexed."),
        Kind("unreadable", 422, "The input cannot be read as articles."),
        Kind("too_many_requests", 429, "Too many requests."),
        Kind("cancelled", 499, "The client did not wait for the answer."),
        Kind("internal_error", 500, "The server failed.", private=True),
        Kind("error", 500, "The server failed.", private=True),
        Kind("index_corrupt", 500, "The index is damaged.", private=True),
        Kind("format_version", 500, "The index was written by another version.", private=True),
        Kind("model_mismatch", 500, "The index was built with another model.", private=True),
        Kind("missing_extra", 501, "This server lacks an optional part.", private=True),
        Kind("overloaded", 503, "The server is busy."),
        Kind("timed_out", 503, "The request took too long."),
        Kind("index_locked", 503, "Another writer is at work."),
        Kind("index_not_found", 503, "There is no index to search.", private=True),
        Kind("not_ready", 503, "The server is not ready."),
        Kind("storage", 507, "The server cannot store anything now.", private=True),
    )
}

READING = ("unauthorized", "forbidden", "too_many_requests")
"""What may keep a client from reading."""

CODE_OF_STATUS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "body_too_slow",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    429: "too_many_requests",
    503: "overloaded",
}
"""The code of failures that the framework reports by their status alone."""


class ApiError(HTTPException):
    """A request that cannot be served, for a reason that is about the request rather than about the archive."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(KINDS[code].status, detail, headers)
        self.code = code
        self.errors = errors


def type_uri(code: str) -> str:
    """The stable address that identifies a kind of failure."""
    return f"/errors/{code}"


def problem(
    scope: Scope,
    code: str,
    detail: str,
    *,
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The response that reports a failure of the request in `scope`."""
    kind = KINDS[code]
    body: dict[str, Any] = {
        "type": type_uri(code),
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": code,
        "instance": quote(scope["path"], errors="replace"),
    }
    if errors:
        body["errors"] = list(errors)
    all_headers = dict(headers or {})
    if kind.status in (429, 503):
        all_headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return JSONResponse(body, kind.status, all_headers, media_type=MEDIA_TYPE)


def documented(*codes: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's description of the failures that a route can have."""
    responses: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        kind = KINDS[code]
        response = responses.setdefault(
            kind.status,
            {"description": "", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        )
        response["description"] = " ".join(filter(None, (response["description"], f"`{code}`: {kind.title}")))
    return responses

"""One place where every exception becomes a problem response."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from backissue.api.http.problems import CODE_OF_STATUS, KINDS, ApiError, problem
from backissue.search.errors import BackissueError

log = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Makes `app` report the library's, the framework's and the validation's errors in the one shape."""
    app.add_exception_handler(BackissueError, _library_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)


def public_detail(error: BaseException) -> tuple[str, str]:
    """The code of an exception and what of its message clients may read; logs what they may not."""
    code = error.code if isinstance(error, BackissueError) and error.code in KINDS else "internal_error"
    if not KINDS[code].private:
        return code, str(error)
    if isinstance(error, BackissueError):
        log.error("%s: %s", code, error)
    else:
        log.error("An unexpected error", exc_info=error)
    return code, f"{KINDS[code].title} The server's log says more."


async def _library_error(request: Request, error: Exception) -> Response:
    code, detail = public_detail(error)
    return problem(request.scope, code, detail)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, ApiError):
        return problem(request.scope, error.code, str(error.detail), errors=error.errors, headers=error.headers)
    code = CODE_OF_STATUS.get(error.status_code, "internal_error" if error.status_code >= 500 else "bad_request")
    detail = str(error.detail)
    if code == "not_found":
        detail = f"There is nothing at {request.url.path}. See /openapi.json for what there is."
    elif code == "method_not_allowed":
        allowed = (error.headers or {}).get("Allow", "")
        detail = f"{request.method} is not possible at {request.url.path}; allowed: {allowed or 'see /openapi.json'}."
    return problem(request.scope, code, detail, headers=error.headers)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        reason = "; ".join(str(one.get("ctx", {}).get("error", one["msg"])) for one in found)
        return problem(request.scope, "malformed_json", f"The body is not JSON: {reason}.")
    errors = [_field_error(one) for one in found]
    detail = "; ".join(f"{one['field'] or one['location']}: {one['detail']}" for one in errors)
    return problem(request.scope, "invalid_request", detail, errors=errors)


def _field_error(error: dict[str, Any]) -> dict[str, str]:
    location, *path = error["loc"]
    message = "There is no such parameter" if error["type"] == "extra_forbidden" else str(error["msg"])
    return {
        "location": str(location),
        "field": ".".join(map(str, path)),
        "detail": message.removeprefix("Value error, "),
        "kind": str(error["type"]),
    }

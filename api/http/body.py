"""What is asked of a body before it is read."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from fastapi import Request

from backissue.api.http.problems import ApiError


def require_type(request: Request, accepted: AbstractSet[str]) -> str:
    """The media type of the request's body, without its parameters.

    Raises:
        ApiError: it is not one of the accepted.
    """
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in accepted:
        said = f"declared as {found!r}" if found else "not declared"
        raise ApiError(
            "unsupported_media_type", f"The body's Content-Type is {said}; accepted: {', '.join(sorted(accepted))}."
        )
    return found

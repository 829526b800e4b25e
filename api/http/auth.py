"""Who may change the archive: API keys, their scopes, and the check that routes depend on.

A key is written in settings as one of

    name:scope:sha256-of-the-secret     newsroom:write:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    secret                              a plain secret of 16 characters or more, with the scope admin

A plain secret is hashed as it is read and kept nowhere. SHA-256 without stretching is right here: secrets are
random keys rather than passwords, and the hash is taken on each request.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from backissue.api.http.problems import ApiError
from backissue.search.errors import InvalidArgumentError

MIN_SECRET_CHARS = 16
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


class Scope(IntEnum):
    """What a key allows; each scope allows what the ones before it do."""

    WRITE = 1
    """Adding and deleting articles."""
    ADMIN = 2
    """Rebuilding the index."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that may be presented: the SHA-256 of its secret, never the secret itself."""

    name: str
    scope: Scope
    sha256: str = field(repr=False)

    @classmethod
    def from_text(cls, text: str, number: int = 1) -> ApiKey:
        """The key that a setting describes. Errors name its `number` in the list, never its text.

        Raises:
            InvalidArgumentError: the text has neither of the two forms.
        """
        if ":" not in text:
            if len(text) < MIN_SECRET_CHARS:
                raise InvalidArgumentError(
                    f"API key {number} is shorter than {MIN_SECRET_CHARS} characters. "
                    "Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
                )
            return cls(f"key-{number}", Scope.ADMIN, hashed(text))
        name, scope, digest = [*text.split(":"), "", ""][:3]
        if text.count(":") != 2 or not name or not _HEX_SHA256.fullmatch(digest.lower()):
            raise InvalidArgumentError(
                f"API key {number} is neither name:scope:sha256 (64 hexadecimal digits) nor a secret without a colon."
            )
        if scope.upper() not in Scope.__members__:
            known = ", ".join(scope.name.lower() for scope in Scope)
            raise InvalidArgumentError(f"API key {number} ({name}) has an unknown scope; there are: {known}.")
        return cls(name, Scope[scope.upper()], digest.lower())

    def to_text(self) -> str:
        """What `from_text` reads this key from."""
        return f"{self.name}:{self.scope.name.lower()}:{self.sha256}"

    def opens(self, digest: str) -> bool:
        """Whether this is the key of the secret with that hash, in a time that does not tell how nearly."""
        return hmac.compare_digest(self.sha256, digest)


def hashed(secret: str) -> str:
    """The SHA-256 of a secret, in hexadecimal."""
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key of this server.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="key", description="An API key of this server.")


def needs(scope: Scope) -> Callable[..., Coroutine[Any, Any, ApiKey]]:
    """A dependency that lets a request through only with a key of this scope."""

    async def check(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
        header: Annotated[str | None, Depends(_header)],
    ) -> ApiKey:
        keys: tuple[ApiKey, ...] = request.app.state.service.settings.api_keys
        return authorise(keys, bearer.credentials if bearer else header, scope)

    return check


def authorise(keys: tuple[ApiKey, ...], secret: str | None, scope: Scope) -> ApiKey:
    """The key that a secret opens.

    Raises:
        ApiError: writing is off, no key was sent, none fits, or its scope does not reach.
    """
    if not keys:
        raise ApiError(
            "writing_disabled",
            "This server has no API key, so nobody can change its archive. "
            "To allow it, start the server with BACKISSUE_API_KEYS set to a secret of your choice.",
        )
    challenge = {"WWW-Authenticate": 'Bearer realm="backissue"'}
    if not secret:
        raise ApiError(
            "unauthorized", "Send an API key as 'Authorization: Bearer KEY' or as 'X-API-Key: KEY'.", headers=challenge
        )
    digest = hashed(secret)
    matching = [key for key in keys if key.opens(digest)]
    if not matching:
        raise ApiError("unauthorized", "The API key is not one of this server's.", headers=challenge)
    key = max(matching, key=lambda one: one.scope)
    if key.scope < scope:
        raise ApiError(
            "forbidden", f"The key {key.name!r} has the scope {key.scope.name.lower()}; {scope.name.lower()} is needed."
        )
    return key

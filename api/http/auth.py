"""Who may read and change the archive: API keys, their scopes, and the check that routes depend on.

A key is written in the settings, or a line each in a file of keys, as one of

    name:scope:sha256-of-the-secret     newsroom:write:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    secret                              a plain secret of 16 characters or more, with the scope admin

A plain secret is hashed as it is read and kept nowhere. SHA-256 without stretching is right here: secrets are
random keys rather than passwords, and the hash is taken on each request.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers

from backissue.api.http.problems import ApiError
from backissue.search.errors import InvalidArgumentError

if TYPE_CHECKING:
    from backissue.api.http.service import Service

MIN_SECRET_CHARS = 16
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


class Scope(IntEnum):
    """What a key allows; each scope allows what the ones before it do."""

    READ = 1
    """Searching, where that is not open to all."""
    WRITE = 2
    """Adding and deleting articles."""
    ADMIN = 3
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


class WrongKeyError(Exception):
    """A request presents a secret that opens nothing."""


def hashed(secret: str) -> str:
    """The SHA-256 of a secret, in hexadecimal."""
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def keys_in(path: Path) -> tuple[ApiKey, ...]:
    """The keys of a file, a line each; empty lines and those that begin with # say nothing.

    The file is read again when it has changed, so keys come and go without a restart.

    Raises:
        InvalidArgumentError: it cannot be read, or a line is no key.
    """
    try:
        stat = path.stat()
        return _keys_of(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(f"The file of API keys {path} cannot be read: {error}.") from None


@lru_cache(maxsize=4)
def _keys_of(path: Path, *_version: int) -> tuple[ApiKey, ...]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(
        ApiKey.from_text(line.strip(), number)
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    )


def new_key(name: str, scope: Scope) -> tuple[str, ApiKey]:
    """A new secret and its key.

    Raises:
        InvalidArgumentError: the name cannot stand in a setting.
    """
    if not re.fullmatch(r"[\w.@-]{1,60}", name):
        raise InvalidArgumentError(f"{name!r} is no name of a key; letters, digits and . @ - _ can be in one.")
    secret = secrets.token_urlsafe(32)
    return secret, ApiKey(name, scope, hashed(secret))


_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key of this server.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="key", description="An API key of this server.")


def needs(scope: Scope) -> Callable[..., Coroutine[Any, Any, None]]:
    """A dependency that lets a request through only with a key of this scope."""

    async def check(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
        header: Annotated[str | None, Depends(_header)],
    ) -> None:
        _let_in(request, bearer.credentials if bearer else header, scope)

    return check


async def may_read(request: Request) -> None:
    """A dependency that lets a request through where reading is open to all, or with a key of the scope read."""
    if not request.app.state.service.settings.public_reading:
        _let_in(request, _secret_of(request.headers) or _password_of(request.headers), Scope.READ)


def _let_in(request: Request, secret: str | None, scope: Scope) -> None:
    service: Service = request.app.state.service
    authorise(service.keys(), secret, scope)


def presented_key(headers: Headers, keys: Callable[[], tuple[ApiKey, ...]], *, passwords: bool) -> ApiKey | None:
    """The key that a request presents, with `passwords` also as one; None where it presents none. `keys` are asked for
    when needed.

    Raises:
        WrongKeyError: what it presents is no key.
    """
    secret = _secret_of(headers) or (_password_of(headers) if passwords else None)
    if not secret:
        return None
    key = _opened(keys(), secret)
    if key is None:
        raise WrongKeyError
    return key


def authorise(keys: tuple[ApiKey, ...], secret: str | None, scope: Scope) -> ApiKey:
    """The key that a secret opens.

    Raises:
        ApiError: writing is off, no key was sent, none fits, or its scope does not reach.
    """
    if not keys and scope is not Scope.READ:
        raise ApiError(
            "writing_disabled",
            "This server has no API key, so nobody can change its archive. "
            "To allow it, start the server with BACKISSUE_API_KEYS set to a secret of your choice.",
        )
    challenge = {"WWW-Authenticate": 'Bearer realm="backissue"'}
    if scope is Scope.READ:
        # What a browser understands. It sends a password to other pages' requests too, so it opens nothing but reading.
        challenge = {"WWW-Authenticate": 'Basic realm="backissue", charset="UTF-8", Bearer realm="backissue"'}
    if not secret:
        raise ApiError(
            "unauthorized", "Send an API key as 'Authorization: Bearer KEY' or as 'X-API-Key: KEY'.", headers=challenge
        )
    key = _opened(keys, secret)
    if key is None:
        raise ApiError("unauthorized", "The API key is not one of this server's.", headers=challenge)
    if key.scope < scope:
        raise ApiError(
            "forbidden", f"The key {key.name!r} has the scope {key.scope.name.lower()}; {scope.name.lower()} is needed."
        )
    return key


def _opened(keys: tuple[ApiKey, ...], secret: str) -> ApiKey | None:
    digest = hashed(secret)
    # Each is compared, whether one was found or not.
    matching = [key for key in keys if key.opens(digest)]
    return max(matching, key=lambda one: one.scope, default=None)


def _secret_of(headers: Headers) -> str | None:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else headers.get("x-api-key")


def _password_of(headers: Headers) -> str | None:
    """The password of HTTP's basic authentication (RFC 7617), whatever the name."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(credentials, validate=True).decode("utf-8").partition(":")[2]
    except ValueError:
        return None

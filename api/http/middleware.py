"""What happens around every request: headers, counting, the last resort for errors, and the limit of bodies."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backissue.api.http.auth import WrongKeyError, presented_key
from backissue.api.http.handlers import public_detail
from backissue.api.http.limiting import address_of
from backissue.api.http.metrics import Metrics
from backissue.api.http.problems import ApiError, problem

if TYPE_CHECKING:
    from backissue.api.http.service import Service

log = logging.getLogger(__name__)

_NOT_COUNTED = ("/health/", "/static/")

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Nothing but the server's own files: no inline script or style, no other host, no frame around the page."""

SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityHeaders:
    """Adds the security headers to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, its response with the headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class Measured:
    """Counts every request by the template of its route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request and counts it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        started_s = time.perf_counter()

        async def noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting_status)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.request(route, scope["method"], status, time.perf_counter() - started_s)


class LastResort:
    """Answers what no handler expected: the log has the traceback, the client a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, whatever is raised."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def noting_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting_start)
        except ClientDisconnect:
            log.info("A client went away before it had sent its request.")
        except Exception as error:
            if started:
                raise  # half a response is out: only closing the connection tells the client
            code, detail = public_detail(error)
            await problem(scope, code, detail)(scope, receive, send)


class BodyLimit:
    """Refuses bodies that are longer than their address takes, before or while they are read, or compressed, or that
    come too slowly, or that together with those of other requests would fill the memory.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: Callable[[Scope], int], max_bytes_together: int, pause_s: float, whole_s: float
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_bytes_together = max_bytes_together
        self._pause_s = pause_s
        self._whole_s = whole_s
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request whose body is acceptable, and refuses it otherwise."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._max_bytes(scope)
        headers = Headers(scope=scope)
        encoding = headers.get("content-encoding", "identity")
        declared = headers.get("content-length", "")
        if encoding.strip().lower() != "identity":
            detail = f"A body with Content-Encoding {encoding} is not accepted; send it as it is."
            await problem(scope, "unsupported_media_type", detail)(scope, receive, send)
            return
        if declared.isdecimal() and int(declared) > limit:
            await problem(scope, "body_too_large", _too_large(limit))(scope, receive, send)
            return
        received = 0
        is_whole = False
        ends_s = time.monotonic() + self._whole_s

        async def counting() -> Message:
            nonlocal received, is_whole
            if is_whole:
                return await receive()  # the end of the connection, for which nothing has to come
            try:
                wait_s = min(self._pause_s, max(ends_s - time.monotonic(), 0))
                message = await asyncio.wait_for(receive(), wait_s)
            except TimeoutError:
                raise ApiError("body_too_slow", "The body did not arrive in time.") from None
            size = len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            received += size
            self._held_bytes += size
            if received > limit:
                raise ApiError("body_too_large", _too_large(limit))
            if self._held_bytes > self._max_bytes_together:
                raise ApiError("overloaded", "Other bodies fill the memory that is for them. Come back shortly.")
            return message

        try:
            await self._app(scope, counting, send)
        finally:
            self._held_bytes -= received


class RateLimit:
    """Turns away who comes too often: a key that is one by its own rate, everyone else by that of addresses, and who
    presents too many wrong keys.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request that is not one too many."""
        if scope["type"] != "http" or scope["path"].startswith(_NOT_COUNTED):
            await self._app(scope, receive, send)
            return
        service: Service = scope["app"].state.service
        settings = service.settings
        who = address_of(HTTPConnection(scope))
        headers = Headers(scope=scope)
        try:
            key = None
            if "authorization" in headers or "x-api-key" in headers:
                # Who guesses is told nothing more, not even by addresses that anyone may read.
                service.limiter.check(settings.rate_of_wrong_keys, "wrong keys", who)
                try:
                    key = presented_key(headers, service.keys, passwords=not settings.public_reading)
                except WrongKeyError:
                    service.limiter.count(settings.rate_of_wrong_keys, "wrong keys", who)
            if key is not None:
                service.limiter.count(settings.rate_per_key, "requests with this key", key.name)
            else:
                service.limiter.count(settings.rate_per_address, "requests", who)
        except ApiError as refusal:
            await problem(scope, refusal.code, str(refusal.detail), headers=refusal.headers)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _too_large(limit: int) -> str:
    return f"The body is longer than the {limit:,} bytes that are accepted here. Send it in parts."

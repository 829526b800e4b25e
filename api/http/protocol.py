"""HTTP/1.1 for strangers: uvicorn's protocol, which waits for its clients, with an end to its patience.

A client that never sends its request, or that never takes the answer, would hold its connection for ever.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from backissue.api.http.problems import KINDS, MEDIA_TYPE, RETRY_AFTER_S, type_uri

MAX_HEADER_BYTES = 64 << 10
"""Size of a request's first line with its headers: a question of the greatest length in an address, and filters."""


class PatientProtocol(H11Protocol):
    """Ends a connection whose client takes too long to send the head of its request, or to take more of an answer, and
    turns clients away when there are too many.

    The app's lifespan gives the limits as its state: `client_seconds` and `max_connections`.
    """

    _head: asyncio.TimerHandle | None = None
    """Ends the wait for the head of a request."""
    _answer: asyncio.TimerHandle | None = None
    """Ends the wait for the client to take what was written."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        if len(self.connections) > self.app_state["max_connections"]:
            transport.write(_busy())
            self._close()
        else:
            self._head = self._later(self._close)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._stop_head()
        self._stop_answer()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Some bytes have come; the wait for the head of a request is over when it is whole, and not before."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._stop_head()
        elif self._head is None and self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self._head = self._later(self._close)  # the next request of this connection has begun

    def pause_writing(self) -> None:
        """The client takes no more for now."""
        super().pause_writing()
        self._answer = self._answer or self._later(self.transport.abort)

    def resume_writing(self) -> None:
        """The client takes more again."""
        self._stop_answer()
        super().resume_writing()

    def on_response_complete(self) -> None:
        """An answer was written, and the connection may be closing."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def send_400_response(self, msg: str) -> None:
        """What came is no request, or no body of one that is being served: then that is over, too."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        self._close()

    def timeout_keep_alive_handler(self) -> None:
        """No other request came."""
        super().timeout_keep_alive_handler()
        if self.transport.is_closing():
            self._close()

    def _close(self) -> None:
        """Closes the connection when the client has taken what was written, but does not wait long for that."""
        self.transport.close()
        self._answer = self._answer or self._later(self.transport.abort)

    def _later(self, end: Callable[[], None]) -> asyncio.TimerHandle:
        return self.loop.call_later(self.app_state["client_seconds"], end)

    def _stop_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _stop_answer(self) -> None:
        if self._answer is not None:
            self._answer.cancel()
            self._answer = None


def _busy() -> bytes:
    kind = KINDS["overloaded"]
    body = json.dumps(
        {
            "type": type_uri(kind.code),
            "title": kind.title,
            "status": kind.status,
            "detail": "As many clients are connected as may be. Come back shortly.",
            "code": kind.code,
            "instance": "",
        }
    ).encode()
    head = (
        f"HTTP/1.1 {kind.status} Service Unavailable\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nRetry-After: {RETRY_AFTER_S}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body

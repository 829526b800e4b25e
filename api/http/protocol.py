"""HTTP/1.1 for strangers: uvicorn's protocol, which waits for its clients, with an end to its patience.

A client that never sends its request, or that never takes the answer, would hold its connection for ever.
"""

from __future__ import annotations

import asyncio
import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from backissue.api.http.problems import KINDS, MEDIA_TYPE, RETRY_AFTER_S, type_uri

MAX_HEADER_BYTES = 64 << 10
"""Size of a request's first line with its headers: a question of the greatest length in an address, and filters."""


def patient_protocol(seconds: float, max_connections: int) -> type[H11Protocol]:
    """A protocol that ends a connection whose client takes longer than `seconds` to send the head of its request, or
    to take more of an answer, and that turns the next client away when there are `max_connections`.
    """

    class PatientProtocol(H11Protocol):
        _waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            """A client has come."""
            super().connection_made(transport)
            if len(self.connections) > max_connections:
                transport.write(_busy())
                transport.close()
                # What the client is sending already is read by nobody: without an end the connection would wait for it.
                self._wait(self.transport.abort)
                return
            self._wait(self._end)

        def connection_lost(self, exc: Exception | None) -> None:
            """The client has gone."""
            self._wait_no_more()
            super().connection_lost(exc)

        def handle_events(self) -> None:
            """Some bytes have come: the wait for the head of a request is over when it is whole, not before."""
            before = self.cycle
            super().handle_events()
            if self.cycle is not before:
                self._wait_no_more()
            elif self._waiting is None and self.conn.their_state is h11.IDLE and not self.transport.is_closing():
                self._wait(self._end)  # the first bytes of the next request of this connection

        def pause_writing(self) -> None:
            """The client takes no more for now."""
            super().pause_writing()
            self._wait(self.transport.abort)

        def resume_writing(self) -> None:
            """The client takes more again."""
            self._wait_no_more()
            super().resume_writing()

        def _end(self) -> None:
            self.transport.close()

        def _wait(self, end: object) -> None:
            self._wait_no_more()
            self._waiting = self.loop.call_later(seconds, end)  # type: ignore[arg-type]

        def _wait_no_more(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

    return PatientProtocol


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

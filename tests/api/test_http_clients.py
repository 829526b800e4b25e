"""Clients that are slow, silent, malformed, too many or too eager, against the server as a process."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import served
from served import READY, Server, status, until_closed

from backissue.api.http.auth import Scope, new_key

SECRET, KEY = new_key("desk", Scope.WRITE)
QUICK = {"BACKISSUE_CLIENT_SECONDS": "1", "BACKISSUE_UPLOAD_SECONDS": "2", "BACKISSUE_API_KEYS": KEY.to_text()}
LIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def post(body: bytes, length: int | None = None) -> bytes:
    head = (
        "POST /v1/articles HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"X-API-Key: {SECRET}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode() + body


serving = partial(served.serving, **QUICK)


@pytest.fixture(scope="module")
def server(press_index: Path) -> Iterator[Server]:
    with serving(press_index) as one:
        yield one
    assert one.process.returncode == 0
    assert "Traceback" not in one.log, one.log
    assert SECRET not in one.log


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET / HTTP/1.1\r\nHo", READY + b"GET /", READY + READY[:-2]],
    ids=["silent", "half", "next", "head"],
)
def test_a_client_that_does_not_send_its_request_is_left(server: Server, beginning: bytes):
    with server.connect() as client:
        client.sendall(beginning)
        started_s = time.monotonic()
        said = until_closed(client)
    assert 0.5 < time.monotonic() - started_s < 10
    assert said.count(b"HTTP/1.1 200") == beginning.count(READY)


def test_a_client_that_sends_a_byte_now_and_then_is_left(server: Server):
    started_s = time.monotonic()
    with server.connect() as client, pytest.raises(OSError):
        for byte in b"GET / HTTP/1.1\r\n" + b"X-Slow: 1\r\n" * 1000:
            client.sendall(bytes([byte]))
            time.sleep(0.1)
    assert time.monotonic() - started_s < 10


def test_a_body_that_does_not_come_or_comes_slowly_is_refused(server: Server):
    assert status(server.say(post(b'{"text": "', length=1000))) == 408
    started_s = time.monotonic()
    with server.connect() as client:
        client.sendall(post(b'{"text": "', length=10_000))
        said = b""
        client.settimeout(0.2)
        while not said and time.monotonic() - started_s < 15:
            with suppress(TimeoutError):
                client.sendall(b"a")
                said = client.recv(65536)
    assert status(said) == 408
    assert time.monotonic() - started_s < 10


def test_a_client_that_does_not_take_its_answer_is_left(server: Server):
    before = server.files()
    clients = []
    for _ in range(5):
        client = server.connect()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with suppress(OSError):
            client.settimeout(0.5)
            client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 200)
        clients.append(client)
    until_s = time.monotonic() + 60
    while server.files() > before and time.monotonic() < until_s:
        time.sleep(0.2)
    assert server.files() <= before
    for client in clients:
        client.close()
    assert status(server.say(LIVE)) == 200


OPENED_ONCE = 6

MALFORMED = [
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"GET\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost a\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    b"POST /v1/search HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nxyz\r\n",
    b"POST /v1/search HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n",
    b"GET /?q=" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
]


@pytest.mark.parametrize("request_bytes", MALFORMED, ids=range(len(MALFORMED)))
def test_what_is_no_request_is_refused_and_hurts_nobody(server: Server, request_bytes: bytes):
    with suppress(ConnectionError):
        said = server.say(request_bytes)
        assert not said or 400 <= status(said) < 500
    assert status(server.say(LIVE)) == 200


def test_a_client_that_goes_away_amid_its_request_or_answer_leaves_nothing(server: Server):
    before = server.files()
    for number in range(40):
        with server.connect() as client:
            client.sendall(
                (post(b'{"text":', length=100), b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n")[number % 2]
            )
    # A thread that is the first to read the archive keeps a connection: a few files, not those of forty clients.
    until_s = time.monotonic() + 10
    while server.files() > before + OPENED_ONCE and time.monotonic() < until_s:
        time.sleep(0.1)
    assert server.files() <= before + OPENED_ONCE
    assert status(server.say(LIVE)) == 200


def test_too_many_connections_are_told_to_come_back_and_those_that_are_there_are_served(press_index: Path):
    with serving(press_index, BACKISSUE_MAX_CONNECTIONS="5", BACKISSUE_CLIENT_SECONDS="30") as server:
        clients = [server.connect() for _ in range(5)]
        time.sleep(0.2)
        said = server.say(b"")
        assert status(said) == 503
        assert b"\r\nRetry-After: " in said
        assert json.loads(said.partition(b"\r\n\r\n")[2])["code"] == "overloaded"
        clients[0].sendall(LIVE)
        assert status(until_closed(clients[0])) == 200
        for client in clients:
            client.close()
        time.sleep(0.2)
        assert status(server.say(LIVE)) == 200


def test_a_server_that_is_told_to_stop_ends_what_it_has_begun(own_index: Path):
    articles = b"\n".join(
        json.dumps({"id": f"n{n}", "text": f"The harbour was closed again, {n} ships waited. " * 40}).encode()
        for n in range(300)
    )
    answers: list[bytes] = []
    with serving(own_index, BACKISSUE_SHUTDOWN_SECONDS="100", BACKISSUE_CLIENT_SECONDS="30") as server:
        request = post(articles).replace(b"application/json", b"application/x-ndjson")
        writer = threading.Thread(target=lambda: answers.append(server.say(request)))
        writer.start()
        time.sleep(0.4)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        with pytest.raises(OSError):
            assert server.say(LIVE) == b"", "a server that stops lets nobody in"
            raise ConnectionRefusedError
        writer.join(120)
    assert status(answers[0]) == 200
    assert json.loads(answers[0].partition(b"\r\n\r\n")[2])["added"] == 300
    with serving(own_index) as server:
        assert status(server.say(b"GET /v1/articles/n299 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")) == 200

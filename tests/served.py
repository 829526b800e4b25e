"""A server of an index as a process of its own, and the bytes that are said to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SERVE = "import sys, pathlib; from backissue.api.http.server import serve; "
SERVE += "serve(pathlib.Path(sys.argv[1]), port=int(sys.argv[2]))"
READY = b"GET /health/ready HTTP/1.1\r\nHost: a\r\n\r\n"


class Server:
    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port, self.process = port, process
        self.log = ""

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=15)

    def say(self, request: bytes) -> bytes:
        """All that the server says to these bytes, until it closes the connection."""
        with self.connect() as client:
            client.sendall(request)
            return until_closed(client)

    def files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def megabytes(self) -> int:
        """The memory that the process has at most had."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
        return int(peak) >> 10


def until_closed(client: socket.socket) -> bytes:
    said = b""
    with suppress(ConnectionResetError):
        while more := client.recv(65536):
            said += more
    return said


def status(said: bytes) -> int:
    return int(said.split(b" ", 2)[1])


@contextmanager
def serving(index: Path, **settings: str) -> Iterator[Server]:
    """A server that is ready; when it has ended, `log` is what it said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (index.parent / f"server-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(index), str(port)],
            env=os.environ | settings,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = Server(port, process)
    try:
        until_s = time.monotonic() + 240
        while True:
            with suppress(OSError):
                if status(server.say(READY.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))) == 200:
                    break
            assert process.poll() is None
            assert time.monotonic() < until_s
            time.sleep(0.05)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)
        server.log = Path(log.name).read_text(encoding="utf-8")

"""The server as a process: it answers, its workers agree, and it ends when told to."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from backissue.api.http.auth import MIN_SECRET_CHARS
from backissue.api.http.server import serve
from backissue.api.http.settings import ServerSettings
from backissue.search.errors import IndexNotFoundError, InvalidArgumentError

SECRET = "secret-of-the-test".ljust(MIN_SECRET_CHARS)
SERVE = "import sys, pathlib; from backissue.api.http.server import serve; "
SERVE += "serve(pathlib.Path(sys.argv[1]), port=int(sys.argv[2]), workers=int(sys.argv[3]))"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str, method: str = "GET") -> Any:
    request = urllib.request.Request(url, method=method, headers={"X-API-Key": SECRET})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


@contextmanager
def serving(index: Path, workers: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    (index.parent / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(index), str(port), str(workers)],
        env=os.environ | {"BACKISSUE_API_KEYS": SECRET, "TMPDIR": str(index.parent / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until_s = time.monotonic() + 120
        while True:
            try:
                fetch(f"{url}/health/ready")
                break
            except OSError:
                assert process.poll() is None, process.communicate()[0].decode()
                assert time.monotonic() < until_s
                time.sleep(0.05)
        yield url, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)


def test_a_served_index_answers_and_the_server_ends_when_told(own_index: Path):
    with serving(own_index, workers=1) as (url, process):
        assert fetch(f"{url}/v1/search?q=Odra")["hits"][0]["article"]["id"] == "pl-odra"
    assert process.returncode == 0
    assert not list((own_index.parent / "tmp").iterdir()), "nothing is left behind"


def test_workers_share_their_jobs_and_their_counts(own_index: Path):
    with serving(own_index, workers=2) as (url, process):
        job = fetch(f"{url}/v1/rebuild", "POST")
        states = {fetch(f"{url}/v1/jobs/{job['id']}")["state"] for _ in range(20)}
        assert states <= {"queued", "running", "succeeded"}
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
            text = response.read().decode()
        counted = 'backissue_http_requests_total{method="GET",route="/v1/jobs/{job_id}",status="200"} 20.0'
        assert counted in text
    assert process.returncode == 0
    assert not list((own_index.parent / "tmp").iterdir()), "nothing is left behind"


def test_what_cannot_be_served_is_refused_before_the_server_starts(tmp_path: Path, press_index: Path):
    with pytest.raises(IndexNotFoundError, match="Build one"):
        serve(tmp_path / "nowhere")
    with pytest.raises(InvalidArgumentError, match="workers"):
        serve(press_index, workers=0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidArgumentError, match=r"cannot listen on 127\.0\.0\.1"):
            serve(press_index, port=taken.getsockname()[1], settings=ServerSettings())
    with pytest.raises(InvalidArgumentError, match="port must be from 0 to 65535"):
        serve(press_index, port=70_000, settings=ServerSettings())

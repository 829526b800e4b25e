"""The command as a process of its own: cold start, pipes, signals, terminals."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from backissue.api.cli import main; main()"]
NEEDED_BY_OTHER_VERBS = ("fastapi", "uvicorn", "starlette", "trafilatura", "rich", "jinja2", "ir_measures", "torch")


def _run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=120, env=os.environ | environment
    )


def test_search_imports_nothing_that_it_does_not_need(press_index: Path) -> None:
    program = (
        "import sys; from backissue.api.cli.run import run; "
        f"code = run(['search', 'Kim', '--index', {str(press_index)!r}, '--json']); "
        f"sys.exit(code or ' '.join(name for name in {NEEDED_BY_OTHER_VERBS!r} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("verb", "gives_way"), [("delete", True), ("search", False)])
def test_who_changes_the_archive_gives_way_to_who_asks_it(press_index: Path, verb: str, gives_way: bool) -> None:
    program = (
        "import atexit, os, sys; from backissue.api.cli import main; before = os.nice(0); "
        "atexit.register(lambda: print('nicer by', os.nice(0) - before)); "
        f"sys.argv[1:] = [{verb!r}, 'no such thing', '--index', {str(press_index)!r}, '--json']; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert ("nicer by 0" not in done.stdout.splitlines()) is gives_way


def test_output_to_a_file_is_plain(press_index: Path) -> None:
    done = _run("search", "Kim", "--index", press_index)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_an_ascii_terminal_gets_escapes_not_an_error(press_index: Path) -> None:
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = _run("show", "pl/kim-1", "--index", press_index, **environment)
    assert done.returncode == 0
    assert "wr\\xf3ci\\u0142" in done.stdout
    done = _run("show", "pl/kim-1", "--index", press_index, "--json", **environment)
    assert "wrócił" in json.loads(done.stdout)["text"]


def test_a_closed_pipe_ends_quietly(press_index: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as pipe:
        done = subprocess.run(
            [*COMMAND, "stats", "--index", str(press_index)], stdout=pipe, stderr=subprocess.PIPE, timeout=120
        )
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colour_unless_it_wants_none(press_index: Path, no_color: str, is_coloured: bool) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "search", "artillery shells", "--index", str(press_index)],
        stdout=terminal,
        stderr=subprocess.PIPE,
        env=os.environ | {"NO_COLOR": no_color, "TERM": "xterm"},
    )
    os.close(terminal)
    shown = _read_all(controller)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, b"")
    assert (b"\x1b[1m" in shown) == is_coloured
    assert b"Harbour Post" in shown


def _read_all(descriptor: int) -> bytes:
    parts = []
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        while True:
            try:
                part = stream.read(65536)
            except OSError:  # how Linux says that the other end of a terminal is closed
                break
            if not part:
                break
            parts.append(part)
    return b"".join(parts)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_serve_answers_until_it_is_interrupted(press_index: Path) -> None:
    port = _free_port()
    process = subprocess.Popen(
        [*COMMAND, "serve", "--index", str(press_index), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert select.select([process.stderr], [], [], 60)[0]
        assert process.stderr.readline() == (
            f"Starting. {press_index} will be served at http://127.0.0.1:{port}/ until Ctrl-C.\n"
        )
        assert _is_live(f"http://127.0.0.1:{port}/health/live")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in err


def _is_live(url: str) -> bool:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.1)
    return False

"""Load for some seconds: a soak of reads, writes and rebuilds, and five times as much as the server can do.

`python -m bench.load` does the same for longer and tells the times, which nothing here looks at.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def load(what: str, seconds: int, index: Path) -> str:
    """What a run tells. It fails where a request is lost, refused without need or answered with an error, where the
    server says that it is not ready, or takes more memory or files from window to window.
    """
    command = [sys.executable, "-m", "bench.load", what, "--seconds", str(seconds), "--index", str(index)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at open files in the way of Linux")
def test_some_seconds_of_reads_writes_and_rebuilds_lose_nothing_and_keep_nothing_open(press_index: Path):
    told = load("soak", 8, press_index)
    assert told.count("window ") == 4 + 1
    assert told.count(" 0 lost") == 4


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at memory in the way of Linux")
def test_what_is_too_much_is_refused_and_the_server_recovers(press_index: Path):
    told = load("overload", 9, press_index)
    assert "503:" in told.splitlines()[1], "more than there was room for"
    assert told.count(" 0 without Retry-After, 0 lost") == 3

"""The code of README.md runs, and what it lists is what there is."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from backissue.api.cli.exits import MEANINGS
from backissue.api.http.settings import reference

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- test: (\w+) -->\n```\w+\n(.*?)```", re.DOTALL)
BACKISSUE = [str(Path(sys.executable).parent / "backissue")]


def blocks() -> dict[str, str]:
    return dict(BLOCK.findall(README))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like the repository's root to the commands of the README."""
    path = tmp_path_factory.mktemp("readme")
    (path / "seeds").symlink_to(ROOT / "seeds")
    return path


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_blocks_that_run_are_these():
    assert set(blocks()) == {"commands", "library", "http"}


def test_the_commands_run_and_print_what_the_readme_shows(folder):
    printed = ""
    for line in blocks()["commands"].splitlines():
        program, *arguments = shlex.split(line)
        assert program == "backissue"
        printed += run([*BACKISSUE, *arguments], folder)
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    for line in shown[1].splitlines():
        assert line.strip() in printed


def test_the_library_example_runs(folder):
    printed = run([sys.executable, "-c", blocks()["library"]], folder)
    assert len(printed.splitlines()) == 6
    assert "Pjongjang" in printed


def test_the_http_examples_answer(folder):
    run([*BACKISSUE, "rebuild", "seeds/articles", "--index", "index"], folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [*BACKISSUE, "serve", "--index", "index", "--port", str(port)], cwd=folder, stdout=subprocess.DEVNULL
    )
    try:
        for line in blocks()["http"].splitlines():
            url = shlex.split(line)[-1].replace(":8000", f":{port}")
            assert json.loads(fetch(url))
    finally:
        server.terminate()
        assert server.wait(30) == 0


def fetch(url: str) -> bytes:
    for _ in range(150):
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return answer.read()
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


def test_every_exit_code_and_setting_is_listed():
    for code in MEANINGS:
        assert f"\n| {int(code)} | " in README, code
    for name, *_ in reference():
        assert f"| `{name}` |" in README, name


def test_every_verb_is_listed(folder):
    verbs = re.findall(r"^  (\w+) +[A-Z]", run([*BACKISSUE, "--help"], folder).split("Exit codes")[0], re.MULTILINE)
    assert len(verbs) >= 11
    for verb in verbs:
        assert f"`{verb}" in README, verb

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from backissue.api.cli.progress import Lines, line_words, reporting


@pytest.mark.parametrize(
    ("done", "total", "elapsed_s", "words"),
    [
        (0, None, 0.0, "reading: 0"),
        (1200, None, 60.0, "reading: 1,200, 20/s"),
        (1200, 4800, 3.0, "reading: 1,200 of 4,800 (25%), 400/s, 0:09 left"),
        (3, 12, 2.0, "reading: 3 of 12 (25%), 1.5/s, 0:06 left"),
        (10, 1000, 10.0, "reading: 10 of 1,000 (1%), 1.0/s, 16:30 left"),
        (5, 5, 0.5, "reading: 5 of 5 (100%)"),
        (0, 0, 0.0, "reading: 0 of 0"),
    ],
)
def test_a_line(done: int, total: int | None, elapsed_s: float, words: str) -> None:
    assert line_words("read", done, total, elapsed_s) == words


def _clock(times: list[float]) -> Iterator[float]:
    yield from times


def test_a_line_at_the_start_each_ten_seconds_and_at_the_end() -> None:
    lines: list[str] = []
    clock = _clock([0.0, 1.0, 9.0, 10.0, 11.0, 12.0, 12.0])
    report = Lines(lines.append, clock.__next__).report
    for done in (0, 10, 90, 100, 110, 120, 120):
        report("embed", done, 120)
    assert lines == [
        "embedding: 0 of 120 (0%)",
        "embedding: 100 of 120 (83%), 10/s, 0:02 left",
        "embedding: 120 of 120 (100%), 10/s",
    ]


def test_stages_have_clocks_of_their_own() -> None:
    lines: list[str] = []
    clock = _clock([0.0, 5.0])
    report = Lines(lines.append, clock.__next__).report
    report("read", 1, None)
    report("embed", 1, 2)
    assert lines == ["reading: 1", "embedding: 1 of 2 (50%)"]


def test_the_last_count_of_a_stage_without_a_total_is_told_before_the_next_stage() -> None:
    lines: list[str] = []
    clock = _clock([0.0, 2.0, 4.0, 4.0, 5.0])
    progress = Lines(lines.append, clock.__next__)
    for stage, done in (("read", 0), ("read", 20), ("read", 40), ("index", 0), ("index", 7)):
        progress.report(stage, done, None)
    assert lines == ["reading: 0", "reading: 40, 10/s", "indexing: 0"]
    progress.finish()
    progress.finish()
    assert lines[3:] == ["indexing: 7, 7.0/s"]


def test_plain_lines_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting() as report:
        assert report is not None
        report("publish", 1, 1)
    assert capsys.readouterr().err == "publishing: 1 of 1 (100%)\n"


def test_quiet() -> None:
    with reporting(quiet=True) as report:
        assert report is None


def test_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with reporting() as report:
        assert report is not None
        report("read", 3, None)
        report("embed", 0, 8)
        report("embed", 8, 8)
    drawn = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "reading" in drawn
    assert "embedding" in drawn
    assert "8/8" in drawn

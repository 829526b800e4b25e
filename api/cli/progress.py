"""How far a long run is: bars with rate and time left on a terminal, a line now and then elsewhere. All on stderr."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backissue.api.cli.terminal import note

if TYPE_CHECKING:
    from rich.progress import Task, TaskID

Report = Callable[[str, int, int | None], None]

LINE_EVERY_S = 10.0

_LABELS = {"read": "reading", "embed": "embedding", "index": "indexing", "publish": "publishing"}


@contextmanager
def reporting(quiet: bool = False) -> Iterator[Report | None]:
    """A progress callback that suits stderr, for as long as the block runs; None when quiet."""
    if quiet:
        yield None
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _bars() as report:
            yield report
    else:
        lines = Lines(note)
        yield lines.report
        lines.finish()


class Lines:
    """A line when a stage begins, each ten seconds, and when it ends: at its total, or when another one begins."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._began: dict[str, float] = {}
        self._written: dict[str, tuple[float, int]] = {}
        self._untold: dict[str, str] = {}

    def report(self, stage: str, done: int, total: int | None) -> None:
        """Tell how many of a stage are done; writes a line when one is due."""
        now = self._clock()
        if stage not in self._began:
            self.finish()
        began = self._began.setdefault(stage, now)
        last_s, last_done = self._written.get(stage, (now - LINE_EVERY_S, -1))
        if done == last_done:
            return
        words = line_words(stage, done, total, now - began)
        if now - last_s < LINE_EVERY_S and (total is None or done < total):
            self._untold[stage] = words
            return
        self._untold.pop(stage, None)
        self._written[stage] = (now, done)
        self._write(words)

    def finish(self) -> None:
        """Tell the last count of each stage that has gone on since its last line."""
        for words in self._untold.values():
            self._write(words)
        self._untold.clear()


def line_words(stage: str, done: int, total: int | None, elapsed_s: float) -> str:
    """`embedding: 1,200 of 4,800 (25%), 400/s, 0:09 left`."""
    words = f"{_LABELS.get(stage, stage)}: {done:,}"
    if total is not None:
        words += f" of {total:,}" + (f" ({100 * done // total}%)" if total else "")
    if done and elapsed_s >= 1:
        rate = done / elapsed_s
        words += f", {rate:,.0f}/s" if rate >= 10 else f", {rate:.1f}/s"
        if total is not None and done < total:
            minutes, seconds = divmod(round((total - done) / rate), 60)
            words += f", {minutes}:{seconds:02} left"
    return words


@contextmanager
def _bars() -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class RateColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f}/s" if speed else "")

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(_LABELS.get(stage, stage), total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield report

"""Questions asked in turn, their milliseconds, and the tables and powers made of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.peers import Ask

BLOCK = 10


@dataclass(frozen=True)
class Row:
    """A line of a table: a library's milliseconds, and its recall of the exact best where that is known."""

    name: str
    ms: NDArray[np.float64]
    recall: float | None = None

    @property
    def p50(self) -> float:
        """The middle one."""
        return float(np.percentile(self.ms, 50))

    @property
    def p99(self) -> float:
        """What one in a hundred exceeds."""
        return float(np.percentile(self.ms, 99))

    def __str__(self) -> str:
        recall = "–" if self.recall is None else f"{self.recall:.3f}"
        return f"| {self.name} | {self.p50:.2f} | {self.p99:.2f} | {recall} |"


@dataclass(frozen=True)
class Target:
    """What was measured, and what is wanted at most. A `ratio` is to another library of the same run, or a share: what
    else the machine does changes it little.
    """

    name: str
    measured: float
    wanted: float
    ratio: bool = True

    @property
    def missed(self) -> bool:
        """Whether it is more than is wanted."""
        return self.measured > self.wanted

    def __str__(self) -> str:
        return f"| {self.name} | {self.measured:.4g} | {self.wanted:.4g} | {'**missed**' if self.missed else 'held'} |"


def measure(asks: Mapping[str, Ask], questions: int, rounds: int = 3) -> dict[str, Row]:
    """Milliseconds of each: the best of some rounds for each question, a block of questions in turn, so that whatever
    else the machine does meets all alike and none finds the caches full of what another has left. Each answers every
    question once before.
    """
    best = {name: np.full(questions, np.inf) for name in asks}
    for ask in asks.values():
        for number in range(questions):
            ask(number)
    for _ in range(rounds):
        for first in range(0, questions, BLOCK):
            for name, ask in asks.items():
                for number in range(first, min(first + BLOCK, questions)):
                    started = time.perf_counter()
                    ask(number)
                    best[name][number] = min(best[name][number], (time.perf_counter() - started) * 1000)
    return {name: Row(name, times) for name, times in best.items()}


def overlap(wanted: Ask, ask: Ask, questions: int, k: int) -> float:
    """The part of the wanted best `k` that is found among the best `k`."""
    shares = [len({*wanted(n)[:k]} & {*ask(n)[:k]}) / k for n in range(questions)]
    return float(np.mean(shares))


def table(title: str, rows: Sequence[Row]) -> Iterator[str]:
    """Lines of Markdown."""
    yield from ("", f"**{title}**", "", "| | p50 ms | p99 ms | recall |", "|---|---|---|---|", *map(str, rows))


def short(value: float) -> str:
    """A number with three digits that count."""
    return f"{float(f'{value:.3g}'):,.12g}"


def power(points: Sequence[tuple[float, float]]) -> float:
    """The power that the second grows by with the first: the slope of the logarithms."""
    x, y = np.log([p for p, _ in points]), np.log([v for _, v in points])
    return float(np.polyfit(x, y, 1)[0])

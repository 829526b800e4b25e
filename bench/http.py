"""HTTP load: what one server process answers at capacity, and how late it is at a part of that.

Capacity is measured by clients that ask without a pause. Then questions come at 80 % of that rate, at random moments
(Poisson), whether or not those before were answered. By then a part of the lateness is that of any queue: what it would
be if every answer took equally long is told beside it.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from bench.corpus import Corpus
from bench.load import CAPACITY, Seen, ask, served
from bench.timing import Target

WARM_S, ASKED_S = 5.0, 20.0
PART = 0.8
HITS = 10
"""As many as a page shows."""


def load(index: Path, given: Corpus) -> Iterator[str | Target]:
    """Requests a second of a core, and p99 / p50 at 80 % of them; rerank, answers and facets are on."""
    full, seconds, cpu, part = asyncio.run(_measured(index, given.questions))
    rate, of_core = len(full.seconds) / seconds, len(full.seconds) / cpu
    failed = sum(n for seen in (full, part) for status, n in seen.statuses.items() if status != 200)
    failed += full.lost + part.lost
    yield ""
    yield (
        f"HTTP, {len(given.texts):,} passages, rerank on: {rate:.0f} requests/s at capacity ({CAPACITY} clients, p50 "
        f"{full.p(0.5):.0f} ms), {of_core:.0f} a second of one processor; at {PART:.0%} of that rate p50 "
        f"{part.p(0.5):.0f} ms, p99 {part.p(0.99):.0f} ms; {failed} errors. p99 / p50 of a queue before one processor, "
        f"before two, where every answer takes equally long: {queue(1):.1f}, {queue(2):.1f}"
    )
    yield Target("ms of a processor an HTTP request", 1000 / of_core, 1000 / 60, ratio=False)
    yield Target("HTTP p99 / p50 at 80 % of capacity", part.p(0.99) / part.p(0.5), 4, ratio=False)
    yield Target("HTTP errors", failed, 0, ratio=False)


def queue(processors: int, answers: int = 500_000) -> float:
    """p99 / p50 of answers that take equally long, at `PART` of what so many processors can give, first come first."""
    rng, free, now = random.Random(1), [0.0] * processors, 0.0
    took = []
    for _ in range(answers):
        now += rng.expovariate(PART * processors)
        ready = max(heapq.heappop(free), now) + 1.0
        heapq.heappush(free, ready)
        took.append(ready - now)
    took.sort()
    return took[int(0.99 * answers)] / took[answers // 2]


async def _measured(index: Path, questions: Sequence[str]) -> tuple[Seen, float, float, Seen]:
    async with served(index) as (client, pid):
        await _at_capacity(client, questions, WARM_S)
        started, before = time.perf_counter(), _cpu_seconds(pid)
        full = await _at_capacity(client, questions, ASKED_S)
        seconds, cpu = time.perf_counter() - started, _cpu_seconds(pid) - before
        part = await _at_rate(client, questions, PART * len(full.seconds) / seconds, ASKED_S)
    return full, seconds, cpu, part


async def _at_capacity(client: httpx.AsyncClient, questions: Sequence[str], seconds: float) -> Seen:
    seen, ends_s = Seen(), time.monotonic() + seconds

    async def one(seed: int) -> None:
        rng = random.Random(seed)
        while time.monotonic() < ends_s:
            await ask(client, rng.choice(questions), seen, HITS)

    await asyncio.gather(*(one(seed) for seed in range(CAPACITY)))
    return seen


async def _at_rate(client: httpx.AsyncClient, questions: Sequence[str], rate: float, seconds: float) -> Seen:
    seen, rng, ends_s = Seen(), random.Random(9), time.monotonic() + seconds
    asked = []
    while time.monotonic() < ends_s:
        await asyncio.sleep(rng.expovariate(rate))
        asked.append(asyncio.create_task(ask(client, rng.choice(questions), seen, HITS)))
    await asyncio.gather(*asked)
    return seen


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""Load on a server of its own, on 127.0.0.1: a soak at capacity, and an overload of ten times as much.

    python -m bench.load soak --seconds 1800
    python -m bench.load overload

The server answers from an index of seeds/articles, or from a copy of the one that is named. Bounded in clients,
requests and time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from backissue.api.http.auth import Scope, new_key
from backissue.indexer import Indexer, read

ROOT = Path(__file__).parents[1]
SECRET, KEY = new_key("bench", Scope.ADMIN)
CAPACITY = 4
"""Clients that ask without a pause; as many searches run at once."""
HITS = 50
"""So many that the server has more to do for a question than the clients, which are one process."""
TIMES_TELL_FROM_S = 30
"""Of a shorter run the times say more about the machine's other work."""
KEPT = 20
"""So many articles of the writer's stand in the archive at once."""
WORDS = (
    "harbour",
    "bridge",
    "train",
    "treaty",
    "satellite",
    "flood",
    "dam",
    "election",
    "orchard",
    "winter",
    "oil",
    "food",
)


@dataclass
class Seen:
    """What clients saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    lost: int = 0
    """What was promised and not kept: requests without an answer, articles that are not there, rebuilds that failed."""
    come_back: int = 0
    """Changes that were told to come back, and did."""
    unready: int = 0

    def p(self, share: float) -> float:
        """The time in milliseconds that this share of the answered requests took at most."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@asynccontextmanager
async def served(folder: Path, queued: int | None = None) -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    """A server of an index in `folder`, a client of it, and its process id; so many searches may wait, or the usual."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).parent / "backissue", "serve", "--index", folder, "--port", str(port)]
    environ = os.environ | {"BACKISSUE_API_KEYS": KEY.to_text()}
    if queued is not None:
        environ["BACKISSUE_MAX_QUEUED_SEARCHES"] = str(queued)
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, limits=limits) as client:
            until_s = time.monotonic() + 300
            while not await is_ready(client):
                assert process.poll() is None
                assert time.monotonic() < until_s
                await asyncio.sleep(0.2)
            yield client, process.pid
    finally:
        process.terminate()
        assert process.wait(60) == 0


async def is_ready(client: httpx.AsyncClient) -> bool:
    """Whether the server says that it would answer."""
    try:
        return (await client.get("/health/ready")).status_code == 200
    except httpx.HTTPError:
        return False


async def ask(client: httpx.AsyncClient, question: str, seen: Seen, hits: int = HITS) -> None:
    """One search, and what came of it."""
    started_s = time.perf_counter()
    try:
        answer = await client.get("/v1/search", params={"q": question, "k": hits})
    except httpx.HTTPError:
        seen.lost += 1
        return
    seen.statuses[answer.status_code] += 1
    if answer.status_code == 200:
        seen.seconds.append(time.perf_counter() - started_s)
    elif "retry-after" not in answer.headers:
        seen.without_retry_after += 1


async def write(client: httpx.AsyncClient, rng: random.Random, number: int, seen: Seen) -> None:
    """Adds an article, finds it, and deletes the one of a while ago, which is found no more."""
    text = " ".join(rng.choices(WORDS, k=60))
    await change(client, "POST", "/v1/articles", seen, json={"id": f"load-{number}", "text": text})
    if (await client.get(f"/v1/articles/load-{number}")).status_code != 200:
        seen.lost += 1
    if number >= KEPT:
        old = f"/v1/articles/load-{number - KEPT}"
        await change(client, "DELETE", old, seen)
        if (await client.get(old)).status_code != 404:
            seen.lost += 1


async def change(client: httpx.AsyncClient, method: str, address: str, seen: Seen, **body: Any) -> None:
    """A change, asked for again as long as the server says that a rebuild is at work."""
    while True:
        answer = await client.request(method, address, headers={"X-API-Key": SECRET}, **body)
        if answer.status_code != 503 or "retry-after" not in answer.headers:
            break
        seen.come_back += 1
        await asyncio.sleep(float(answer.headers["retry-after"]))
    seen.statuses[answer.status_code] += 1


async def rebuild(client: httpx.AsyncClient, seen: Seen) -> None:
    """Rebuilds the index; meanwhile the server is ready, for searches go on."""
    key = {"X-API-Key": SECRET}
    job = (await client.post("/v1/rebuild", headers=key)).json()
    while job["state"] in ("queued", "running"):
        await asyncio.sleep(0.2)
        seen.unready += not await is_ready(client)
        job = (await client.get(f"/v1/jobs/{job['id']}", headers=key)).json()
    seen.lost += job["state"] != "succeeded"


async def clients_until(client: httpx.AsyncClient, clients: int, ends_s: float, seen: Seen) -> None:
    """So many clients that ask without a pause until then."""

    async def one(seed: int) -> None:
        rng = random.Random(seed)
        while time.monotonic() < ends_s:
            await ask(client, " ".join(rng.sample(WORDS, 4)), seen)

    await asyncio.gather(*(one(seed) for seed in range(clients)))


def held(pid: int) -> tuple[int, int]:
    """The megabytes of memory and the open files of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20, len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def soak(folder: Path, seconds: float) -> bool:
    """Reads at capacity while one client writes and the index is rebuilt once a window: memory, files and p99 in ten
    windows of time, or in four short ones.
    """
    rng, number, told = random.Random(0), 0, []
    windows = 10 if seconds >= TIMES_TELL_FROM_S else 4
    async with served(folder, queued=CAPACITY) as (client, pid):
        await clients_until(client, CAPACITY, time.monotonic() + min(20, seconds / 10), Seen())
        for window in range(windows):
            seen, ends_s = Seen(), time.monotonic() + seconds / windows
            others = [
                asyncio.create_task(clients_until(client, CAPACITY, ends_s, seen)),
                asyncio.create_task(rebuild(client, seen)),
            ]
            while time.monotonic() < ends_s:
                await write(client, rng, number, seen)
                number += 1
                await asyncio.sleep(0.25)
            await asyncio.gather(*others)
            megabytes, files = held(pid)
            told.append((megabytes, files, seen.p(0.99)))
            print(
                f"window {window}: {sum(seen.statuses.values())} requests {dict(seen.statuses)}, {seen.lost} lost, "
                f"{seen.come_back} told to come back, {seen.unready} times not ready, "
                f"p50 {seen.p(0.5):.0f} ms, p99 {seen.p(0.99):.0f} ms, {megabytes} MB, {files} files",
                flush=True,
            )
            if seen.lost or seen.unready or set(seen.statuses) - {200, 201}:
                return False
    first, last = told[len(told) // 3], told[-1]
    print(f"window {len(told) // 3} to last: {first[0]} -> {last[0]} MB, {first[1]} -> {last[1]} files")
    # The first rebuilds of a process find the memory that the later ones use again.
    allowed = 1.15 * first[0] + 20 if seconds >= TIMES_TELL_FROM_S else 1.5 * first[0]
    return last[0] <= allowed and last[1] <= first[1] + 10


async def overload(folder: Path, seconds: float) -> bool:
    """Capacity, then ten times as much and more than may wait, then capacity again."""
    told: dict[str, Seen] = {}
    async with served(folder, queued=CAPACITY) as (client, pid):
        await clients_until(client, CAPACITY, time.monotonic() + 5, Seen())
        for name, clients in (("capacity", CAPACITY), ("overload", 10 * (CAPACITY + 1)), ("after", CAPACITY)):
            seen = told[name] = Seen()
            await clients_until(client, clients, time.monotonic() + seconds / 3, seen)
            print(
                f"{name}: {clients} clients, {dict(seen.statuses)}, {seen.without_retry_after} without Retry-After, "
                f"{seen.lost} lost, p50 {seen.p(0.5):.0f} ms, p99 {seen.p(0.99):.0f} ms, {held(pid)[0]} MB",
                flush=True,
            )
    refused = told["overload"].statuses[503] + told["overload"].statuses[429]
    sound = all(
        not one.lost and not one.without_retry_after and set(one.statuses) <= {200, 503} for one in told.values()
    )
    recovered = told["after"].statuses[503] == 0
    if seconds >= TIMES_TELL_FROM_S:
        recovered = recovered and told["after"].p(0.5) < 2 * told["capacity"].p(0.5) + 50
    return sound and recovered and refused > 0 and told["overload"].statuses[200] > 0


def main() -> int:
    """Runs what was asked for; 0 where it held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["soak", "overload"])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--index", type=Path, help="an index to copy, instead of one of seeds/articles")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "index"
        if given.index:
            shutil.copytree(given.index, folder)
        else:
            Indexer(folder).rebuild(read([ROOT / "seeds" / "articles"]))
        run = soak if given.what == "soak" else overload
        is_well = asyncio.run(run(folder, given.seconds))
    print("held" if is_well else "BROKEN")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())

"""What is measured from outside, in processes of their own: starting, memory, adding while questions are asked.

python -m bench.outside INDEX QUESTIONS    # opens, asks each question, prints times and memory as JSON
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from backissue.search import Archive
from bench.corpus import Corpus
from bench.timing import Target

MARK = "zyxwvutsrq"
ADDED = 1000
ASKED_IDLE_S = 10.0
BACKISSUE = Path(sys.executable).parent / "backissue"


def best_ms(command: Sequence[str | Path], rounds: int = 5) -> float:
    """The least milliseconds of a process, from its start to its end."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append((time.perf_counter() - started) * 1000)
    return min(times)


def starting(seeds: Path) -> Iterator[str | Target]:
    """Importing, and one search from the command line of a small index; what Python itself takes is taken off of the
    import alone.
    """
    bare = best_ms([sys.executable, "-c", "pass"])
    imported = best_ms([sys.executable, "-c", "import backissue.search"])
    cold = best_ms([BACKISSUE, "search", "what does North Korea get in return", "--index", seeds])
    yield ""
    yield f"python {bare:.0f} ms, with `import backissue.search` {imported:.0f} ms, `backissue search` {cold:.0f} ms"
    yield Target("importing backissue.search, ms", imported - bare, 150, ratio=False)
    yield Target("`backissue search` on the seeds, cold, ms", cold, 500, ratio=False)


def opening(index: Path, given: Corpus, work: Path) -> Iterator[str | Target]:
    """A process that opens an index, answers, and goes on to a thousand answers."""
    questions = work / "questions.json"
    questions.write_text(json.dumps(given.questions), encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-m", "bench.outside", index, questions], check=True, capture_output=True, text=True
    )
    seen = json.loads(told.stdout)
    yield ""
    yield (
        f"{len(given.texts):,} passages: opened and first answer after {seen['first_ms']:.0f} ms, 1,000 "
        f"answers: {seen['rss_mb']:.0f} MB resident, {seen['private_mb']:.0f} MB of them not files"
    )
    yield Target("opening to first answer, ms", seen["first_ms"], 1000, ratio=False)
    yield Target("resident after 1,000 questions, MB", seen["rss_mb"], 1200, ratio=False)


def adding(index: Path, given: Corpus, work: Path) -> Iterator[str | Target]:
    """Adds articles from the command line while this process asks; they stay in the index."""
    rng = random.Random(3)
    path = work / "added.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(ADDED):
            text = f"{MARK} {given.texts[rng.randrange(len(given.texts))]} {number}"
            file.write(json.dumps({"id": f"added-{number}", "lang": "en", "title": "added", "text": text}) + "\n")
    with Archive.open(index) as archive:
        for question in given.questions:
            archive.search(question)
        idle, idle_own = _asked(archive, given.questions, lambda spent: spent >= ASKED_IDLE_S)
        started = time.perf_counter()
        with subprocess.Popen(
            [BACKISSUE, "add", path, "--index", index], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            ended: list[float] = []

            def is_done(spent: float) -> bool:
                if process.poll() is not None and not ended:
                    ended.append(time.perf_counter() - started)
                return bool(ended)

            busy, busy_own = _asked(archive, given.questions, is_done)
        if process.returncode or not archive.search(MARK, mode="lexical").hits:
            raise RuntimeError("what was added is not found")
    before, meanwhile, before_own, meanwhile_own = (
        float(np.percentile(x, 99)) for x in (idle, busy, idle_own, busy_own)
    )
    yield ""
    yield (
        f"{ADDED:,} articles added to {len(given.texts):,}: searchable after {ended[0]:.1f} s, the process's start "
        f"among them; questions p99 {before:.1f} ms idle ({len(idle)}), {meanwhile:.1f} ms meanwhile ({len(busy)}); "
        f"without what they waited for a processor {before_own:.1f} and {meanwhile_own:.1f} ms"
    )
    yield Target("1,000 articles added and searchable, s", ended[0], 5, ratio=False)
    yield Target("p99 while adding / idle", meanwhile / before, 2, ratio=False)


def _asked(
    archive: Archive, questions: Sequence[str], is_over: Callable[[float], bool]
) -> tuple[list[float], list[float]]:
    """Milliseconds of one question after the other, and the same without what they waited for a processor."""
    times, own, began = [], [], time.perf_counter()
    while not is_over(time.perf_counter() - began):
        started, waited = time.perf_counter(), _waited_ms()
        archive.search(questions[len(times) % len(questions)])
        times.append((time.perf_counter() - started) * 1000)
        own.append(times[-1] - (_waited_ms() - waited))
    return times, own


def _waited_ms() -> float:
    """How long this thread could have run and had no processor, as Linux counts it; 0 elsewhere."""
    try:
        return int(Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text().split()[1]) / 1e6
    except (OSError, IndexError):
        return 0.0


def _child(index: str, questions: str) -> None:
    asked = json.loads(Path(questions).read_text(encoding="utf-8"))
    started = time.perf_counter()
    with Archive.open(index) as archive:
        archive.search(asked[0])
        first_ms = (time.perf_counter() - started) * 1000
        for number in range(1000):
            archive.search(asked[number % len(asked)])
        pages = [int(one) * os.sysconf("SC_PAGE_SIZE") / 1e6 for one in Path("/proc/self/statm").read_text().split()]
    json.dump({"first_ms": first_ms, "rss_mb": pages[1], "private_mb": pages[1] - pages[2]}, sys.stdout)


if __name__ == "__main__":
    _child(sys.argv[1], sys.argv[2])

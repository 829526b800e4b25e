"""Reads each file that is named on stdin in a process of its own with little memory and time, and tells what came."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path

import numpy as np  # noqa: F401  What readers load is loaded once, before the memory is limited.
import trafilatura  # noqa: F401

from backissue.indexer import readers
from backissue.indexer.readers import Problem, jsonfile, jsonlines, markdown, plain, read, tables, webpage  # noqa: F401

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 60


def look(path: str) -> dict[str, object]:
    """How many articles a path gives, the problems by kind, and what memory and time that took."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    started_s = time.process_time()
    articles, kinds, first, ids = 0, {}, "", []
    for one in read([path]):
        if isinstance(one, Problem):
            kinds[one.kind] = kinds.get(one.kind, 0) + 1
            first = first or str(one)
        else:
            articles += 1
            ids.append([one.id, one.title[:80], one.text[:200]] if articles <= 3 else None)
            del ids[3:]
    return {"articles": articles, "kinds": kinds, "first": first, "seen": ids, "cpu_s": time.process_time() - started_s}


def main() -> None:
    list(read([]))
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                told: dict[str, object] = look(line.rstrip("\n"))
            except BaseException:
                told = {"foreign": traceback.format_exc()[-2000:]}
            os.write(writing, json.dumps(told).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            content = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write((content.decode() if content else json.dumps({"died": status})) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    assert readers
    main()

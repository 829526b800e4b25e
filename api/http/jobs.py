"""Long work in the background: one thread, a bounded history, and states that every worker process can read."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from backissue.api.http.handlers import public_detail
from backissue.api.http.problems import ApiError

MAX_JOBS = 100
"""Jobs that are remembered; the oldest ended ones are forgotten first."""

_SAVE_EVERY_S = 0.2
_ID = re.compile(r"[0-9a-f]{32}")

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of long work: `done` of `total` in the current `stage`, where the total is known.

    Times are ISO 8601 in UTC. `error` has the code and the message of a failure, `summary` what a success gave.
    """

    id: str
    kind: str
    state: State
    created: str
    stage: str = ""
    done: int = 0
    total: int | None = None
    started: str | None = None
    ended: str | None = None
    error: dict[str, str] | None = None
    summary: dict[str, Any] | None = None
    process: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The job as JSON shows it."""
        return {name: value for name, value in asdict(self).items() if name != "process"}


class JobStore:
    """Job states as files in a folder, each replaced at once, so that all processes of a server see them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, job: Job) -> None:
        """Writes a job's state over its last one."""
        path = self._path(job.id)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(job), ensure_ascii=False), encoding="utf-8")
        part.replace(path)

    def load(self, job_id: str) -> Job:
        """The state of a job.

        Raises:
            ApiError: `job_not_found`, also for a job that is forgotten.
        """
        try:
            if not _ID.fullmatch(job_id):
                raise FileNotFoundError
            job = Job(**json.loads(self._path(job_id).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise ApiError(
                "job_not_found", f"There is no job {job_id!r}. Jobs are forgotten when the server ends."
            ) from None
        if job.ended is None and not _alive(job.process):
            lost = {"code": "internal_error", "detail": "The process that worked on it ended before the work did."}
            return replace(job, state="failed", error=lost)
        return job

    def forget(self, keep: int = MAX_JOBS) -> None:
        """Drops the ended jobs that are older than the newest `keep`."""
        paths = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in paths[:-keep]:
            if self.load(path.stem).ended is not None:
                path.unlink(missing_ok=True)

    def _path(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.json"


class _Cancelled(Exception):  # noqa: N818
    """Raised through the work when the server stops."""


class JobRunner:
    """Runs one job at a time in one thread of its own."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="backissue-job")
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._queued: dict[str, Job] = {}

    def start(self, kind: str, work: Callable[[Progress], dict[str, Any]]) -> Job:
        """Queues `work`, which is given a function to report its progress to and returns its summary.

        A job of the same kind that has not begun is returned instead of a second one: it will do all that the
        second would.
        """
        with self._lock:
            if kind in self._queued:
                return self._queued[kind]
            job = Job(uuid4().hex, kind, "queued", _now(), process=os.getpid())
            self._store.save(job)
            self._store.forget()
            self._pool.submit(self._run, job, work)
            self._queued[kind] = job
        return job

    def get(self, job_id: str) -> Job:
        """The state of a job; errors as `JobStore.load`."""
        return self._store.load(job_id)

    def close(self) -> None:
        """Cancels what waits, and what runs at its next sign of progress; returns when the thread has ended."""
        self._stopping.set()
        self._pool.shutdown(wait=True)

    def _run(self, job: Job, work: Callable[[Progress], dict[str, Any]]) -> None:
        with self._lock:
            del self._queued[job.kind]
        report = _Report(self._store, replace(job, state="running", started=_now()), self._stopping)
        try:
            report("", 0, None)
            summary = work(report)
        except _Cancelled:
            report.end("cancelled")
        except Exception as error:  # the end of every failure of a job: told in its state, and logged
            code, detail = public_detail(error)
            report.end("failed", error={"code": code, "detail": detail})
        else:
            report.end("succeeded", summary=summary)


class _Report:
    """Takes a job's progress, saves it now and then, and ends the work when the server stops."""

    def __init__(self, store: JobStore, job: Job, stopping: threading.Event) -> None:
        self._store, self._job, self._stopping = store, job, stopping
        self._saved_s = -_SAVE_EVERY_S

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if self._stopping.is_set():
            raise _Cancelled
        is_new_stage = stage != self._job.stage
        self._job = replace(self._job, stage=stage, done=done, total=total)
        if is_new_stage or time.monotonic() - self._saved_s >= _SAVE_EVERY_S:
            self._save()

    def end(self, state: State, *, error: dict[str, str] | None = None, summary: dict[str, Any] | None = None) -> None:
        self._job = replace(self._job, state=state, ended=_now(), error=error, summary=summary)
        self._save()

    def _save(self) -> None:
        self._store.save(self._job)
        self._saved_s = time.monotonic()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

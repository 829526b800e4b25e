"""Background jobs: their states, their order and their end."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backissue.api.http.jobs import MAX_JOBS, Job, JobRunner, JobStore, Progress
from backissue.api.http.problems import ApiError
from backissue.search.errors import IndexLockedError


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs")


@pytest.fixture
def runner(store: JobStore) -> Iterator[JobRunner]:
    runner = JobRunner(store)
    yield runner
    runner.close()


def ended(runner: JobRunner, job: Job) -> Job:
    until_s = time.monotonic() + 5
    while (found := runner.get(job.id)).ended is None:
        assert time.monotonic() < until_s, found
        time.sleep(0.002)
    return found


def test_a_job_tells_its_progress_and_its_summary(runner: JobRunner):
    seen, go_on = threading.Event(), threading.Event()

    def work(progress: Progress) -> dict[str, int]:
        progress("embed", 3, 8)
        seen.set()
        go_on.wait(5)
        return {"passages": 8}

    job = runner.start("rebuild", work)
    assert seen.wait(5)
    running = runner.get(job.id)
    assert (running.state, running.stage, running.done, running.total) == ("running", "embed", 3, 8)
    go_on.set()
    end = ended(runner, job)
    assert (end.state, end.summary, end.error) == ("succeeded", {"passages": 8}, None)
    assert end.started is not None
    assert end.created <= end.started <= (end.ended or "")


def test_a_failure_has_its_code_and_a_message_only_where_it_is_for_everyone(runner: JobRunner):
    def locked(_: Progress) -> dict[str, int]:
        raise IndexLockedError("Process 7 writes to it.")

    def broken(_: Progress) -> dict[str, int]:
        raise ZeroDivisionError("/secret/path")

    assert ended(runner, runner.start("a", locked)).error == {
        "code": "index_locked",
        "detail": "Process 7 writes to it.",
    }
    error = ended(runner, runner.start("b", broken)).error
    assert error == {"code": "internal_error", "detail": "The server failed. The server's log says more."}


def test_a_job_that_has_not_begun_stands_for_a_second_one_and_a_running_one_does_not(runner: JobRunner):
    begun, go_on = threading.Event(), threading.Event()

    def work(_: Progress) -> dict[str, int]:
        begun.set()
        go_on.wait(5)
        return {}

    first = runner.start("rebuild", work)
    assert begun.wait(5)
    second, third = runner.start("rebuild", work), runner.start("rebuild", work)
    go_on.set()
    assert first.id != second.id == third.id
    assert [ended(runner, job).state for job in (first, second)] == ["succeeded", "succeeded"]


def test_stopping_cancels_what_runs_at_its_next_progress_and_what_waits(store: JobStore):
    runner = JobRunner(store)
    begun = threading.Event()

    def endless(progress: Progress) -> dict[str, int]:
        for done in range(1_000_000):
            progress("index", done, None)
            begun.set()
            time.sleep(0.001)
        return {}

    jobs = [runner.start("one", endless), runner.start("two", endless)]
    assert begun.wait(5)
    runner.close()
    assert [store.load(job.id).state for job in jobs] == ["cancelled", "cancelled"]


def test_another_process_of_the_server_sees_the_job(runner: JobRunner, store: JobStore, tmp_path: Path):
    job = runner.start("rebuild", lambda _: {})
    ended(runner, job)
    assert JobStore(tmp_path / "jobs").load(job.id) == store.load(job.id)


def test_a_job_whose_process_has_gone_has_failed(store: JobStore):
    with subprocess.Popen(["true"]) as process:
        process.wait()
    store.save(Job("0" * 32, "rebuild", "running", "2024-01-01T00:00:00+00:00", process=process.pid))
    assert store.load("0" * 32).state == "failed"


def test_the_oldest_ended_jobs_are_forgotten(store: JobStore):
    for number in range(MAX_JOBS + 2):
        job = Job(f"{number:032x}", "rebuild", "succeeded", "", ended=None if number == 0 else "x", process=os.getpid())
        store.save(job)
        os.utime(store._path(job.id), (number, number))
    store.forget()
    assert store.load(f"{0:032x}").ended is None, "an old job that still runs is kept"
    with pytest.raises(ApiError, match="no job"):
        store.load(f"{1:032x}")
    assert store.load(f"{2:032x}")


@pytest.mark.parametrize("job_id", ["", "../secrets", "f" * 32, "F" * 32, "f" * 32 + "\n"])
def test_an_unknown_job_is_not_found(store: JobStore, job_id: str):
    with pytest.raises(ApiError) as caught:
        store.load(job_id)
    assert caught.value.code == "job_not_found"

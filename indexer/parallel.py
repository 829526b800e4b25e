"""Work spread over processes, in order, with no more of it under way than they can do.

Inside `workers()`, what `mapped` is given goes to processes of this package's own, one a core, which are started when
there is enough to do and end with the context. They are told functions by name and values by pickle, over pipes that
nobody else can reach. Outside, or where there is one core, `mapped` is `map`.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice
from queue import SimpleQueue
from typing import IO, Any, TypeVar

A = TypeVar("A")
B = TypeVar("B")

DONE_HERE_FIRST = 16
"""So many things are done in this process, unless it is told otherwise, before others are started, which takes each of
them as long."""

AHEAD = 2
"""So many things for each process are read, or wait to be taken, before the first of them is done."""

_BROKEN = (EOFError, OSError, pickle.UnpicklingError)
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")


class _Worker:
    """One process, fed from one thread at a time."""

    def __init__(self) -> None:
        environment = {**os.environ, **_ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter with this module
            [sys.executable, "-c", f"from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            process_group=0,  # An interrupt at the keyboard is for the process that leads.
        )

    def do(self, function: Callable[[A], B], item: A) -> B:
        """What the function gives for the item.

        Raises:
            EOFError, OSError, pickle.UnpicklingError: the process has ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        pickle.dump((function, item), self._process.stdin, protocol=5)
        self._process.stdin.flush()
        result, error = pickle.load(self._process.stdout)  # noqa: S301 - from the process started above
        if error is not None:
            raise error
        value: B = result
        return value

    def close(self) -> None:
        """Lets the process end."""
        with suppress(OSError):
            self._process.communicate()


class _Pool:
    def __init__(self, size: int) -> None:
        self.size = size
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="backissue-worker")
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._workers: list[_Worker] = []

    @property
    def started(self) -> bool:
        return bool(self._workers)

    def start(self) -> None:
        if not self._workers:
            self._workers = [_Worker() for _ in range(self.size)]
            for worker in self._workers:
                self._idle.put(worker)

    def submit(self, function: Callable[[A], B], item: A) -> Future[B]:
        return self._threads.submit(self._do, function, item)

    def _do(self, function: Callable[[A], B], item: A) -> B:
        worker = self._idle.get()
        try:
            return worker.do(function, item)
        except _BROKEN:
            return function(item)  # The process was ended, by want of memory most likely; its next item fails fast.
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.close()


_LOCK = threading.Lock()
_pool: _Pool | None = None


@contextmanager
def workers() -> Iterator[None]:
    """Within it `mapped` may use other processes. Contexts within it, or of other threads meanwhile, do nothing."""
    global _pool
    with _LOCK:
        mine = _pool is None and _cores() > 1 and bool(sys.executable)
        if mine:
            _pool = _Pool(_cores())
    try:
        yield
    finally:
        if mine:
            with _LOCK:
                pool, _pool = _pool, None
            if pool is not None:
                pool.close()


def working_together() -> bool:
    """Whether `mapped` may use other processes."""
    return _pool is not None


def mapped(function: Callable[[A], B], items: Iterable[A], *, done_here_first: int = DONE_HERE_FIRST) -> Iterator[B]:
    """Like `map`: what a function of a module gives for each item, in their order."""
    remaining = iter(items)
    pool = _pool
    if pool is not None and not pool.started:
        for item in islice(remaining, done_here_first):
            yield function(item)
    if pool is None:
        yield from map(function, remaining)
        return
    waiting: deque[Future[B]] = deque()
    try:
        for item in remaining:
            pool.start()
            waiting.append(pool.submit(function, item))
            if len(waiting) > AHEAD * pool.size:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def serve() -> None:
    """What a worker process does: one thing after the other until there is no more."""
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # What a library prints must not come between the answers.
    with suppress(EOFError, BrokenPipeError):
        while True:
            _answer(asked, answers)


def _answer(asked: IO[bytes], answers: IO[bytes]) -> None:
    function, item = pickle.load(asked)  # noqa: S301 - from the process that started this one
    result: tuple[Any, BaseException | None]
    try:
        result = (function(item), None)
    except Exception as error:  # It is raised where the work was asked for.
        result = (None, error)
    pickle.dump(result, answers, protocol=5)
    answers.flush()

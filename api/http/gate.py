"""Back-pressure: blocking work in threads, a bounded number at once and a bounded number waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock
from typing import Any, TypeVar

from backissue.api.http.problems import ApiError

T = TypeVar("T")
Coming = Coroutine[Any, Any, None]


class Gate:
    """Lets blocking calls through to `at_once` threads, keeps `waiting` more in a queue, and turns the rest away.

    A call that outlives `seconds`, or whose client goes, is answered and told to stop. A thread cannot be made to: the
    call keeps its place until it ends, so slow work makes the gate narrower rather than the process larger. With
    `seconds` None a call that has been let in is always waited for.
    """

    def __init__(self, name: str, *, at_once: int, waiting: int, seconds: float | None) -> None:
        self._seconds = seconds
        self._capacity = at_once + waiting
        self._inside = 0
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix=f"backissue-{name}")

    @property
    def inside(self) -> int:
        """How many calls run or wait."""
        return self._inside

    @property
    def is_full(self) -> bool:
        """Whether the next call would be turned away."""
        return self._inside >= self._capacity

    async def run(self, work: Callable[[], T], *, stop: Event | None = None, gone: Coming | None = None) -> T:
        """What `work` returns or raises. `gone` ends when the client has gone; `stop` is set when nobody waits.

        Raises:
            ApiError: `overloaded` when the queue is full, `timed_out` when the time is over, `cancelled` when the
                client has gone.
        """
        leaving = asyncio.ensure_future(gone or _never())
        try:
            return await self._answer(self._enter(work), leaving, stop)
        finally:
            leaving.cancel()

    async def _answer(self, future: Future[T], leaving: asyncio.Future[None], stop: Event | None) -> T:
        answer = asyncio.wrap_future(future)
        answer.add_done_callback(_seen)  # Its failure is told by `future`, and would be logged as told to nobody.
        try:
            await asyncio.wait((answer, leaving), timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
            if future.done():  # be it at the last moment
                return future.result()
        finally:
            if not future.done():
                future.cancel()  # what waits is not begun
                answer.cancel()
                if stop is not None:
                    stop.set()
        if leaving.done():
            raise ApiError("cancelled", "The client has gone.")
        raise ApiError(
            "timed_out", f"The answer was not ready within {self._seconds:g} seconds. Ask again, or more narrowly."
        )

    def close(self) -> None:
        """Waits for what runs and drops what waits. Nothing may enter afterwards."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _enter(self, work: Callable[[], T]) -> Future[T]:
        with self._lock:
            if self.is_full:
                raise ApiError("overloaded", f"{self._capacity} requests are being served or wait. Come back shortly.")
            self._inside += 1
        try:
            future = self._pool.submit(work)
        except RuntimeError:  # the pool is closed: the server is stopping
            self._leave()
            raise ApiError("not_ready", "The server is stopping.") from None
        future.add_done_callback(self._leave)
        return future

    def _leave(self, _: Future[Any] | None = None) -> None:
        with self._lock:
            self._inside -= 1


def _seen(answer: asyncio.Future[Any]) -> None:
    if not answer.cancelled():
        answer.exception()


async def _never() -> None:
    await asyncio.Event().wait()

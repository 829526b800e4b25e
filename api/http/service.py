"""What the routes share: the archive that is searched, the writer, the background jobs and their limits."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Request

from backissue.api.http.auth import ApiKey
from backissue.api.http.gate import Gate
from backissue.api.http.jobs import Job, JobRunner, JobStore
from backissue.api.http.limiting import Limiter
from backissue.api.http.problems import ApiError
from backissue.api.http.settings import ServerSettings
from backissue.api.http.turns import Turns
from backissue.search.errors import BackissueError, InvalidArgumentError
from backissue.search.layout import IndexPaths

if TYPE_CHECKING:
    from backissue.indexer import Indexer
    from backissue.search.archive import Archive
    from backissue.search.types import Results

T = TypeVar("T")

log = logging.getLogger(__name__)

_WRITES_WAITING = 16
_WARMING_QUESTION = "what happened today"

_SHORT = frozenset({"fast", "off"})
"""Rerankers that are done in milliseconds, and hold the interpreter while they work."""

LOCK_WAIT_SECONDS = 5.0
"""How long a change waits for a writer in another process before its client is told to come back."""


class Service:
    """Runs the engine's blocking calls for routes, which never block the event loop.

    The archive is opened at the first call that needs it, so a server outlives an index that is built later,
    and a search picks up by itself what was published since.
    """

    def __init__(self, index: Path, settings: ServerSettings, jobs_folder: Path, *, is_warming: bool = False) -> None:
        self.index = index
        self.settings = settings
        self._reads = Gate(
            "read",
            at_once=settings.max_concurrent_searches,
            waiting=settings.max_queued_searches,
            seconds=settings.max_search_seconds,
        )
        self._writes = Gate("write", at_once=1, waiting=_WRITES_WAITING, seconds=None)
        self._turns = Turns()
        self._jobs = JobRunner(JobStore(jobs_folder))
        self.limiter = Limiter()
        self._archive: Archive | None = None
        self._is_warming = is_warming
        self._opening = threading.Lock()

    def keys(self) -> tuple[ApiKey, ...]:
        """The API keys that are good now.

        Raises:
            ApiError: their file cannot be read any more; then nobody is let in, and the log says why.
        """
        try:
            return self.settings.keys()
        except InvalidArgumentError as error:
            log.error("%s", error)
            raise ApiError("not_ready", "The server cannot read its API keys.") from None

    async def read(self, work: Callable[[Archive], T]) -> T:
        """What `work` gives of the archive.

        Raises:
            ApiError: too much is asked at once, or the time is over.
            BackissueError: as `work`, or the index cannot be opened.
        """
        return await self._reads.run(lambda: work(self._opened()))

    async def search(
        self, request: Request, question: str, *, rerank: str = "fast", budget_ms: float | None = None, **how: Any
    ) -> Results:
        """What `Archive.search` finds. It stops when the client goes, and leaves out what neither the client's budget
        nor the server's has time for.

        Raises:
            ApiError: too much is asked at once, or the time is over.
            BackissueError: as `Archive.search`, or the index cannot be opened.
        """
        budget = min((ms for ms in (budget_ms, self.settings.search_budget_ms) if ms), default=None)
        cancelled = threading.Event()

        def find() -> Results:
            with self._turns.taken() if rerank in _SHORT else nullcontext():
                return self._opened().search(question, rerank=rerank, budget_ms=budget, cancelled=cancelled, **how)

        return await self._reads.run(find, stop=cancelled, gone=_client_gone(request))

    async def warm_up(self) -> None:
        """Opens the archive and asks it once, so that no reader waits for the models to load. Until then the service is
        not ready.
        """
        try:
            await asyncio.to_thread(lambda: self._opened().search(_WARMING_QUESTION, k=1))
        except BackissueError as error:
            log.warning("The index cannot be searched yet: %s", error)
        finally:
            # What is loaded stays. To look all of it over for garbage stops every search, for tens of milliseconds.
            gc.collect()
            gc.freeze()
            self._is_warming = False

    async def write(self, work: Callable[[Indexer], T]) -> T:
        """What `work` gives of the writer, one at a time. Once begun it is always waited for: what is
        acknowledged is committed, and what is not acknowledged was not begun or has failed.

        Raises:
            ApiError: too many writes wait.
            BackissueError: as `work`.
        """
        return await self._writes.run(lambda: work(self._indexer()))

    async def rebuild(self) -> Job:
        """Begins to rebuild the index from what the archive holds."""
        return await asyncio.to_thread(
            self._jobs.start,
            "rebuild",
            lambda progress: self._indexer().rebuild(progress=progress).to_dict(),
        )

    async def job(self, job_id: str) -> Job:
        """The state of a background job."""
        return await asyncio.to_thread(self._jobs.get, job_id)

    async def ready(self) -> dict[str, Any]:
        """What a ready server says of itself.

        Raises:
            ApiError: the server is starting, or no further search would be let in.
            BackissueError: there is no index that can be searched.
        """
        if self._is_warming:
            raise ApiError("not_ready", "The server is starting.")
        if self._reads.is_full:
            raise ApiError("not_ready", "As many searches wait as may wait.")
        return await asyncio.to_thread(self._ready)

    @property
    def searches_inside(self) -> int:
        """How many reads of the archive run or wait."""
        return self._reads.inside

    def close(self) -> None:
        """Ends the work of all threads and closes the archive."""
        self._reads.close()
        self._writes.close()
        self._jobs.close()
        if self._archive is not None:
            self._archive.close()

    def _opened(self) -> Archive:
        from backissue.search.archive import Archive

        with self._opening:
            if self._archive is None:
                self._archive = Archive.open(self.index)
            return self._archive

    def _ready(self) -> dict[str, Any]:
        generation = IndexPaths(self.index).current_name()
        self._opened().refresh()
        return {"status": "ready", "generation": generation}

    def _indexer(self) -> Indexer:
        from backissue.indexer import Indexer

        return Indexer(self.index, wait_seconds=LOCK_WAIT_SECONDS)


async def _client_gone(request: Request) -> None:
    """Returns when the client of a request that was read has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _service(request: Request) -> Service:  # What is not async goes to a thread.
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(_service)]
"""A route's parameter that receives the service of its app."""

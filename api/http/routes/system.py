"""The server itself: health, metrics, statistics, and the kinds of failure."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from backissue.api.http.auth import may_read
from backissue.api.http.problems import KINDS, READING, ApiError, documented, type_uri
from backissue.api.http.schemas import HealthShape, KindShape, ReadyShape, StatsShape
from backissue.api.http.service import Service, TheService
from backissue.search.errors import BackissueError

log = logging.getLogger(__name__)
router = APIRouter()


@router.get(
    "/v1/stats",
    tags=["index"],
    response_model=StatsShape,
    responses=documented("overloaded", "timed_out", "index_not_found", "index_corrupt", *READING),
    dependencies=[Depends(may_read)],
)
async def stats(service: TheService) -> Response:
    """What the archive holds: articles, passages, languages, sources, the model, sizes on disk."""
    return JSONResponse(_public(await service.read(lambda archive: archive.stats())))


@router.get("/health/live", tags=["server"], response_model=HealthShape)
async def live() -> Response:
    """Whether the process lives."""
    return JSONResponse({"status": "ok"})


@router.get("/health/ready", tags=["server"], response_model=ReadyShape, responses=documented("not_ready"))
async def ready(service: TheService) -> Response:
    """Whether a search would be answered: there is an index, it can be opened, and there is room in the queue."""
    try:
        return JSONResponse(await service.ready())
    except BackissueError as error:
        log.warning("Not ready: %s", error)
        raise ApiError("not_ready", f"The index cannot be searched ({error.code}).") from None


@router.get(
    "/metrics",
    tags=["server"],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **documented(*READING)},
    dependencies=[Depends(may_read)],
)
async def metrics(service: TheService, request: Request) -> Response:
    """Counts and times for Prometheus."""
    text = request.app.state.metrics.text(await _stats_if_any(service), service.searches_inside)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get(
    "/errors/{code}", tags=["server"], response_model=KindShape, responses=documented("not_found", "too_many_requests")
)
async def kind_of_failure(code: str) -> Response:
    """What a failure's `type` stands for."""
    if code not in KINDS:
        raise ApiError("not_found", f"There is no failure of the code {code!r}. There are: {', '.join(KINDS)}.")
    kind = KINDS[code]
    return JSONResponse({"type": type_uri(code), "code": kind.code, "status": kind.status, "title": kind.title})


async def _stats_if_any(service: Service) -> dict[str, Any] | None:
    """The statistics, or None where there is no index or no room: the other metrics are then all the more wanted."""
    try:
        return await service.read(lambda archive: archive.stats())
    except (BackissueError, ApiError) as error:
        log.warning("Metrics without those of the index: %s", error)
        return None


def _public(stats: dict[str, Any]) -> dict[str, Any]:
    """Without where on the server's disk the index is."""
    return {name: value for name, value in stats.items() if name != "path"}

"""Asking: `/v1/search`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic_core import to_json

from backissue.api.http.auth import may_read
from backissue.api.http.body import require_type
from backissue.api.http.intake import JSON_TYPES
from backissue.api.http.metrics import Metrics
from backissue.api.http.problems import READING, ApiError, documented
from backissue.api.http.schemas import ResultsShape, SearchParams
from backissue.api.http.service import Service, TheService
from backissue.api.http.settings import ServerSettings
from backissue.search import deep

_FAILURES = documented(
    "invalid_request",
    "query_too_long",
    "invalid_argument",
    "index_corrupt",
    "overloaded",
    "timed_out",
    "index_not_found",
    *READING,
)
_BODY_FAILURES = documented("malformed_json", "body_too_large", "body_too_slow", "unsupported_media_type")
_BODY_EXAMPLES: dict[str, Any] = {
    "question": {"summary": "A question", "value": {"q": "what does North Korea get in return"}},
    "filtered": {
        "summary": "Polish and German articles of a month",
        "value": {
            "q": 'Kim "satellite technology" -sport',
            "lang": ["pl", "de"],
            "after": "2023-09",
            "before": "2023-10",
        },
    },
}


class _JsonRoute(APIRoute):
    """A route that says so when its body is declared as something else than JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            if request.method == "POST":
                require_type(request, JSON_TYPES)
            return await handle(request)

        return checked


router = APIRouter(prefix="/v1", tags=["search"], route_class=_JsonRoute, dependencies=[Depends(may_read)])


@router.get("/search", response_model=ResultsShape, responses=_FAILURES)
async def search(params: Annotated[SearchParams, Query()], service: TheService, request: Request) -> Response:
    """Find the articles whose passages answer a question, in whatever language they were written."""
    return await _search(params, service, request)


@router.post("/search", response_model=ResultsShape, responses=_FAILURES | _BODY_FAILURES)
async def search_by_body(
    params: Annotated[SearchParams, Body(openapi_examples=_BODY_EXAMPLES)], service: TheService, request: Request
) -> Response:
    """The same as `GET`, for questions that are better not in an address."""
    return await _search(params, service, request)


async def _search(params: SearchParams, service: Service, request: Request) -> Response:
    _check(params, service.settings)
    results = await service.search(
        request,
        params.q,
        k=params.k,
        offset=params.offset,
        mode=params.mode,
        rerank=params.rerank,
        sort=params.sort,
        recency_days=params.recency_days,
        filter=params.to_filter(),
        translate=params.translate,
        passages=params.passages,
        explain=params.explain,
        budget_ms=params.budget_ms,
    )
    metrics: Metrics = request.app.state.metrics
    metrics.search(params.mode, params.rerank, results.took_ms / 1000, results.no_good_answer)
    return Response(to_json(results.to_dict(), inf_nan_mode="null"), media_type="application/json")


def _check(params: SearchParams, settings: ServerSettings) -> None:
    if len(params.q) > settings.max_query_chars:
        raise ApiError(
            "query_too_long",
            f"The question has {len(params.q):,} characters; this server takes {settings.max_query_chars:,}.",
        )
    offered = ("fast", *(("deep",) if deep.is_available() else ()), "off", *settings.rerankers)
    if params.rerank not in offered:
        # A name is also a path or a download: only what the operator named may be loaded.
        raise ApiError("invalid_argument", f"rerank: this server offers {', '.join(offered)}, not {params.rerank!r}.")

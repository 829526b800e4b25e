"""Articles: `/v1/articles`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from backissue.api.http import intake
from backissue.api.http.auth import Scope, may_read, needs
from backissue.api.http.body import require_type
from backissue.api.http.problems import READING, documented
from backissue.api.http.schemas import (
    AddedShape,
    ArticleInput,
    ArticleShape,
    ResultsShape,
    SimilarParams,
    SummaryShape,
)
from backissue.api.http.service import Service, TheService
from backissue.search.errors import ArticleNotFoundError
from backissue.search.types import article_to_dict

if TYPE_CHECKING:
    from backissue.indexer import Indexer, Summary

router = APIRouter(prefix="/v1", tags=["articles"])

ArticleId = Annotated[
    str,
    Path(description="The article's id; all but letters and digits in it are percent-encoded.", examples=["pl-17"]),
]
_READING = ("invalid_request", "overloaded", "timed_out", "index_not_found", "index_corrupt", *READING)
_WRITING = (
    "unauthorized",
    "writing_disabled",
    "forbidden",
    "too_many_requests",
    "index_locked",
    "overloaded",
    "index_corrupt",
    "storage",
)
_ARTICLE_SCHEMA = ArticleInput.model_json_schema(ref_template="#/components/schemas/{model}")
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": _ARTICLE_SCHEMA,
                "example": {
                    "id": "pl-17",
                    "title": "Kim wraca z Rosji",
                    "text": "Przywódca Korei Północnej zakończył wizytę w Rosji.",
                    "published": "2023-09-18",
                },
            },
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "One JSON object a line."},
                "example": '{"id": "pl-17", "text": "Pierwszy artykuł."}\n{"id": "de-3", "text": "Ein Artikel."}\n',
            },
        },
    }
}


@router.post(
    "/articles",
    response_model=AddedShape,
    status_code=200,
    responses={
        201: {"model": AddedShape, "description": "The article is new; `Location` is its address."},
        207: {"model": AddedShape, "description": "Some lines were skipped; `problems` says which and why."},
        **documented(
            "malformed_json", "body_too_large", "body_too_slow", "unsupported_media_type", "article_rejected", *_WRITING
        ),
    },
    openapi_extra=_BODY,
    dependencies=[Depends(needs(Scope.WRITE))],
)
async def add(request: Request, service: TheService) -> Response:
    """Add or replace articles: one as a JSON object, or many as newline-delimited JSON.

    An article replaces the one of the same id. When the response arrives, they are committed and searchable.
    """
    media_type = require_type(request, intake.JSON_TYPES | intake.NDJSON_TYPES)
    body = await request.body()
    if media_type in intake.NDJSON_TYPES:
        return await _add_many(body, service)
    return await _add_one(body, service)


async def _add_one(body: bytes, service: Service) -> Response:
    def work(indexer: Indexer) -> tuple[str, Summary]:
        article = intake.one_article(body)
        return article.id, indexer.add([article])

    article_id, summary = await service.write(work)
    return JSONResponse(
        {"ids": [article_id], **summary.to_dict()},
        201 if summary.added else 200,
        {"Location": f"/v1/articles/{quote(article_id, safe='')}"},
    )


async def _add_many(body: bytes, service: Service) -> Response:
    ids: list[str] = []
    summary = await service.write(lambda indexer: indexer.add(intake.articles(body, ids.append)))
    return JSONResponse({"ids": ids, **summary.to_dict()}, 207 if summary.problems else 200)


@router.get(
    "/articles/{article_id:path}/similar",
    response_model=ResultsShape,
    responses=documented("article_not_found", *_READING),
    dependencies=[Depends(may_read)],
)
async def similar(
    article_id: ArticleId, params: Annotated[SimilarParams, Query()], service: TheService, request: Request
) -> Response:
    """Articles that tell the same story, in any language."""
    if not _ends_in_similar(request):
        return await article(f"{article_id}/similar", service)
    results = await service.read(lambda archive: archive.similar(article_id, k=params.k, filter=params.to_filter()))
    return JSONResponse(results.to_dict())


@router.get(
    "/articles/{article_id:path}",
    response_model=ArticleShape,
    responses=documented("article_not_found", *_READING),
    dependencies=[Depends(may_read)],
)
async def article(article_id: ArticleId, service: TheService) -> Response:
    """One article with its text."""
    return JSONResponse(article_to_dict(await service.read(lambda archive: archive.article(article_id))))


@router.delete(
    "/articles/{article_id:path}",
    response_model=SummaryShape,
    responses=documented("article_not_found", *_WRITING),
    dependencies=[Depends(needs(Scope.WRITE))],
)
async def delete(article_id: ArticleId, service: TheService) -> Response:
    """Delete an article. When the response arrives, no search finds it."""
    summary = await service.write(lambda indexer: indexer.delete([article_id]))
    if not summary.deleted:
        raise ArticleNotFoundError(f"The archive holds no article {article_id!r}.")
    return JSONResponse(summary.to_dict())


def _ends_in_similar(request: Request) -> bool:
    """Whether the address itself ends in /similar. An id may end so too; its slash is then sent as %2F."""
    raw_path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw_path.partition(b"?")[0].endswith(b"/similar")

"""The web page: `/` asks and shows results, `/article/{id}` shows an article at its passage.

The pages are rendered here and work without a script; everything that a view shows is said by its address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from backissue.api.http import render, views, wording
from backissue.api.http.address import Address, Reader
from backissue.api.http.auth import may_read
from backissue.api.http.explained import explained
from backissue.api.http.handlers import public_detail
from backissue.api.http.problems import KINDS, ApiError
from backissue.api.http.service import Service, TheService
from backissue.search import deep
from backissue.search.errors import BackissueError, InvalidArgumentError
from backissue.search.iso639 import language_name
from backissue.search.query import parse
from backissue.search.types import Answer, Article, Mode, Results, Sort, Span

if TYPE_CHECKING:
    from jinja2 import Environment

    from backissue.search.archive import Archive

STATIC_DIR = Path(__file__).parent / "static"
TEMPLATES_DIR = Path(__file__).parent / "templates"

EXAMPLE_QUESTION = "what does North Korea get in return"
HITS_PER_PAGE = 10
SIMILAR_ARTICLES = 8
MAX_QUESTION_ECHOED = 500
"""Characters of a question that an error page offers to ask again."""


class PageRoute(APIRoute):
    """A route whose failures are pages for people, with the status that the API gives them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route, its errors caught."""
        handle = super().get_route_handler()

        async def handle_as_page(request: Request) -> Response:
            try:
                return await handle(request)
            except ApiError as error:
                return _error_page(request, error.code, str(error.detail), error.headers)
            except BackissueError as error:
                return _error_page(request, *public_detail(error))

        return handle_as_page


router = APIRouter(
    route_class=PageRoute,
    include_in_schema=False,
    default_response_class=HTMLResponse,
    dependencies=[Depends(may_read)],
)


@router.api_route("/", methods=["GET", "HEAD"])
async def front(request: Request, service: TheService) -> Response:
    """The results of a question, the newest articles of a part of the archive, or the front page."""
    address = _address(request, service)
    if not address.q and not address.filter:
        stats = await service.read(lambda archive: archive.stats())
        return _page(request, "front.html", address=address, stats=stats, example=address.asking(EXAMPLE_QUESTION))
    results = await service.search(
        request,
        address.q,
        k=HITS_PER_PAGE,
        offset=(address.page - 1) * HITS_PER_PAGE,
        mode=address.mode.value,
        rerank=address.rerank.value,
        sort=address.sort.value,
        filter=address.filter,
    )
    return _page(
        request,
        "results.html",
        address=address,
        results=results,
        can_read_deeply=deep.is_available(),
        words=parse(address.q).text,
        chips=views.chips(address),
        facets=views.facets(results, address),
        groups=views.months(results, address),
        neighbours=views.neighbours(address),
        last_page=max(1, -(-results.total // HITS_PER_PAGE)),
    )


@router.api_route("/article/{article_id:path}", methods=["GET", "HEAD"])
async def article(request: Request, article_id: str, service: TheService) -> Response:
    """An article in full, the passage and the answer that the address names marked in it."""
    address = _address(request, service)
    passage, answer = _spans(request)
    found, similar = await service.read(lambda archive: _with_similar(archive, article_id))
    return _page(
        request,
        "article.html",
        address=address,
        article=found,
        paragraphs=render.paragraphs(found.text, passage, answer),
        url=render.safe_url(found.url),
        similar=similar.hits,
    )


def _with_similar(archive: Archive, article_id: str) -> tuple[Article, Results]:
    return archive.article(article_id), archive.similar(article_id, k=SIMILAR_ARTICLES)


def _address(request: Request, service: Service) -> Address:
    address = Address.parse(request.query_params.multi_items())
    limit = service.settings.max_query_chars
    if len(address.q) > limit:
        raise ApiError(
            "query_too_long", f"The question has {len(address.q):,} characters; {limit:,} can be asked. Shorten it."
        )
    return address


def _spans(request: Request) -> tuple[Span | None, Answer | None]:
    """What to mark: `start` and `end` of the passage, `answer=120-180` within it, as offsets of the article's text."""
    params = request.query_params
    start, end = params.get("start", ""), params.get("end", "")
    passage = (_offset("start", start), _offset("end", end)) if start or end else None
    if "answer" not in params:
        return passage, None
    first, _, last = params["answer"].partition("-")
    return passage, Answer("", _offset("answer", first), _offset("answer", last))


def _offset(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 12):
        raise InvalidArgumentError(
            f"{name} is “{value[:80]}”; it must be an offset into the article. Open the article from its result."
        )
    return int(value)


def _error_page(request: Request, code: str, detail: str, headers: Any = None) -> Response:
    asked = Address(q=request.query_params.get("q", "").strip()[:MAX_QUESTION_ECHOED])
    response = _page(request, "error.html", KINDS[code].status, address=asked, title=KINDS[code].title, detail=detail)
    response.headers.update(headers or {})
    return response


def _page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    root = request.scope.get("root_path", "").rstrip("/")
    html = _environment().get_template(template).render(root=root, **context)
    return HTMLResponse(html, status, {"Cache-Control": "no-cache", "Content-Language": "en"})


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES_DIR),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "certainty": wording.certainty,
        "is_doubtful": wording.is_doubtful,
        "explained": explained,
        "language": language_name,
        "percent": wording.percent,
        "published_day": wording.published_day,
        "published_time": wording.published_time,
    }
    environment.globals |= {
        "Mode": Mode,
        "Reader": Reader,
        "Sort": Sort,
        "excerpt": render.excerpt,
        "host": render.host,
        "left_out": wording.left_out,
        "plural": wording.plural,
        "safe_url": render.safe_url,
        "shown_passages": views.shown_passages,
        "static_url": static_url,
    }
    return environment


@cache
def static_url(name: str) -> str:
    """The address of a static file; it changes with the file's content, so that browsers may keep what they have."""
    digest = hashlib.sha256((STATIC_DIR / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"

"""The HTTP app: its settings go in, its routes and limits come out; resources open with its lifespan."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from backissue.api.http import handlers, page
from backissue.api.http.metrics import Metrics
from backissue.api.http.middleware import BodyLimit, LastResort, Measured, RateLimit, SecurityHeaders
from backissue.api.http.openapi import DESCRIPTION, TAGS, TITLE, describe_problems
from backissue.api.http.routes import articles, rebuild, search, system
from backissue.api.http.service import Service
from backissue.api.http.settings import ServerSettings

MAX_QUESTION_BYTES = 64 << 10
"""Size of any body but that of articles: a question of the greatest length with every filter is far smaller."""

BODIES_AT_ONCE = 4
"""So many bodies of the greatest size may be in memory together, arriving or waiting to be written."""


def create_app(
    index: Path, settings: ServerSettings | None = None, *, run_folder: Path | None = None, warm_up: bool = False
) -> FastAPI:
    """The app that answers from the index at `index`.

    The index is opened by the first request that needs it; while there is none, `/health/ready` says no.
    `run_folder` is where the worker processes of one server keep the states of their jobs; without it the app makes
    a folder of its own, which goes with it. With `warm_up` the app searches once as it starts, in the background.
    """
    settings = settings or ServerSettings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, float]]:
        with ExitStack() as stack:
            folder = run_folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="backissue-")))
            service = Service(index, settings, folder / "jobs", is_warming=warm_up)
            stack.callback(service.close)
            app.state.service = service
            warming = asyncio.create_task(service.warm_up()) if warm_up else None
            yield {"client_seconds": settings.client_seconds, "max_connections": settings.max_connections}
            if warming is not None:
                await warming

    app = FastAPI(
        title=TITLE,
        version=version("backissue"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,  # both pages load their scripts from other hosts
        redoc_url=None,
        redirect_slashes=False,  # a redirect's address would come from the Host header
        lifespan=lifespan,
    )
    app.state.metrics = Metrics()
    handlers.install(app)
    for router in (search.router, articles.router, rebuild.router, system.router, page.router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=page.STATIC_DIR), name="static")
    describe_problems(app)

    def max_body_bytes(scope: Scope) -> int:
        return settings.max_body_bytes if scope["path"] == "/v1/articles" else MAX_QUESTION_BYTES

    # The last added is the outermost.
    app.add_middleware(
        BodyLimit,
        max_bytes=max_body_bytes,
        max_bytes_together=BODIES_AT_ONCE * settings.max_body_bytes,
        pause_s=settings.client_seconds,
        whole_s=settings.upload_seconds,
    )
    app.add_middleware(RateLimit)
    app.add_middleware(LastResort)
    app.add_middleware(Measured, metrics=app.state.metrics)
    app.add_middleware(SecurityHeaders)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key"],
            expose_headers=["Location", "Retry-After"],
        )
    return app

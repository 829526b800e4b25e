"""What /openapi.json says beyond the routes."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from backissue.api.http.schemas import Problem

TITLE = "backissue"
DESCRIPTION = """Ask a news archive a question in any language; find the passages that answer it, in whatever language
they were written.

Offsets are positions in the article's text in Unicode code points. Failures have one shape (RFC 9457) with a stable
`code`. Changes need an API key; a server without one does not accept them."""
TAGS: list[dict[str, Any]] = [
    {"name": "search", "description": "Questions and answers."},
    {"name": "articles", "description": "Reading, adding and deleting articles."},
    {"name": "index", "description": "What the archive holds, and making its index anew."},
    {"name": "server", "description": "Health, metrics and the kinds of failure."},
]


def describe_problems(app: FastAPI) -> None:
    """Makes `app`'s OpenAPI hold the shape that all failures share, and only it."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        is_new = app.openapi_schema is None
        schema = generate()
        if is_new:
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            described = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(described.pop("$defs", {}))
            schemas["Problem"] = described
            _drop_frameworks_own(schema)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]


def _drop_frameworks_own(schema: dict[str, Any]) -> None:
    """Takes out the shape of failures that FastAPI documents by itself and that this app never sends."""
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
    for methods in schema["paths"].values():
        for operation in methods.values():
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]

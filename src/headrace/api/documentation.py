"""The API described by itself: its OpenAPI document, and a page that shows it.

The document is Litestar's, corrected where the API differs from what Litestar takes for granted: collections have a slash
at their end, what does not fit is answered 422, and a body that may be null may be left out.

The page is plain HTML made from the document here, for what Litestar offers loads its script from elsewhere, which servers
without a way to the internet cannot.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from html import escape
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Request, Response, get
from litestar.openapi import OpenAPIConfig

from headrace import __version__
from headrace.schema.base import encode

__all__ = ["document", "openapi_config", "page"]

TITLE = "Headrace"

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
summary { cursor: pointer; padding: .2rem 0; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem; background: color-mix(in srgb, currentColor 8%, transparent); }
.method { display: inline-block; width: 4.5rem; font-weight: 600; }
.what { opacity: .75; }
"""


INVALID: dict[str, Any] = {
    "description": "The request does not fit.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["exception_message", "exception_detail", "request_body"],
                "properties": {
                    "exception_message": {"type": "string"},
                    "exception_detail": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["type", "loc", "msg", "input"],
                            "properties": {
                                "type": {"type": "string"},
                                "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                                "msg": {"type": "string"},
                                "input": {},
                            },
                        },
                    },
                    "request_body": {},
                },
            }
        }
    },
}
"""The answer to a request that does not fit its schema."""

_making = threading.Lock()


def openapi_config(base: str) -> OpenAPIConfig:
    """How Litestar describes the API.

    Args:
        base: The path below which it is served.
    """
    return OpenAPIConfig(title=TITLE, version=__version__, path=f"{base}/docs/raw", render_plugins=[])


@get("/openapi.json", include_in_schema=False)
async def document(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI document."""
    # Making it takes half a second, which other requests need not wait for.
    made = await asyncio.to_thread(_document_of, request.app)
    return Response(encode(made), media_type=MediaType.JSON)


@get("/docs", include_in_schema=False)
async def page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The document as a page that needs nothing else."""
    made = await asyncio.to_thread(lambda: _page(_document_of(request.app)))
    return Response(made, media_type=MediaType.HTML)


# --- the document ------------------------------------------------------------------------------------------------


def _document_of(app: Litestar) -> dict[str, Any]:
    with _making:
        made: dict[str, Any] | None = app.state.get("document")
        if made is None:
            made = app.state["document"] = _corrected(app)
        return made


def _corrected(app: Litestar) -> dict[str, Any]:
    made: dict[str, Any] = app.openapi_schema.to_schema()
    collections: frozenset[str] = getattr(app, "collections", frozenset())
    made["paths"] = {
        f"{path}/" if path in collections else path: item for path, item in made["paths"].items()
    }
    for _, _, operation in _operations(made):
        answers = operation["responses"]
        if answers.pop("400", None):
            answers["422"] = INVALID
        if "requestBody" in operation:
            operation["requestBody"]["required"] = not _may_be_null(operation["requestBody"])
    return made


def _operations(made: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each operation with its path and method."""
    for path, item in made["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict):
                yield path, method, operation


def _may_be_null(body: dict[str, Any]) -> bool:
    choices = body["content"]["application/json"]["schema"].get("oneOf", ())
    return any(choice.get("type") == "null" for choice in choices)


# --- the page ----------------------------------------------------------------------------------------------------


def _page(made: dict[str, Any]) -> bytes:
    by_tag: dict[str, list[str]] = {}
    for path, method, operation in _operations(made):
        for tag in operation.get("tags") or ["Other"]:
            by_tag.setdefault(tag, []).append(_operation(method, path, operation))
    schemas = made.get("components", {}).get("schemas", {})
    sections = [f"<h2>{escape(tag)}</h2>{''.join(parts)}" for tag, parts in sorted(by_tag.items())]
    sections.append("<h2>Schemas</h2>" + "".join(_schema(name, schemas[name]) for name in sorted(schemas)))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{TITLE} API</title>'
        f"<style>{STYLE}</style></head><body><h1>{TITLE} API</h1>"
        f'<p>Version {escape(__version__)}. The same as <a href="openapi.json">OpenAPI document</a>.</p>'
        f"{''.join(sections)}</body></html>"
    ).encode()


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [_json(operation["parameters"])] if operation.get("parameters") else []
    for title, content in (("Body", operation.get("requestBody")), ("Answers", operation.get("responses"))):
        if content:
            parts.append(f"<h4>{title}</h4>{_json(content)}")
    what = operation.get("description") or operation.get("summary") or ""
    return (
        f'<details><summary><span class="method">{method.upper()}</span><code>{escape(path)}</code> '
        f'<span class="what">{escape(what)}</span></summary>{"".join(parts)}</details>'
    )


def _schema(name: str, schema: dict[str, Any]) -> str:
    return f"<details><summary><code>{escape(name)}</code></summary>{_json(schema)}</details>"


def _json(value: Any) -> str:
    return f"<pre>{escape(msgspec.json.format(encode(value), indent=2).decode())}</pre>"

"""`create_app`: everything the server answers, put together.

What a request passes on its way to a route, and its answer on the way back:

    Application        measures, and logs, whatever is answered
      OtherOrigins     CORS
        WebPage        answers what is the page's
          redirect     of collections
            errors     exceptions become answers
              Guard    CSRF, credentials, API version
                Compression
                  route  reads a BoundedRequest, returns what becomes a JsonResponse
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin

from headrace.api import access_log, errors
from headrace.api.auth import Credentials, CsrfTokens, Guard
from headrace.api.bodies import BoundedRequest, Compression
from headrace.api.bridge import Bridge
from headrace.api.cors import OtherOrigins
from headrace.api.dependencies import InjectedSettings, InjectedStore
from headrace.api.documentation import document, openapi_config, page
from headrace.api.feed import Feed
from headrace.api.json_body import JsonBody
from headrace.api.metrics import Metrics
from headrace.api.responses import JsonResponse
from headrace.api.routes import NOUNS
from headrace.api.routes.root import ui_settings
from headrace.api.web_page import WebPage, page_base
from headrace.settings import Settings
from headrace.settings.server import ServerAPISettings
from headrace.store import meta
from headrace.store.store import Store

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Send

__all__ = ["Application", "base_path", "create_app"]

UNMATCHED = "(none)"
"""What stands for the route of a request that has none: what people try would else make any number of routes."""


class Application(Litestar):
    """Litestar, with what has to see also the requests that match no route."""

    metrics: Metrics | None = None
    collections: frozenset[str] = frozenset()
    entrance: ASGIApp

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        """Litestar's plugins for msgspec. Those for pydantic and attrs, which no route needs, import 100 modules, 10 MB."""
        return [*plugins, MsgspecDIPlugin()]

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request as Litestar does, once it is one for something that is there."""
        if scope["path"] in self.collections:
            await _redirect(scope["path"], scope["query_string"], send)
        else:
            await super().__call__(scope, receive, send)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        logs = access_log.LOGGER.isEnabledFor(logging.INFO)
        if self.metrics is None and not logs:
            await self.entrance(scope, receive, send)
            return
        seen = _Seen(send)
        started = time.perf_counter()
        try:
            await self.entrance(scope, receive, seen)
        finally:
            seconds = time.perf_counter() - started
            path = scope.get("path_template") or UNMATCHED
            if self.metrics is not None:
                self.metrics.count_request(scope["method"], path, seen.status, seconds)
            if logs:
                access_log.log_request(
                    method=scope["method"],
                    path=path,
                    status=seen.status,
                    seconds=seconds,
                    size=seen.size,
                    client=scope.get("client"),
                )


class _BaseRouter(Router):
    """The router of one application. Litestar copies what it is given, for the next application may be given it, too."""

    def __deepcopy__(self, memo: Any) -> _BaseRouter:
        return self


def create_app(store: Store, settings: Settings) -> Application:
    """The application.

    Args:
        store: The store, open; it stays its owner's to close.
        settings: All settings; those below `server` decide here.
    """
    api = settings.server.api
    base = base_path(settings)
    bridge = Bridge(store)
    metrics = Metrics(bridge)
    credentials = Credentials(api.auth_string.get_secret_value() if api.auth_string else None)
    csrf = _csrf_tokens(store, api)
    routers = _routers()
    page_at = page_base(settings.server.ui, base)
    around = [Router(path=path, route_handlers=[ui_settings]) for path in {"/", page_at or "/"}]

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        bridge.reopen()
        yield
        bridge.close()

    def guarded(app: ASGIApp) -> ASGIApp:
        return Guard(app, credentials, csrf)

    app = Application(
        route_handlers=[_BaseRouter(path=base, route_handlers=[*routers, document, page]), *around],
        dto=JsonBody,
        request_class=BoundedRequest,
        response_class=JsonResponse,
        dependencies=_dependencies(bridge, settings, metrics),
        middleware=[guarded, Compression],
        exception_handlers={Exception: errors.respond},
        lifespan=[lifespan],
        logging_config=None,
        openapi_config=openapi_config(base),
        request_max_body_size=None,  # BoundedRequest has the limit
        state=State(
            {
                "bridge": bridge,
                "settings": settings,
                "metrics": metrics,
                "credentials": credentials,
                "csrf": csrf,
                "feed": Feed(bridge),
            }
        ),
    )
    inner: ASGIApp = app.answer
    if page_at is not None:
        inner = WebPage(inner, page_at, base, settings.server.ui.api_url)
    app.entrance = OtherOrigins(inner, api)
    app.collections = frozenset(_collections(base, routers))
    app.metrics = metrics if settings.server.metrics_enabled else None
    return app


def base_path(settings: Settings) -> str:
    """The path below which the API is served, without a slash at its end."""
    return "/" + (settings.server.api.base_path or "/api").strip("/")


def _routers() -> list[Router]:
    modules: list[Any] = [import_module(f"headrace.api.routes.{noun}") for noun in NOUNS]
    return [module.router for module in modules]


def _dependencies(bridge: Bridge, settings: Settings, metrics: Metrics) -> dict[str, Provide]:
    """What handlers are given. Each needs the one before: what is independent Litestar provides in tasks of their own."""

    async def the_store() -> Bridge:
        return bridge

    async def the_settings(store: InjectedStore) -> Settings:
        return settings

    async def the_metrics(settings: InjectedSettings) -> Metrics:
        return metrics

    return {"store": Provide(the_store), "settings": Provide(the_settings), "metrics": Provide(the_metrics)}


def _csrf_tokens(store: Store, api: ServerAPISettings) -> CsrfTokens | None:
    if not api.csrf_protection_enabled:
        return None
    proposed = secrets.token_hex(32)
    key = store.write(lambda conn: meta.read_or_write_fact(conn, meta.CSRF_KEY, proposed))
    return CsrfTokens(bytes.fromhex(key), api.csrf_token_expiration)


# --- collections ---------------------------------------------------------------------------------------------------


def _collections(base: str, routers: Iterable[Router]) -> list[str]:
    """The paths of collections (`/api/flows`), which have a slash at their end."""
    return [
        f"{base}{router.path}"
        for router in routers
        if router.path != "/" and any(route.path == router.path for route in router.routes)
    ]


async def _redirect(path: str, query: bytes, send: Send) -> None:
    location = path.encode() + b"/" + (b"?" + query if query else b"")
    headers = [(b"location", location), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Seen:
    """Sends an answer, and keeps its status and size.

    Args:
        send: Where it goes.
    """

    def __init__(self, send: Send) -> None:
        self.status = 499  # the client went away
        self.size = 0
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.size += len(message["body"])
        await self._send(message)

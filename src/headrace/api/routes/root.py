"""Whether the server is there and ready, which API it speaks, how it fares, and what its web page must know."""

from __future__ import annotations

import asyncio

from litestar import MediaType, Response, Router, get
from msgspec import Struct

from headrace.api.auth import PUBLIC
from headrace.api.dependencies import InjectedMetrics, InjectedSettings, InjectedStore
from headrace.api.errors import Refusal
from headrace.api.metrics import CONTENT_TYPE
from headrace.exceptions import StoreUnavailableError
from headrace.schema.versions import API_VERSION
from headrace.store.lists.totals import count_flow_runs_by_state, count_task_runs_by_state
from headrace.store.migrations import HEAD
from headrace.store.revisions import stamp_of

__all__ = ["router", "ui_settings"]

PATIENCE = 3.0
"""Seconds within which the database must answer for the server to be ready."""


class Readiness(Struct):
    """The answer of a server that is ready."""

    message: str


class UISettings(Struct):
    """What a web page must know to use the API."""

    api_url: str
    csrf_enabled: bool
    auth: str | None
    flags: list[str]
    default_ui: str
    available_uis: list[str]
    v1_base_url: str | None
    v2_base_url: str | None


@get("/health", opt=PUBLIC)
async def health() -> bool:
    """Whether the server is alive."""
    return True


@get("/ready", opt=PUBLIC)
async def ready(store: InjectedStore) -> Readiness:
    """Whether the server can serve: its database answers, and has the schema that this version knows."""
    try:
        async with asyncio.timeout(PATIENCE):
            revision = await store.read(stamp_of)
    except TimeoutError:
        raise StoreUnavailableError(f"The database did not answer within {PATIENCE:.0f} s.") from None
    if revision != HEAD:
        raise StoreUnavailableError(
            f"The database has schema {revision or 'none'}, this server needs {HEAD}: run `headrace server database upgrade`."
        )
    return Readiness("OK")


@get("/hello", media_type=MediaType.JSON)
async def hello() -> str:
    """Say hello."""
    return "👋"


@get("/version", media_type=MediaType.JSON)
async def version() -> str:
    """The version of the API."""
    return API_VERSION


@get("/metrics", media_type=MediaType.TEXT)
async def read_metrics(
    store: InjectedStore, settings: InjectedSettings, metrics: InjectedMetrics
) -> Response[bytes]:
    """How the server fares, in the text format of Prometheus."""
    if not settings.server.metrics_enabled:
        raise Refusal(404, "Metrics are off: set HEADRACE_SERVER_METRICS_ENABLED=true on the server.")
    runs = {
        "flow_run": await store.read(count_flow_runs_by_state),
        "task_run": await store.read(count_task_runs_by_state),
    }
    return Response(metrics.render(runs), media_type=CONTENT_TYPE)


@get("/ui-settings", opt=PUBLIC, include_in_schema=False)
async def ui_settings(settings: InjectedSettings) -> UISettings:
    """What a web page must know to use the API; served outside of the API's base path."""
    server = settings.server
    base = server.api.base_path or "/api"
    return UISettings(
        api_url=server.ui.api_url or f"http://{server.api.host}:{server.api.port}/{base.strip('/')}",
        csrf_enabled=server.api.csrf_protection_enabled,
        auth="BASIC" if server.api.auth_string else None,
        flags=[],
        default_ui="v2",
        available_uis=["v1", "v2"],
        v1_base_url="/",
        v2_base_url="/v2",
    )


router = Router(path="/", route_handlers=[health, ready, hello, version, read_metrics], tags=["Root"])

"""`get_client`, and the two clients: the same verbs in two colours.

with get_client(sync_client=True) as client:
    runs = client.read_flow_runs(limit=10)

async with get_client() as client:
    runs = await client.read_flow_runs(limit=10)
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, NoReturn, Self, overload

import httpx

from headrace.client.connection import Endpoint
from headrace.client.orchestration.events import EventVerbs
from headrace.client.orchestration.flow_run_inputs import FlowRunInputVerbs
from headrace.client.orchestration.flow_runs import FlowRunVerbs
from headrace.client.orchestration.logs import LogVerbs
from headrace.client.orchestration.server import ServerVerbs
from headrace.client.orchestration.task_runs import TaskRunVerbs
from headrace.client.orchestration.verbs import Awaiting, Blocking
from headrace.settings import get_current_settings

__all__ = ["HeadraceClient", "PrefectClient", "SyncHeadraceClient", "SyncPrefectClient", "get_client"]


class _AllVerbs(FlowRunVerbs, FlowRunInputVerbs, TaskRunVerbs, LogVerbs, EventVerbs, ServerVerbs):
    """The verbs of all nouns, and what both clients are made with.

    Args:
        api: The API's URL. When left out: that of the settings, or else the API in this process, on the embedded store.
        auth_string: USER:PASSWORD; that of the settings when left out.
        api_key: The key; that of the settings when left out.
        api_version: The version of the REST API to ask for.
        httpx_settings: Options of httpx that go before those of the settings.

    Raises:
        ConfigurationError: The URL is none, or an option cannot be used.
    """

    def __init__(
        self,
        api: str | None = None,
        *,
        auth_string: str | None = None,
        api_key: str | None = None,
        api_version: str | None = None,
        httpx_settings: Mapping[str, Any] | None = None,
    ) -> None:
        given = dict(httpx_settings or {})
        given["headers"] = {
            **_headers(auth_string, api_key, api_version),
            **httpx.Headers(given.get("headers")),
        }
        self._endpoint = _endpoint(api, given)
        self._entered = 0
        self._closed = False

    @property
    def api_url(self) -> httpx.URL:
        """The API's URL."""
        return httpx.URL(self._endpoint.url)

    def _enter(self) -> None:
        if self._closed:
            raise RuntimeError(
                "This client is closed and cannot be used again. Get a new one with get_client()."
            )
        self._entered += 1

    def _leave(self) -> bool:
        """Whether this was the outermost `with`."""
        self._entered -= 1
        self._closed = self._entered == 0
        return self._closed


class HeadraceClient(Awaiting, _AllVerbs):
    """A client of the API whose verbs are awaited; see `get_client`."""

    async def __aenter__(self) -> Self:
        self._enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._leave():
            await self._connection.close()

    def __enter__(self) -> NoReturn:
        raise RuntimeError(
            "This client's verbs are awaited: use `async with`. "
            "Where nothing can be awaited, use get_client(sync_client=True)."
        )

    def __exit__(self, *_: object) -> NoReturn:
        raise AssertionError("`__enter__` did not let anybody in")


class SyncHeadraceClient(Blocking, _AllVerbs):
    """A client of the API whose verbs wait for the answer; see `get_client`."""

    def __enter__(self) -> Self:
        self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._leave():
            self._connection.close()


PrefectClient = HeadraceClient
SyncPrefectClient = SyncHeadraceClient


@overload
def get_client(
    httpx_settings: dict[str, Any] | None = None, sync_client: Literal[False] = False
) -> HeadraceClient: ...
@overload
def get_client(
    httpx_settings: dict[str, Any] | None = None, *, sync_client: Literal[True]
) -> SyncHeadraceClient: ...
@overload
def get_client(httpx_settings: dict[str, Any] | None, sync_client: Literal[True]) -> SyncHeadraceClient: ...
def get_client(
    httpx_settings: dict[str, Any] | None = None, sync_client: bool = False
) -> HeadraceClient | SyncHeadraceClient:
    """A client of the API that the settings name, or of the API in this process where they name none.

    Args:
        httpx_settings: Options of httpx that go before those of the settings, as `{"timeout": 5}`.
        sync_client: Verbs wait for the answer, rather than being awaited.

    Raises:
        ConfigurationError: The URL is none, or an option cannot be used.

    Example:
        with get_client(sync_client=True) as client:
            for run in client.read_flow_runs(limit=10):
                print(run.name, run.state_name)
    """
    kind = SyncHeadraceClient if sync_client else HeadraceClient
    return kind(httpx_settings=httpx_settings)


def _endpoint(api: str | None, options: dict[str, Any]) -> Endpoint:
    settings = get_current_settings()
    if api is None and not settings.api.url:
        from headrace.client.embedded import embedded_endpoint

        return embedded_endpoint(settings, **options)
    return Endpoint.configured(settings, api, **options)


def _headers(auth_string: str | None, api_key: str | None, api_version: str | None) -> dict[str, str]:
    headers = {}
    if auth_string:
        headers["Authorization"] = f"Basic {base64.b64encode(auth_string.encode()).decode('ascii')}"
    elif api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    if api_version:
        headers["X-PREFECT-API-VERSION"] = api_version
    return headers

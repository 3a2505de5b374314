"""Connections to an API: where it is, how it is spoken to, and the two ways to carry a `Talk` out, blocking or awaiting.

What is said is the same for both, and is written in `exchange`; here are only the sending and the waiting.

    with Connection.configured(get_current_settings()) as api:
        api.request("POST", "/runs/record", content=body, headers={"Content-Encoding": "zstd"})
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

import httpx
from msgspec import Struct

from headrace import __version__
from headrace.client.exchange import Answer, Exchange, Talk
from headrace.client.tls import tls_options
from headrace.exceptions import ConfigurationError
from headrace.schema.versions import API_VERSION, PREFECT_VERSION
from headrace.settings import Settings

__all__ = ["AsyncConnection", "Connection", "Endpoint"]

T = TypeVar("T")

USER_AGENT = f"prefect/{PREFECT_VERSION} (API {API_VERSION};headrace/{__version__})"
"""Prefect's servers read the version of the client from its beginning, and take one that they cannot read for old."""

OURS = frozenset({"user-agent", "prefect-csrf-token", "prefect-csrf-client"})
"""Headers that settings cannot change."""

_log = logging.getLogger("headrace.client")


class Endpoint(Struct, frozen=True, kw_only=True):
    """Where an API is, and how it is spoken to.

    Args:
        url: The API's URL; an address of its own stands for the API in this process.
        options: What `httpx.Client` and `httpx.AsyncClient` are made with.
        settings: All settings; those below `client` decide about retries, versions and tokens.
    """

    url: str
    options: dict[str, Any]
    settings: Settings

    @classmethod
    def configured(cls, settings: Settings, url: str | None = None, **options: Any) -> Endpoint:
        """The endpoint that settings describe.

        Args:
            settings: All settings.
            url: The API's URL; `api.url` of the settings when left out.
            options: Options of httpx that go before those of the settings; `headers` are added to theirs.

        Raises:
            ConfigurationError: There is no URL, it is none, or an option cannot be used.
        """
        url = _checked_url(url or settings.api.url)
        headers = {**_headers(settings), **options.pop("headers", {})}
        timeout = httpx.Timeout(settings.api.request_timeout)
        made = {
            "base_url": url,
            "timeout": timeout,
            "follow_redirects": True,
            **tls_options(settings.api),
            **options,
        }
        return cls(url=url, options={**made, "headers": headers}, settings=settings)

    def client(self) -> httpx.Client:
        """A blocking HTTP client for it."""
        return httpx.Client(**self.options)

    def async_client(self) -> httpx.AsyncClient:
        """An awaiting HTTP client for it."""
        return httpx.AsyncClient(**self.options)


class Connection:
    """A connection to an API, for callers that wait. Threads may share it.

    Args:
        endpoint: Where the API is.
        sleep: Waits so many seconds.
    """

    def __init__(self, endpoint: Endpoint, sleep: Callable[[float], Any] = time.sleep) -> None:
        self.endpoint = endpoint
        self._http, self._pid = endpoint.client(), os.getpid()
        self._sleep = sleep
        self.exchange = Exchange(self._http.build_request, endpoint.url, endpoint.settings.client)

    @classmethod
    def configured(cls, settings: Settings) -> Connection:
        """A connection to the API that settings name; see `Endpoint.configured`."""
        return cls(Endpoint.configured(settings))

    def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        retries: int | None = None,
    ) -> httpx.Response:
        """Ask, and wait for the answer; see `Exchange.request`."""
        return self.run(
            self.exchange.request(
                method, path, content=content, params=params, headers=headers, retries=retries
            )
        )

    def run(self, talk: Talk[T]) -> T:
        """Carry a talk out."""
        answer: Answer = None
        try:
            while True:
                step = talk.send(answer)
                answer = self._send(step) if isinstance(step, httpx.Request) else self._sleep(step)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def _send(self, request: httpx.Request) -> Answer:
        if self._pid != os.getpid():
            # The child of a fork must not speak on its parent's sockets.
            self._http, self._pid = self.endpoint.client(), os.getpid()
        try:
            return self._http.send(request)
        except httpx.TransportError as error:
            return error

    def close(self) -> None:
        """Close its sockets; it cannot be used any more."""
        self._http.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncConnection:
    """A connection to an API, for callers that await. It belongs to one event loop.

    Args:
        endpoint: Where the API is.
        sleep: Waits so many seconds.
    """

    def __init__(self, endpoint: Endpoint, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep) -> None:
        self.endpoint = endpoint
        self._http = endpoint.async_client()
        self._sleep = sleep
        self.exchange = Exchange(self._http.build_request, endpoint.url, endpoint.settings.client)

    @classmethod
    def configured(cls, settings: Settings) -> AsyncConnection:
        """A connection to the API that settings name; see `Endpoint.configured`."""
        return cls(Endpoint.configured(settings))

    async def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        retries: int | None = None,
    ) -> httpx.Response:
        """Ask, and await the answer; see `Exchange.request`."""
        return await self.run(
            self.exchange.request(
                method, path, content=content, params=params, headers=headers, retries=retries
            )
        )

    async def run(self, talk: Talk[T]) -> T:
        """Carry a talk out."""
        answer: Answer = None
        try:
            while True:
                step = talk.send(answer)
                if isinstance(step, httpx.Request):
                    answer = await self._send(step)
                else:
                    answer = await self._sleep(step)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    async def _send(self, request: httpx.Request) -> Answer:
        try:
            return await self._http.send(request)
        except httpx.TransportError as error:
            return error

    async def close(self) -> None:
        """Close its sockets; it cannot be used any more."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncConnection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _checked_url(url: str | None) -> str:
    if not url:
        raise ConfigurationError("No API is configured. Set HEADRACE_API_URL, as http://127.0.0.1:4200/api.")
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"HEADRACE_API_URL is {url!r}, which is not the URL of an API. "
            "It has to begin with http:// or https://, as http://127.0.0.1:4200/api."
        )
    return url


def _headers(settings: Settings) -> dict[str, str]:
    headers = {}
    for name, value in settings.client.custom_headers.items():
        if name.lower() in OURS:
            _log.warning(
                "The custom header %r is not sent: the client sets it. Remove it from HEADRACE_CLIENT_CUSTOM_HEADERS.",
                name,
            )
        else:
            headers[name] = value
    api = settings.api
    if api.auth_string:
        basic = base64.b64encode(api.auth_string.get_secret_value().encode()).decode("ascii")
        headers["Authorization"] = f"Basic {basic}"
    elif api.key:
        headers["Authorization"] = f"Bearer {api.key.get_secret_value()}"
    return {**headers, "User-Agent": USER_AGENT, "X-PREFECT-API-VERSION": API_VERSION}

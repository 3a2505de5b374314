"""A server of somebody else at the other end of httpx's transport, and callers of both colours."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from headrace.client.connection import AsyncConnection, Connection, Endpoint
from headrace.settings import temporary_settings

Answer = httpx.Response | Exception
_numbers = itertools.count()


def name_of(request: httpx.Request) -> str:
    """A request as tests write it: `GET /flows/`, without what follows the `?`."""
    return f"{request.method} {request.url.raw_path.decode().partition('?')[0].removeprefix('/api')}"


class Server:
    """Answers as it is told to, and remembers what it was asked.

    Until it is told otherwise it is a Prefect server of this version without tokens, which answers `true` to everything.
    """

    def __init__(self) -> None:
        # One of its own for each: a process asks each URL for its version once.
        self.url = f"http://server-{next(_numbers)}/api"
        self.requests: list[httpx.Request] = []
        self._answers: dict[str, Iterator[Answer | Callable[[httpx.Request], Answer]]] = {}
        self.answer("GET /admin/version", httpx.Response(200, json="3.8.8"))
        self.answer("GET /csrf-token", httpx.Response(422, json={"detail": "CSRF protection is disabled."}))

    def answer(self, request: str, *answers: Any) -> None:
        """Answer a request, as `GET /flows/`, with these in turn, and from then on with the last."""
        self._answers[request] = itertools.chain(answers, itertools.repeat(answers[-1]))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        # As it is now: a client may send the same object again, changed.
        self.requests.append(
            httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        )
        key = name_of(request)
        answer = next(self._answers[key]) if key in self._answers else httpx.Response(200, json=True)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        # A response is good for one reading.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def asked(self) -> list[str]:
        """The requests that it got, as `GET /flows/`."""
        return [name_of(each) for each in self.requests]

    def asked_for(self, request: str) -> list[httpx.Request]:
        """The requests of that kind."""
        return [each for each, name in zip(self.requests, self.asked, strict=True) if name == request]


class Caller:
    """Calls connections and clients of one colour, all awaiting ones on the same event loop."""

    def __init__(self, is_async: bool) -> None:
        self.is_async = is_async
        self.waits: list[float] = []
        self._runner = asyncio.Runner()

    def connect(self, server: Server, **settings: Any) -> Callable[..., httpx.Response]:
        """A function that asks a server, as `Connection.request`; waits are written down instead of waited for."""
        connection = self.connection(server, **settings)
        return lambda *args, **kwargs: self.call(connection.request, *args, **kwargs)

    def connection(self, server: Server, **settings: Any) -> Any:
        """A connection to a server, of this colour."""
        updates = {name.replace("__", "."): value for name, value in settings.items()}
        with temporary_settings({"api.url": server.url, **updates}) as given:
            endpoint = Endpoint.configured(given, transport=httpx.MockTransport(server))
        if self.is_async:
            return AsyncConnection(endpoint, sleep=self._wait)
        return Connection(endpoint, sleep=self.waits.append)

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a method of this colour returns."""
        if not self.is_async:
            return method(*args, **kwargs)

        async def main() -> Any:
            return await method(*args, **kwargs)

        return self._runner.run(main())

    def close(self) -> None:
        self._runner.close()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture(params=["sync", "async"])
def caller(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Sync, then async."""
    caller = Caller(request.param == "async")
    yield caller
    caller.close()


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Warnings, whatever level of the loggers other tests have left."""
    caplog.set_level(logging.WARNING, logger="headrace")
    return caplog

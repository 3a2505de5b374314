"""The API in this process, on the embedded store: what clients ask where no server is configured.

The server's application answers, by the same routes and rules; only no socket lies between. It runs on an event loop in a
thread of its own, so that clients of both colours, on any number of event loops, share one application per store. It is
started by the first request, and ends with the process or when the store is closed.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx

from headrace.client.connection import Endpoint
from headrace.client.local import before_closing, get_store
from headrace.settings import Settings
from headrace.settings.current import changed

if TYPE_CHECKING:
    from litestar import Litestar

    from headrace.settings import Setting
    from headrace.store.store import Store

__all__ = ["Application", "EmbeddedTransport", "embedded_endpoint"]

URL = "http://embedded/api"
"""An address; no request leaves the process for it."""

WITHIN_A_PROCESS: dict[str | Setting, Any] = {
    "client.csrf_support_enabled": False,
    "client.server_version_check_enabled": False,
    "server.api.auth_string": None,
    "server.api.base_path": None,
    "server.api.csrf_protection_enabled": False,
}
"""A process need not prove to itself who it is."""


class Application:
    """An application that runs: it answers requests on an event loop in a thread of its own.

    Args:
        app: The application. It starts up now, and shuts down with `stop`.
    """

    def __init__(self, app: Litestar) -> None:
        self._app = app
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._answering: set[asyncio.Task[httpx.Response] | None] = set()
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="headrace-embedded-api", daemon=True)
        self._thread.start()
        try:
            self._ready.result()
        except BaseException:
            self.stop()
            raise

    def submit(self, request: httpx.Request) -> Future[httpx.Response]:
        """Have a request answered; its body must have been read."""
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop)

    def stop(self) -> None:
        """Shut the application down, when all requests are answered."""
        with suppress(RuntimeError):  # The loop is closed: it has ended.
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._live())
        finally:
            self._loop.close()

    async def _live(self) -> None:
        try:
            async with self._app.lifespan():
                self._ready.set_result(None)
                await self._stopping.wait()
                await asyncio.gather(*filter(None, self._answering), return_exceptions=True)
        except BaseException as failure:
            if self._ready.done():
                raise
            self._ready.set_exception(failure)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        task = asyncio.current_task()
        self._answering.add(task)
        try:
            asked = httpx.Request(
                request.method, request.url, headers=request.headers, content=request.content
            )
            response = await self._transport.handle_async_request(asked)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            body = b"".join([part async for part in response.stream])
        finally:
            self._answering.discard(task)
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(body))


class EmbeddedTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Carries requests to the application on a store of this process; in a forked child, to the child's own.

    Args:
        store: The store, open.
        settings: What the application is made with.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request of a blocking client."""
        request.read()
        answer = self._application().submit(request)
        try:
            return answer.result()
        except BaseException:
            answer.cancel()
            raise

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request of an awaiting client."""
        await request.aread()
        application = _running.get(self._store)
        if application is None:
            application = await asyncio.to_thread(self._application)
        return await asyncio.wrap_future(application.submit(request))

    def _application(self) -> Application:
        with _starting:
            if self._store not in _running:
                from headrace.api.app import create_app

                _running[self._store] = Application(create_app(self._store, self._settings))
            return _running[self._store]


def embedded_endpoint(settings: Settings, **options: Any) -> Endpoint:
    """The API in this process.

    Args:
        settings: What the application and its clients are made with.
        options: Options of httpx that go before those of the settings.

    Raises:
        StoreError: The database cannot be used; the message says why and what to do.
    """
    within = changed(settings, WITHIN_A_PROCESS, {}, ())
    return Endpoint.configured(
        within, URL, **{"transport": EmbeddedTransport(get_store(), within), **options}
    )


_running: dict[Store, Application] = {}
_starting = threading.RLock()


def _stop(store: Store) -> None:
    with _starting:
        application = _running.pop(store, None)
    if application is not None:
        application.stop()


def _stop_all() -> None:
    for store in list(_running):
        _stop(store)


def _start_over() -> None:
    # The threads in which the parent's applications run are not the child's.
    _running.clear()
    _starting.release()


before_closing.append(_stop)
atexit.register(_stop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_starting.acquire, after_in_parent=_starting.release, after_in_child=_start_over
    )

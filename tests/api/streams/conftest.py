"""A server on a port of its own, in this process or in another one, and WebSocket clients of it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from headrace.api.app import create_app
from headrace.api.receipts import ReceiptProtocol
from headrace.settings import get_current_settings, temporary_settings
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

PATIENCE = 60.0
"""Seconds after which a test gives up on something that does not come."""


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What opens an empty store: a file, or a database of PostgreSQL for tests that ask for both."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return str(tmp_path / "server.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def store(target: str) -> Iterator[Store]:
    """The store of the server in this process; its history is checked in the end."""
    with Store.open(target) as opened:
        yield opened
        assert_history(opened)


class LiveServer:
    """A server that listens.

    Args:
        port: Where.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/api"

    def http(self) -> httpx.AsyncClient:
        """An HTTP client of it."""
        return httpx.AsyncClient(base_url=self.url)

    @asynccontextmanager
    async def socket(
        self, path: str, *, handshake: bool = True, **options: Any
    ) -> AsyncIterator[ClientConnection]:
        """A WebSocket to it, which has shown its credentials unless that is not wanted."""
        options.setdefault("subprotocols", [Subprotocol("prefect")])
        async with connect(f"ws{self.url.removeprefix('http')}{path}", **options) as opened:
            if handshake:
                await opened.send('{"type":"auth","token":null}')
                assert json.loads(await opened.recv()) == {"type": "auth_success"}
            yield opened


@pytest.fixture
def serve(store: Store, configure: Callable[..., None]) -> Iterator[Callable[..., LiveServer]]:
    """Serves the store in a thread of this process: `serve({"server.api.auth_string": "a:b"})`."""
    stops: list[Callable[[], None]] = []

    def start(updates: dict[str, Any] | None = None, **options: Any) -> LiveServer:
        with temporary_settings(updates or {}):
            app = create_app(store, get_current_settings())
        listener = socket.create_server(("127.0.0.1", 0))
        options = {"ws": ReceiptProtocol, "lifespan": "on", "log_config": None, **options}
        server = uvicorn.Server(uvicorn.Config(app, **options))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()

        def stop() -> None:
            server.should_exit = True
            thread.join()
            listener.close()

        stops.append(stop)
        return LiveServer(listener.getsockname()[1])

    yield start
    for stop in stops:
        stop()


@pytest.fixture
def server(serve: Callable[..., LiveServer]) -> LiveServer:
    """A server without any configuration."""
    return serve()


SERVER = """
import socket, sys
from headrace.api.serve import bind, open_store, run
from headrace.settings import get_current_settings
settings = get_current_settings()
with bind("127.0.0.1", int(sys.argv[1])) as listener, open_store(settings) as store:
    run(store, settings, listener, lambda: print("ready", flush=True))
"""


class ServerProcess(LiveServer):
    """A server in a process of its own, which can be killed and started again on its port.

    Args:
        port: Where it listens.
        environment: Its environment.
        folder: Where it works.
    """

    def __init__(self, port: int, environment: dict[str, str], folder: Path) -> None:
        super().__init__(port)
        self._port, self._environment, self._folder = port, environment, folder
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(self._port)],
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
            cwd=self._folder,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        """Kill it, as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def terminate(self) -> int:
        """Ask it to end. Returns its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(PATIENCE)


@pytest.fixture
def server_process(
    target: str, tmp_path: Path, configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[ServerProcess]:
    """A server in another process, started, on a store that nobody else has open."""
    import os

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = target if "://" in target else f"sqlite:///{target}"
    environment = {**os.environ, "HEADRACE_SERVER_DATABASE_CONNECTION_URL": url}
    process = ServerProcess(port, environment, tmp_path)
    process.start()
    yield process
    process.kill()


@pytest.fixture
async def eventually() -> Callable[..., Any]:
    """Waits until a check of the store holds: `await eventually(lambda: store.read(count) == 3)`."""

    async def wait(check: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(check):
                await asyncio.sleep(0.01)

    return wait

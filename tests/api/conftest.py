"""The application in this process, and the server as a process of its own, each on an empty store."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from headrace.api.app import create_app
from headrace.settings import get_current_settings, temporary_settings
from headrace.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store in a file."""
    with Store.open(tmp_path / "server.db") as opened:
        yield opened


@pytest.fixture
def make_app(store: Store, configure: Callable[..., None]) -> Callable[..., Litestar]:
    """Makes the application with settings by dotted names: `make_app({"server.api.auth_string": "a:b"})`."""

    def make(updates: dict[str, Any] | None = None) -> Litestar:
        with temporary_settings(updates or {}):
            return create_app(store, get_current_settings())

    return make


@pytest.fixture
def app(make_app: Callable[..., Litestar]) -> Litestar:
    """The application as it is without any configuration."""
    return make_app()


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Makes clients of an application in this process; their paths are below `/api`."""
    clients: list[httpx.AsyncClient] = []

    def make(app: Litestar, **options: Any) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        options.setdefault("base_url", "http://headrace.test/api")
        clients.append(httpx.AsyncClient(transport=transport, **options))
        return clients[-1]

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def api(app: Litestar, connect: Callable[..., httpx.AsyncClient]) -> httpx.AsyncClient:
    """A client of the application: `await api.get("/health")`."""
    return connect(app)


class Server:
    """A server in a process of its own.

    Args:
        process: The process, which has said where it listens.
        url: The API's URL.
    """

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.address = (httpx.URL(url).host, int(httpx.URL(url).port or 0))
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def client(self, **options: Any) -> httpx.Client:
        """A client whose paths are below the API's URL."""
        return httpx.Client(base_url=self.url, timeout=30, **options)

    def signal(self, sig: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(sig)

    def wait(self) -> int:
        """Its exit code, once it has ended; `lines` has all that it wrote then."""
        code = self.process.wait(timeout=60)
        self._reader.join(timeout=60)
        return code

    def stop(self) -> int:
        """Tell it to stop, and wait."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.wait()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(line.rstrip("\n") for line in self.process.stdout)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home folder of the test's processes."""
    return tmp_path / "home"


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """The environment of the test's processes: nothing configured but the home folder."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "PREFECT_"))
    }
    return {**kept, "HEADRACE_HOME": str(home)}


@pytest.fixture
def start_server(tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., Server]]:
    """Starts a server on a free port: `start_server("--log-level", "INFO", HEADRACE_SERVER_API_AUTH_STRING="a:b")`."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str, **variables: str) -> Server:
        words = [sys.executable, "-m", "headrace", "server", "start", "--port", "0", *options]
        process = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            env={**environment, **variables},
        )
        started.append(process)
        assert process.stdout is not None
        written = []
        for line in process.stdout:
            written.append(line)
            if " answers at " in line:
                return Server(process, line.split(" answers at ")[1].split(",")[0])
        raise AssertionError(f"The server ended with code {process.wait()}:\n{''.join(written)}")

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    """A server without any configuration: `server.client().get("/health")`."""
    return start_server()


@pytest.fixture
def recorded_at() -> datetime:
    """A time at which things were recorded."""
    return datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Warnings, whatever level of the loggers other tests have left."""
    caplog.set_level(logging.WARNING, logger="headrace")
    return caplog

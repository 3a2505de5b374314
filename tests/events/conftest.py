"""A server that can be killed and started again, and what it has stored."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.engine.session import close_sessions
from headrace.schema.events import Event
from headrace.settings import temporary_settings
from headrace.store.events import read_events
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

SERVE = """
from headrace.api.serve import serve
from headrace.settings import get_current_settings
serve(get_current_settings(), lambda url: print(url, flush=True))
"""


class Server:
    """A server in a process of its own.

    Args:
        home: Its home folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}/api"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
        variables = {"HEADRACE_HOME": str(self._home), "HEADRACE_SERVER_API_PORT": str(self._port)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVE], env={**kept, **variables}, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == self.url

    def kill(self) -> None:
        """Kill it, as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def terminate(self) -> None:
        """Ask it to end, and wait."""
        assert self._process is not None
        self._process.terminate()
        self._process.communicate(timeout=60)
        self._process = None

    def events(self) -> list[Event]:
        """What it has stored."""
        with Store.open(self._home / "headrace.db") as store:
            return [stored.event for stored in store.read(lambda conn: read_events(conn, limit=None))]


@pytest.fixture
def server(configure: Callable[..., None], tmp_path: Path) -> Iterator[Server]:
    """A server that this process is configured to use; its history is checked in the end."""
    started = Server(tmp_path / "server")
    started.start()
    with temporary_settings({"api.url": started.url}):
        yield started
        close_sessions()
    started.kill()
    with Store.open(tmp_path / "server" / "headrace.db") as store:
        assert_history(store)

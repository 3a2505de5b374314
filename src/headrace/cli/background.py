"""A server in the background: the file that says which process it is, starting it, and stopping it.

The file is written by the server itself, so it never names a process that could not start. It says which process of that id
is meant: a file that a killed server has left counts for nothing, also once another program has the id.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from headrace.exceptions import ConfigurationError, StoreUnavailableError
from headrace.store.processes import Holder, is_alive, this_process

__all__ = ["Background", "claimed", "find", "paths", "start", "stop"]

START_PATIENCE = 60.0
"""Seconds that a server may take to answer: a large store may have to be brought up to date."""

STOP_PATIENCE = 60.0
"""Seconds that a server may take to finish what it accepted."""

PAUSE = 0.05
"""Seconds between two looks at a process."""

LINES_SHOWN = 20
"""Lines of the log that are shown when the server could not start."""


class Background(Struct):
    """A server in the background.

    Args:
        host: Its machine's name.
        pid: Its process.
        started: Which process of that id; None where the system does not say.
        url: Where its API answers; None until it does.
        log: The file it writes to.
    """

    host: str
    pid: int
    started: str | None
    url: str | None
    log: str

    @property
    def process(self) -> Holder:
        """The process."""
        return Holder(self.host, self.pid, self.started)


def paths(home: Path) -> tuple[Path, Path]:
    """The file that says which process the server is, and its log."""
    return home / "server.pid", home / "server.log"


def find(home: Path) -> Background | None:
    """The server that runs in the background; None when there is none."""
    path, _ = paths(home)
    try:
        server = msgspec.json.decode(path.read_bytes(), type=Background)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return server if is_alive(server.process) is not False else None


class claimed:
    """Says, as a context manager, that this process is the server in the background.

    Args:
        home: The home folder.

    Raises:
        ConfigurationError: Another process is.
    """

    def __init__(self, home: Path) -> None:
        self._path, log = paths(home)
        other = find(home)
        if other is not None:
            raise already_running(other)
        me = this_process()
        self._server = Background(host=me.host, pid=me.pid, started=me.started, url=None, log=str(log))
        self._write()

    def announce(self, url: str) -> None:
        """Say where the API answers."""
        self._server.url = url
        self._write()

    def __enter__(self) -> claimed:
        return self

    def __exit__(self, *exc: object) -> None:
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        new = self._path.with_suffix(f".{os.getpid()}")
        new.write_bytes(msgspec.json.encode(self._server))
        new.replace(self._path)


def already_running(server: Background) -> ConfigurationError:
    """What to say when a server runs in the background already."""
    return ConfigurationError(
        f"A server runs in the background already{f' at {server.url}' if server.url else ''} (process {server.pid}): "
        "stop it with `headrace server stop`."
    )


def start(home: Path, options: Sequence[str], variables: Mapping[str, str]) -> Background:
    """Start a server in the background, and wait until it answers.

    Args:
        home: The home folder.
        options: Options of `headrace server start` that are no settings.
        variables: Its settings, as environment variables.

    Raises:
        ConfigurationError: One runs already.
        StoreUnavailableError: It ended, or did not answer in time.
    """
    running = find(home)
    if running is not None:
        raise already_running(running)
    home.mkdir(parents=True, exist_ok=True)
    _, log_path = paths(home)
    with log_path.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "headrace", "server", "start", "--in-background", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **variables},
            **_detached(),
        )
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        server = find(home)
        if server is not None and server.pid == child.pid and server.url is not None:
            return server
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(PAUSE)
            raise StoreUnavailableError(f"The server could not start.\n{_end_of(log_path)}")
    child.terminate()
    raise StoreUnavailableError(
        f"The server did not answer within {START_PATIENCE:.0f} s and was stopped. Its log is {log_path}."
    )


def _detached() -> dict[str, Any]:
    """What makes a process go on when the terminal is closed."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-LINES_SHOWN:]
    return "\n".join(lines) or f"It wrote nothing to {log}."


def stop(server: Background) -> None:
    """Tell a server to stop, and wait until it has.

    Raises:
        ConfigurationError: It runs on another machine.
        StoreUnavailableError: It goes on.
    """
    if is_alive(server.process) is None:
        raise ConfigurationError(
            f"The server in this home folder runs on {server.host} (process {server.pid}), which cannot be told to stop "
            "from here: stop it there."
        )
    os.kill(server.pid, signal.SIGTERM)
    for _ in _until(STOP_PATIENCE):
        if is_alive(server.process) is False:
            return
    raise StoreUnavailableError(
        f"The server (process {server.pid}) was told to stop and is still there after {STOP_PATIENCE:.0f} s: it finishes "
        f"what it accepted. Its log is {server.log}."
    )


def _until(seconds: float) -> Iterator[None]:
    """Yields every now and then, for so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(PAUSE)

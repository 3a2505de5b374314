"""Runs the server: from the socket to the last commit.

    socket bound -> store opened -> application made -> listening ... signal ->
    accepts no more -> answers what it accepted -> commits what is queued -> store closed

The socket comes first, so that a server whose port is taken leaves the store alone.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any
from urllib.parse import quote

import uvicorn

from headrace import __version__
from headrace.api.app import Application, base_path, create_app
from headrace.api.connections import Connection, close_stalled
from headrace.api.receipts import ReceiptProtocol
from headrace.api.web_page import page_base
from headrace.exceptions import ConfigurationError, StoreVersionError
from headrace.orchestration.loops.duties import duties_of, start
from headrace.settings import Settings
from headrace.store.database import Database
from headrace.store.migrations import HEAD
from headrace.store.store import Store, open_database
from headrace.store.upkeep import revision_of

__all__ = ["bind", "open_store", "page_url", "run", "serve", "url_of"]

GRACE = 30
"""Seconds within which requests under way must end once the server is told to stop."""

BACKLOG = 2048
"""Connections that wait to be accepted."""

TICKS_BETWEEN_LOOKS = 50
"""Tenths of a second between two looks for connections on which nothing moves, and for a reason to stop."""


LARGE = 1 << 20
"""Bytes of a block of memory that is large."""

_MMAP_THRESHOLD = -3
"""What glibc's `malloc.h` calls M_MMAP_THRESHOLD."""


def serve(settings: Settings, announce: Callable[[str], object], *, duties: bool = True) -> None:
    """Serve until a signal says to stop. Then finish what was accepted, and close the store.

    Args:
        settings: All settings; those below `server` decide here.
        announce: Called with the API's URL as soon as it answers.
        duties: Whether this process does what servers do at intervals.

    Raises:
        ConfigurationError: The address cannot be listened on.
        StoreError: The store cannot be used; the message says why and what to do.
    """
    api = settings.server.api
    with bind(api.host, api.port) as listener, open_store(settings) as store:
        url = url_of(listener, settings)
        run(store, settings, listener, lambda: announce(url), duties=duties)


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens on an address.

    Args:
        host: A name or an address.
        port: A port; 0 for any that is free.

    Raises:
        ConfigurationError: It is taken, or is none of this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _unusable(host, port, error) from error
    try:
        if sys.platform == "win32":  # where SO_REUSEADDR would let two programs have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _unusable(host, port, error) from error
    return listener


def _unusable(host: str, port: int, error: OSError) -> ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        return ConfigurationError(
            f"Port {port} of {host} is taken by another program, maybe another Headrace server: stop that one "
            "(`headrace server stop`), or choose another port with --port."
        )
    if error.errno == errno.EACCES:
        return ConfigurationError(
            f"Port {port} of {host} is reserved for the system's administrator: choose one above 1023 with --port."
        )
    return ConfigurationError(
        f"The server cannot listen on {host}, port {port} ({error.strerror or error}): "
        "choose an address of this machine with --host."
    )


def open_store(settings: Settings) -> Store:
    """The store that the settings name.

    Raises:
        StoreError: It cannot be used.
    """
    chosen = settings.server.database
    if not chosen.migrate_on_start:
        _check_revision(open_database(chosen.sync_url(), synchronous=chosen.sqlite_synchronous))
    return Store.open(chosen.sync_url(), synchronous=chosen.sqlite_synchronous)


def _check_revision(database: Database) -> None:
    revision = revision_of(database)
    if revision is not None and revision != HEAD:
        raise StoreVersionError(
            f"The store {database.place} has schema {revision or 'none'}, this is Headrace {__version__}, which needs "
            f"schema {HEAD}; HEADRACE_SERVER_DATABASE_MIGRATE_ON_START is off. Run `headrace server database upgrade`."
        )


def url_of(listener: socket.socket, settings: Settings) -> str:
    """The API's URL as this machine reaches it."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{base_path(settings)}"


def page_url(api_url: str, settings: Settings) -> str | None:
    """Where the web page is, beside an API; None when it is not served."""
    api_base = base_path(settings)
    base = page_base(settings.server.ui, api_base)
    return None if base is None else f"{api_url.removesuffix(api_base)}{quote(base)}"


def run(
    store: Store,
    settings: Settings,
    listener: socket.socket,
    ready: Callable[[], object],
    *,
    duties: bool = True,
    goes_on: Callable[[], bool] = lambda: True,
    signals: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM),
) -> None:
    """Serve a store on a socket until a signal says to stop.

    Args:
        store: The store, open.
        settings: All settings.
        listener: A socket that listens.
        ready: Called as soon as requests are answered.
        duties: Whether this process does what servers do at intervals.
        goes_on: Asked every few seconds; the server stops when it says no.
        signals: What tells it to stop.
    """
    _allow_many_connections()
    _give_large_memory_back()
    config = _config(create_app(store, settings), settings)
    stop_duties = start(store, duties_of(settings.server.services) if duties else [])
    try:
        _Server(config, ready, goes_on, signals).run(sockets=[listener])
    finally:
        stop_duties()


def _config(app: Application, settings: Settings) -> uvicorn.Config:
    api = settings.server.api
    return uvicorn.Config(
        app,
        http=Connection,
        ws=ReceiptProtocol,
        ws_ping_interval=api.websocket_ping_interval,
        ws_ping_timeout=api.websocket_ping_timeout,
        ws_per_message_deflate=False,  # 300 kB for each connection
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=api.keepalive_timeout,  # type: ignore[arg-type]
        timeout_graceful_shutdown=GRACE,
        backlog=BACKLOG,
    )


def _give_large_memory_back() -> None:
    """Have large blocks of memory belong to the system again as soon as they are free.

    The C library does that until the first is freed, and from then on keeps what is as large, in each thread anew: after ten
    timelines of 100,000 task runs, of 13 MB each, a server had 300 MB more.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, LARGE)


def _allow_many_connections() -> None:
    """Let this process have as many files open as the system allows: each client takes one."""
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class _Server(uvicorn.Server):
    """uvicorn's server with our way of stopping.

    Args:
        config: What it serves, and how.
        ready: Called as soon as requests are answered.
        goes_on: Asked every few seconds; the server stops when it says no.
        signals: What tells it to stop.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Callable[[], object],
        goes_on: Callable[[], bool],
        signals: Sequence[signal.Signals],
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._goes_on = goes_on
        self._signals = signals

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets=sockets)
        gc.collect()
        gc.freeze()  # what was imported is there to stay: full collections need not look at it
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Do what is due; tells whether to stop."""
        if counter % TICKS_BETWEEN_LOOKS == 0:
            close_stalled(self.server_state.connections, asyncio.get_running_loop().time())
            self.should_exit = self.should_exit or not self._goes_on()
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on the first signal, end at once on the second."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {sig: signal.signal(sig, self._stop) for sig in self._signals}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)

    def _stop(self, sig: int, frame: FrameType | None) -> Any:
        if self.should_exit:
            # Nothing acknowledged is lost: the store survives the end of its process at any instant.
            os._exit(128 + sig)
        self.should_exit = True

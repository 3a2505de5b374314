"""Several server processes that share one socket.

A parent binds the socket and looks after the workers; the system hands each connection to one of them. They agree through
the database alone, as servers on different machines do. A worker that dies is replaced; one that cannot even start takes
the server down, for the next one would fare no better.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from headrace.api.serve import bind, open_store, run, url_of
from headrace.exceptions import StoreUnavailableError
from headrace.settings import Settings

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

__all__ = ["serve_with_workers"]

_log = logging.getLogger("headrace.api")


def serve_with_workers(
    settings: Settings,
    count: int,
    announce: Callable[[str], object],
    *,
    duties: bool = True,
    prepare: Callable[[Settings], object],
) -> None:
    """Serve with several processes until a signal says to stop.

    Args:
        settings: All settings.
        count: How many processes.
        announce: Called with the API's URL as soon as all of them answer.
        duties: Whether one of them does what servers do at intervals.
        prepare: Called first in each of them, as a log needs it; a function of a module.

    Raises:
        ConfigurationError: The address cannot be listened on.
        StoreError: The store cannot be used, or a worker could not start.
    """
    api = settings.server.api
    with bind(api.host, api.port) as listener:
        open_store(settings).close()  # one process brings it up to date, and says what is wrong with it
        crew = _Crew(settings, listener, count, duties, prepare)
        with crew.listening_to_signals():
            crew.work(lambda: announce(url_of(listener, settings)))


class _Crew:
    """The workers, as their parent sees them.

    Args:
        settings: All settings.
        listener: The socket that they share.
        count: How many there are.
        duties: Whether the first of them has duties.
        prepare: Called first in each of them.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        count: int,
        duties: bool,
        prepare: Callable[[Settings], object],
    ) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self._settings, self._listener, self._prepare = settings, listener, prepare
        self._duties = duties
        self._workers: dict[int, tuple[SpawnProcess, Connection]] = {}
        self._ready: set[int] = set()
        self._stopping = False
        for index in range(count):
            self._start(index)

    def work(self, all_ready: Callable[[], object]) -> None:
        """Look after the workers until they have ended.

        Args:
            all_ready: Called once, when each of them answers.
        """
        announced = False
        while self._workers:
            sentinels = {process.sentinel: index for index, (process, _) in self._workers.items()}
            unready = {pipe: index for index, (_, pipe) in self._workers.items() if index not in self._ready}
            happened = set(wait([*sentinels, *unready]))
            # What a worker has said comes before its end, which closes the pipe.
            self._ready.update(unready[pipe] for pipe in unready.keys() & happened if self._says_ready(pipe))
            for sentinel in sentinels.keys() & happened:
                self._ended(sentinels[sentinel])
            if not announced and len(self._ready) == len(self._workers) > 0:
                announced = True
                all_ready()

    @contextmanager
    def listening_to_signals(self) -> Iterator[None]:
        """Stop the workers on the first signal, end everything on the second."""
        before = {sig: signal.signal(sig, self._on_signal) for sig in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)
            for process, _ in self._workers.values():
                process.kill()
                process.join()

    def _start(self, index: int) -> None:
        ours, theirs = self._spawn.Pipe(duplex=False)
        process = self._spawn.Process(
            target=_work,
            args=(self._settings, self._listener, theirs, self._duties and index == 0, self._prepare),
            name=f"headrace-worker-{index}",
        )
        process.start()
        theirs.close()
        self._workers[index] = (process, ours)
        self._ready.discard(index)
        if self._stopping:  # since the process was started; the signal handler did not know it yet
            process.terminate()

    @staticmethod
    def _says_ready(pipe: Any) -> bool:
        try:
            return bool(pipe.recv())
        except EOFError:  # it died before; its sentinel says so, too
            return False

    def _ended(self, index: int) -> None:
        process, pipe = self._workers.pop(index)
        process.join()
        pipe.close()
        if self._stopping:
            return
        if index not in self._ready:
            raise StoreUnavailableError(
                f"A worker ended with code {process.exitcode} before it was ready; what it wrote says why. "
                "The server was stopped."
            )
        _log.error(
            "Worker %d ended unexpectedly with code %s; it is replaced.", process.pid, process.exitcode
        )
        self._start(index)

    def _on_signal(self, sig: int, frame: object) -> None:
        if self._stopping:
            self._tell_all(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
            os._exit(128 + sig)
        self._stopping = True
        self._tell_all(signal.SIGTERM)

    def _tell_all(self, sig: int) -> None:
        for process, _ in list(self._workers.values()):
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, sig)


def _work(
    settings: Settings,
    listener: socket.socket,
    pipe: Connection,
    duties: bool,
    prepare: Callable[[Settings], object],
) -> None:
    """What a worker does."""
    # Ctrl-C reaches all processes of a terminal; the parent tells its workers what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare(settings)
    parent = multiprocessing.parent_process()
    with open_store(settings) as store:
        run(
            store,
            settings,
            listener,
            lambda: pipe.send(True),
            duties=duties,
            goes_on=lambda: parent is None or parent.is_alive(),
            signals=(signal.SIGTERM,),
        )

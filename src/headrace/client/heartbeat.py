"""The heartbeat: the leases of the flow runs that this process executes, and the thread that renews them on the server.

A lease says who executes a run. Its token grows each time it is given, and goes with every proposal: the server refuses
what a process proposes that it has taken for dead in the meantime. A token is kept for that after its lease is lost.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from uuid import UUID

from headrace.client.link import Link, ServerAway
from headrace.client.local import HEARTBEAT_SECONDS, LEASE_SECONDS
from headrace.client.server import Server
from headrace.schema.base import encode
from headrace.schema.requests.states import LeaseBody
from headrace.store.processes import this_process

__all__ = ["LEASE_SECONDS", "Heartbeat"]

LOST = frozenset({404, 409, 410})
"""Statuses by which the server says that a lease is not held any more."""


class Heartbeat:
    """Holds leases.

    Args:
        server: The server that gives them.
        link: What is known of it.
    """

    def __init__(self, server: Server, link: Link) -> None:
        self._server = server
        self._link = link
        self._tokens: dict[UUID, int] = {}
        self._renewed: dict[UUID, float] = {}
        self._lost: set[UUID] = set()
        self._thread: threading.Thread | None = None
        self._closed = False

    def lease_of(self, run_id: UUID, *, wanted: bool = False) -> LeaseBody | None:
        """What a proposal says of the run's lease: its token; or who wants it, if `wanted`; None when there is none."""
        token = self._tokens.get(run_id)
        if token is not None:
            return LeaseBody(token=token)
        if not wanted:
            return None
        process = this_process()
        return LeaseBody(
            seconds=LEASE_SECONDS, host=process.host, pid=process.pid, pid_started=process.started
        )

    def is_overdue(self, run_id: UUID) -> bool:
        """Whether the lease of a run has not been renewed in time, so that the run may have been taken for dead."""
        renewed = self._renewed.get(run_id)
        return renewed is not None and self._link.time() - renewed > LEASE_SECONDS

    def begin(self, run_id: UUID, token: int) -> None:
        """Keep the lease of a run."""
        if run_id not in self._tokens:
            self._renewed[run_id] = self._link.time()
        self._tokens[run_id] = token
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="headrace-heartbeat", daemon=True)
            with suppress(RuntimeError):  # the interpreter is exiting, and will not need it long
                self._thread.start()

    def end(self, run_id: UUID) -> None:
        """The run has ended, and its lease with it."""
        self._tokens.pop(run_id, None)
        self._renewed.pop(run_id, None)
        self._lost.discard(run_id)

    def close(self) -> None:
        """Renew no more."""
        self._closed = True
        with self._link.changed:
            self._link.changed.notify_all()

    def start_over(self) -> None:
        """In the child of a fork: the runs under way are the parent's, and so is the thread that renews their leases."""
        self._tokens = {}
        self._renewed = {}
        self._lost = set()
        self._thread = None

    def _run(self) -> None:
        while not self._closed:
            self._await_beat()
            if not self._closed:
                self.renew()

    def _await_beat(self) -> None:
        """Wait until it is time; a server that comes back is to hear of this process before it takes its runs for dead."""
        link = self._link
        was_away = link.isaway
        with link.changed:
            link.changed.wait_for(
                lambda: self._closed or (was_away and not link.isaway),
                timeout=HEARTBEAT_SECONDS / 3 if was_away else HEARTBEAT_SECONDS,
            )

    def renew(self) -> None:
        """Renew all leases that are held."""
        for run_id, token in list(self._tokens.items()):
            if run_id in self._lost:
                continue
            since = self._link.time()
            body = encode(LeaseBody(token=token, seconds=LEASE_SECONDS))
            try:
                answer = self._server.post(f"/flow_runs/{run_id}/lease", body, hurried=True)
            except ServerAway as problem:
                self._link.failed(problem, since)
                return
            self._link.answered()
            if answer.isgood:
                self._renewed[run_id] = self._link.time()
            elif answer.status in LOST:
                self._lost.add(run_id)

"""Orchestration in-process: the verbs of the store on an embedded database, with no server.

This is a composition root: it opens the configured store, once per process and database. Flow runs that execute here
hold a lease each; a heartbeat on the store's writer thread renews them, so a process that dies is noticed by whoever
opens the store next.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import structs

from headrace.core.rules import is_repeated
from headrace.core.states import StateType
from headrace.schema.base import now
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State
from headrace.settings import get_current_settings

if TYPE_CHECKING:
    from headrace.store.connection import Connection
    from headrace.store.store import Store

LEASE_SECONDS = 60.0
"""How long a flow run counts as executing after its process was last heard of."""

HEARTBEAT_SECONDS = 15.0
"""Seconds between two renewals of the leases of this process."""


class LocalOrchestrator:
    """The verbs of orchestration, executed on an embedded store by its writer thread.

    Args:
        store: The store, open.
    """

    def __init__(self, store: Store) -> None:
        from headrace.store import flow_runs, flows, leases, reaping, task_runs
        from headrace.store.processes import this_process
        from headrace.store.records import record

        self._store = store
        self._flow_runs, self._flows, self._task_runs = flow_runs, flows, task_runs
        self._leases = leases
        self._record = record
        self._this_process = this_process
        self._held: dict[UUID, int] = {}
        self._renews = False
        store.submit(lambda conn: reaping.reap_dead_runs(conn, now=now()))

    @property
    def store(self) -> Store:
        """The store on which it works."""
        return self._store

    def create_flow_run(self, flow_name: str, run: FlowRun, tracker: TaskRun | None) -> Future[FlowRun]:
        """Record a new flow run and, for a subflow, its tracking task run; see `Orchestrator`."""

        def command(conn: Connection) -> FlowRun:
            at = now()
            flow = self._flows.read_or_create_flow(conn, flow_name, now=at)
            if tracker is not None:
                self._task_runs.create_task_run(conn, tracker, now=at)
            created: FlowRun = self._flow_runs.create_flow_run(
                conn, structs.replace(run, flow_id=flow.id), now=at
            )
            return created

        return self._store.submit(command)

    def set_flow_run_state(
        self, run_id: UUID, state: State[Any], force: bool = False
    ) -> Future[OrchestrationResult]:
        """Propose a state; entering Running takes the run's lease, leaving it gives the lease back."""

        proposed = now()
        self._keep_renewing()

        def command(conn: Connection) -> tuple[OrchestrationResult, int | None]:
            token, taken = self._held.get(run_id), None
            if token is None and state.type is StateType.RUNNING:
                taken = self._leases.acquire_lease(
                    conn, run_id, self._this_process(), seconds=LEASE_SECONDS, now=proposed
                )
                token = taken or self._leases.NO_TOKEN  # somebody else executes the run
            result = self._flow_runs.set_flow_run_state(
                conn, run_id, state, force=force, token=token, now=now()
            )
            if taken and (result.state is None or result.state.type is not StateType.RUNNING):
                self._leases.release_lease(conn, run_id, taken)
                token = None
            return result, token

        outcome: Future[OrchestrationResult] = Future()

        def settle(done: Future[tuple[OrchestrationResult, int | None]]) -> None:
            error = done.exception()
            if error is not None:
                outcome.set_exception(error)
                return
            result, token = done.result()
            if result.state is not None and self._flow_runs.frees_lease(result.state):
                self._held.pop(run_id, None)
            elif token is not None and (
                result.status is OrchestrationStatus.ACCEPT or is_repeated(result.state, state)
            ):
                self._held[run_id] = token
            outcome.set_result(result)

        self._store.submit(command).add_done_callback(settle)
        return outcome

    def record(self, take: Callable[[], list[Any]]) -> Future[None]:
        """Write what `take` returns when its turn has come."""
        return self._store.submit(lambda conn: self._record(conn, take()))

    def delivered(self, hurried: bool = False) -> Future[None]:
        """Resolved: what is kept here is where it belongs."""
        return _DONE

    def read_task_run_state(self, run_id: UUID) -> Future[State[Any] | None]:
        """The state that was last recorded of a task run."""
        from headrace.store.states import read_states

        def query(conn: Connection) -> State[Any] | None:
            history = read_states(conn, run_id)
            return history[-1] if history else None

        return self._store.submit(query)

    def start_over(self) -> None:
        """In the child of a fork: the runs under way are the parent's, and so is the thread that renews their leases."""
        self._held = {}
        self._renews = False

    def _keep_renewing(self) -> None:
        if not self._renews:
            self._renews = True
            self._store.every(HEARTBEAT_SECONDS, self._renew)

    def _renew(self, conn: Connection) -> None:
        held = dict(self._held)
        if held:
            for lost in self._leases.renew_leases(conn, held, seconds=LEASE_SECONDS, now=now()):
                self._held.pop(lost, None)


before_closing: list[Callable[[Store], None]] = []
"""Called with each store before it is closed: what lives on it ends first."""

_DONE: Future[None] = Future()
_DONE.set_result(None)

_orchestrators: dict[str, LocalOrchestrator] = {}
_opening = threading.RLock()


def _start_over() -> None:
    for orchestrator in _orchestrators.values():
        orchestrator.start_over()
    _opening.release()


if hasattr(os, "register_at_fork"):
    # A child forked amid an opening would wait for ever: for this lock, or for one of a module half imported.
    os.register_at_fork(before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_start_over)


def get_orchestrator() -> LocalOrchestrator:
    """The orchestrator on the configured database, opened on first use.

    Raises:
        StoreError: The database cannot be used; the message says why and what to do.
    """
    database = get_current_settings().server.database
    url = database.sync_url()
    orchestrator = _orchestrators.get(url)
    if orchestrator is None:
        with _opening:
            orchestrator = _orchestrators.get(url)
            if orchestrator is None:
                from headrace.store.store import Store

                orchestrator = _orchestrators[url] = LocalOrchestrator(
                    Store.open(url, synchronous=database.sqlite_synchronous)
                )
    return orchestrator


def get_store() -> Store:
    """The store on the configured database, opened on first use.

    Raises:
        StoreError: The database cannot be used; the message says why and what to do.
    """
    return get_orchestrator().store


def close_orchestrators() -> None:
    """Write what is waiting and close every store that this process opened; the next use opens them again."""
    with _opening:
        while _orchestrators:
            _, orchestrator = _orchestrators.popitem()
            for end in before_closing:
                end(orchestrator.store)
            orchestrator.store.close()

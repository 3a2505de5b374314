"""Orchestration by a server, over HTTP.

What runs record goes through an outbox on disk (`client.outbox`) and is sent by a thread of its own; proposals are asked
of the server, and their answers waited for. While the server is away:

    a flow run begins         it waits for the server, and ends with an error when that stays away
    its tasks run             they go on; what they record is on disk
    it is tried again, ends   once all that it recorded is acknowledged. When the server stays away, this process decides
                              by itself (`client.alone`) and the verdict goes to the outbox, behind those records

A run waits for the server for `client.patience_seconds` from when it was last heard of (`client.link`). What is in the
outbox when the process ends is sent by the next one with the same home folder.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from headrace.client.bodies import encoded, flow_run_body, state_body, task_run_body
from headrace.client.crew import Crew
from headrace.client.delivery import CREDENTIALS, Delivery, Proposal
from headrace.client.heartbeat import Heartbeat
from headrace.client.intake import Intake
from headrace.client.link import BRIEF_PATIENCE, Link, ServerAway
from headrace.client.outbox import PROPOSAL, Outbox
from headrace.client.sender import FIRST_PAUSE, MAX_PAUSE, Sender
from headrace.client.server import REFUSED, Answer, Server
from headrace.core.ids import uuid7
from headrace.core.states import TERMINAL_STATES, StateType
from headrace.exceptions import (
    ObjectNotFound,
    RequestRefusedError,
    ServerUnavailableError,
    StoreUnavailableError,
)
from headrace.schema.base import now
from headrace.schema.flows import Flow
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.requests.flows import FlowCreate
from headrace.schema.requests.states import SetStateBody
from headrace.schema.responses import LeasedSetStateResponse
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State
from headrace.settings import Settings, get_current_settings

__all__ = ["HttpOrchestrator", "close_http_orchestrators", "get_http_orchestrator"]

CALLERS = 16
"""Proposals that are under way at a time."""

OTHER_SERVER = " Is it a server of Headrace? Prefect's own does not take the runs of Headrace."

EXPECTED_URL = "HEADRACE_API_URL is to be the URL of an API, as http://HOST:4200/api."

T = TypeVar("T")

_log = logging.getLogger("headrace.client")


class HttpOrchestrator:
    """The verbs of orchestration, asked of a server; see `Orchestrator`.

    Args:
        settings: The settings whose `api`, `client` and `home` are used.

    Raises:
        ConfigurationError: `api.url` is no URL of HTTP.
    """

    def __init__(self, settings: Settings) -> None:
        self._server = Server(settings)
        url = self._server.url
        folder = settings.home / "outbox"
        self._link = Link(url, settings.client.patience_seconds)
        self._outbox = Outbox(folder, url)
        self._delivery = Delivery(self._server, folder / f"{uuid7().hex}.refused.jsonl")
        self._sender = Sender(self._outbox, folder, self._delivery, self._link)
        self._intake = Intake(self._outbox, self._sender, self._link)
        self._crew = Crew(CALLERS)
        self._heartbeat = Heartbeat(self._server, self._link)
        self._flow_ids: dict[str, UUID] = {}
        self._runs: dict[UUID, FlowRun] = {}
        self._decided_alone: set[UUID] = set()
        self._closed = False
        atexit.register(self.close)
        self._sender.adopt()

    # --- the verbs --------------------------------------------------------------------------------------------

    def create_flow_run(self, flow_name: str, run: FlowRun, tracker: TaskRun | None) -> Future[FlowRun]:
        """Record a new flow run and, for a subflow, its tracking task run; see `Orchestrator`."""
        return self._submit(lambda: self._create(flow_name, run, tracker))

    def set_flow_run_state(
        self, run_id: UUID, state: State[Any], force: bool = False
    ) -> Future[OrchestrationResult]:
        """Propose a state; entering Running takes the run's lease, leaving it gives the lease back."""
        return self._submit(lambda: self._propose(run_id, state, force))

    def record(self, take: Callable[[], list[Any]]) -> Future[None]:
        """Keep what `take` returns; the future resolves when it is on disk, or acknowledged where that fails."""
        self._check()
        return self._intake.record(take)

    def delivered(self, hurried: bool = False) -> Future[None]:
        """Resolves when the server has acknowledged all that was kept, or is waited for no longer."""
        if not self._sender.isbusy:
            return _DONE
        patience = BRIEF_PATIENCE if hurried else self._link.patience

        def wait() -> None:
            self._wait(patience)

        return self._submit(wait)

    def read_task_run_state(self, run_id: UUID) -> Future[State[Any] | None]:
        """The state that was last recorded of a task run, by whatever process."""
        return self._submit(lambda: self._read_task_run_state(run_id))

    def close(self) -> None:
        """Have acknowledged what was recorded, as far as the server is there; say what is left. May be called again."""
        atexit.unregister(self.close)
        if self._closed:
            return
        self._closed = True
        try:
            self._intake.close()
            self._sender.adopt()
            self._sender.wait(self._link.patience, leaving=True)
        except KeyboardInterrupt:
            self._link.give_up()
        self._report(self._sender.waiting)
        self._heartbeat.close()
        self._crew.close()
        self._sender.close()
        self._outbox.close()
        self._server.close()

    def start_over(self) -> None:
        """In the child of a fork: the runs under way, what waits and the threads are the parent's."""
        self._link.start_over()
        self._outbox.start_over()
        self._sender.start_over()
        self._intake.start_over()
        self._crew.start_over()
        self._heartbeat.start_over()
        self._runs = {}
        self._decided_alone = set()

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        self._check()
        return self._crew.submit(work)

    def _check(self) -> None:
        if self._closed:
            raise ServerUnavailableError(
                f"The connection to the server at {self._server.url} is closed, as this process is ending: nothing can be "
                "reported to it any more."
            )

    # --- flow runs --------------------------------------------------------------------------------------------

    def _create(self, flow_name: str, run: FlowRun, tracker: TaskRun | None) -> FlowRun:
        if tracker is not None:
            self._ask("/task_runs/", task_run_body(tracker), TaskRun)
        flow_id = self._flow_ids.get(flow_name)
        if flow_id is not None:
            # A server whose database was replaced meanwhile does not know the flow any more: then it is made again.
            with suppress(RequestRefusedError):
                return self._keep_in_mind(self._ask("/flow_runs/", flow_run_body(run, flow_id), FlowRun))
        flow_id = self._flow_ids[flow_name] = self._ask("/flows/", FlowCreate(name=flow_name), Flow).id
        return self._keep_in_mind(self._ask("/flow_runs/", flow_run_body(run, flow_id), FlowRun))

    def _keep_in_mind(self, run: FlowRun) -> FlowRun:
        self._runs[run.id] = run
        return run

    def _propose(self, run_id: UUID, state: State[Any], force: bool) -> OrchestrationResult:
        patience = BRIEF_PATIENCE if state.type is StateType.CRASHED else self._link.patience
        follows_others = state.type in TERMINAL_STATES or run_id in self._decided_alone
        if follows_others and not self._wait(patience):
            return self._decide_alone(run_id, state, force)
        lease = self._heartbeat.lease_of(run_id, wanted=state.type is StateType.RUNNING)
        late = self._heartbeat.is_overdue(run_id)
        body = SetStateBody(state=state_body(state), force=force, lease=lease, late=late)
        try:
            answer = self._ask(f"/flow_runs/{run_id}/set_state", body, LeasedSetStateResponse, patience)
        except ServerUnavailableError:
            return self._decide_alone(run_id, state, force)
        return self._settle(run_id, self._result(run_id, answer), answer.token)

    def _result(self, run_id: UUID, answer: LeasedSetStateResponse) -> OrchestrationResult:
        details: Any = answer.details
        return OrchestrationResult(
            status=answer.status,
            state=answer.state,
            run=answer.run or self._read(f"/flow_runs/{run_id}", FlowRun),
            reason=getattr(details, "reason", None),
            delay_seconds=getattr(details, "delay_seconds", None),
        )

    def _decide_alone(self, run_id: UUID, state: State[Any], force: bool) -> OrchestrationResult:
        """Decide without the server, and leave it in the outbox what was decided.

        Raises:
            ServerUnavailableError: The run has not begun, so there is nothing that could go on.
        """
        from headrace.client.alone import decide_alone

        run = self._runs.get(run_id)
        lease = self._heartbeat.lease_of(run_id)
        if run is None or (lease is None and state.type not in TERMINAL_STATES):
            raise self._unavailable()
        result, forced = decide_alone(run, state, force=force, now=now())
        if result.state is not run.state and result.state is not None:
            entered = state_body(result.state)
            body = SetStateBody(state=entered, force=forced, lease=lease, late=True)
            self._keep(Proposal(run_id, msgspec.Raw(encoded(body))))
            self._decided_alone.add(run_id)
        return self._settle(run_id, result, None)

    def _keep(self, proposal: Proposal) -> None:
        try:
            self._outbox.append(PROPOSAL, 1, encoded(proposal))
        except OSError as problem:
            raise StoreUnavailableError(
                f"How the flow run {proposal.run_id} ended cannot be kept: the outbox {self._outbox.folder} cannot be written "
                f"({problem}), and the server at {self._server.url} is away ({self._link.reason})."
            ) from problem
        self._sender.wake()

    def _settle(self, run_id: UUID, result: OrchestrationResult, token: int | None) -> OrchestrationResult:
        """Keep in mind how the run is now."""
        if result.state is not None and result.state.type in TERMINAL_STATES:
            self._runs.pop(run_id, None)
            self._heartbeat.end(run_id)
        else:
            if isinstance(result.run, FlowRun):
                self._runs[run_id] = result.run
            if token is not None and result.status is not OrchestrationStatus.ABORT:
                self._heartbeat.begin(run_id, token)
        return result

    def _wait(self, patience: float) -> bool:
        if not self._sender.wait(patience):
            return False
        self._decided_alone.clear()
        return True

    # --- task runs --------------------------------------------------------------------------------------------

    def _read_task_run_state(self, run_id: UUID) -> State[Any] | None:
        self._sender.adopt()  # the process that executed it is gone, and may have left records
        self._sender.wait(BRIEF_PATIENCE, leaving=True)
        try:
            return self._read(f"/task_runs/{run_id}", TaskRun).state
        except (ObjectNotFound, ServerUnavailableError):
            return None

    # --- requests ---------------------------------------------------------------------------------------------

    def _ask(self, path: str, body: msgspec.Struct, kind: type[T], patience: float | None = None) -> T:
        content = encoded(body)
        hurried = patience == BRIEF_PATIENCE
        answer = self._attempt(lambda: self._server.post(path, content, hurried=hurried), patience)
        return self._decoded(path, answer, kind)

    def _read(self, path: str, kind: type[T]) -> T:
        return self._decoded(path, self._attempt(lambda: self._server.get(path), BRIEF_PATIENCE), kind)

    def _attempt(self, request: Callable[[], Answer], patience: float | None) -> Answer:
        """The answer to a request that may be made again, as often as the server is worth waiting for."""
        waiting_since = self._link.time()
        pause = FIRST_PAUSE
        while True:
            since = self._link.time()
            try:
                return self._checked(request())
            except ServerAway as problem:
                self._link.failed(problem, since)
                left = self._link.patience_left(
                    waiting_since, self._link.patience if patience is None else patience
                )
                if not left:
                    self._link.give_up()
                    raise self._unavailable() from problem
                self._link.await_change(min(left, problem.retry_after or pause))
                pause = min(2 * pause, MAX_PAUSE)

    def _checked(self, answer: Answer) -> Answer:
        if answer.status in REFUSED:
            refused = f"it refuses the credentials ({answer.problem}): {CREDENTIALS}"
            if self._link.isknown:
                raise ServerAway(refused)
            raise ServerUnavailableError(f"The server at {self._server.url} cannot be used: {refused}.")
        self._link.answered()
        return answer

    def _decoded(self, path: str, answer: Answer, kind: type[T]) -> T:
        url = self._server.url
        if answer.status == 404:
            raise ObjectNotFound(f"The server at {url} has no {path}: {answer.problem}. {EXPECTED_URL}")
        if not answer.isgood:
            hint = OTHER_SERVER if answer.status == 422 else ""
            raise RequestRefusedError(f"The server at {url} refuses {path}: {answer.problem}.{hint}")
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except msgspec.MsgspecError as problem:
            raise RequestRefusedError(
                f"What answers at {url} is no API that runs can be reported to ({path}: {problem}). {EXPECTED_URL}"
            ) from problem

    def _unavailable(self) -> ServerUnavailableError:
        return ServerUnavailableError(
            f"The server at {self._server.url} is away: {self._link.reason}. Start it, set HEADRACE_API_URL to one that "
            "runs, or leave that unset to record to the embedded store."
        )

    def _report(self, waiting: Sequence[Outbox]) -> None:
        """Say what could not be delivered."""
        if not waiting:
            return
        _log.warning(
            "%d record(s) could not be delivered to the server at %s: %s. They are kept in %s, and sent by the next process "
            "that has this home folder and reports to this server.",
            sum(box.records for box in waiting),
            self._server.url,
            self._link.reason,
            ", ".join(str(path) for box in waiting for path in box.paths),
        )


_DONE: Future[None] = Future()
_DONE.set_result(None)


# --- One per server and home folder ----------------------------------------------------------------------------

_orchestrators: dict[tuple[str, Path], HttpOrchestrator] = {}
_opening = threading.RLock()


def _start_over() -> None:
    for orchestrator in _orchestrators.values():
        orchestrator.start_over()
    _opening.release()


if hasattr(os, "register_at_fork"):
    # A child forked amid an opening would wait for ever: for this lock, or for one of a module half imported.
    os.register_at_fork(before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_start_over)


def get_http_orchestrator() -> HttpOrchestrator:
    """The orchestrator on the configured server, made on first use.

    Raises:
        ConfigurationError: `api.url` is no URL of HTTP.
    """
    settings = get_current_settings()
    key = settings.api.url or "", settings.home
    orchestrator = _orchestrators.get(key)
    if orchestrator is None:
        with _opening:
            orchestrator = _orchestrators.get(key)
            if orchestrator is None:
                orchestrator = _orchestrators[key] = HttpOrchestrator(settings)
    return orchestrator


def close_http_orchestrators() -> None:
    """Close every orchestrator that this process made, as its exit does; the next use makes them again."""
    with _opening:
        while _orchestrators:
            _, orchestrator = _orchestrators.popitem()
            orchestrator.close()

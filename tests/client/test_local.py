"""Orchestration in-process: who executes a run, and what becomes of answers that get lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.client import local
from headrace.client.local import LocalOrchestrator
from headrace.core import failpoint
from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.schema.base import now
from headrace.schema.runs import FlowRun
from headrace.schema.states import State, StateDetails
from headrace.store import states
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

PENDING, RUNNING, COMPLETED = StateType.PENDING, StateType.RUNNING, StateType.COMPLETED
PAUSED = StateType.PAUSED


@pytest.fixture(params=["file", "postgres"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens one and the same store again and again; its history is checked in the end."""
    target = (
        request.getfixturevalue("postgres_url") if request.param == "postgres" else tmp_path / "headrace.db"
    )
    opened: list[Store] = []

    def open_store() -> Store:
        opened.append(Store.open(target))
        return opened[-1]

    yield open_store
    assert_history(open_store())
    for store in opened:
        store.close()


@pytest.fixture
def orchestrator(open_store: Callable[[], Store]) -> LocalOrchestrator:
    return LocalOrchestrator(open_store())


def proposal(kind: StateType, **details: Any) -> State[Any]:
    return State(type=kind, state_details=StateDetails(transition_id=uuid7(), **details))


def create(orchestrator: LocalOrchestrator) -> FlowRun:
    run = FlowRun(flow_id=uuid7(), deployment_id=uuid7(), state=State(type=PENDING))
    return orchestrator.create_flow_run("f", run, None).result()


def propose(orchestrator: LocalOrchestrator, run: FlowRun, state: State[Any]) -> str:
    return orchestrator.set_flow_run_state(run.id, state).result().status.value


def test_a_run_that_another_executes_is_refused_until_that_one_has_ended_it(
    orchestrator: LocalOrchestrator, open_store: Callable[[], Store]
) -> None:
    other = LocalOrchestrator(open_store())
    run = create(orchestrator)
    assert propose(orchestrator, run, proposal(RUNNING)) == "ACCEPT"
    assert propose(other, run, proposal(RUNNING)) == "ABORT"
    assert propose(orchestrator, run, proposal(COMPLETED)) == "ACCEPT"
    assert propose(other, run, proposal(RUNNING)) == "ACCEPT"
    assert propose(orchestrator, run, proposal(RUNNING)) == "ABORT"
    assert propose(other, run, proposal(COMPLETED)) == "ACCEPT"


def test_a_run_that_was_suspended_can_be_resumed_by_any_process(
    orchestrator: LocalOrchestrator, open_store: Callable[[], Store]
) -> None:
    other = LocalOrchestrator(open_store())
    run = create(orchestrator)
    assert propose(orchestrator, run, proposal(RUNNING)) == "ACCEPT"
    suspended = proposal(PAUSED, pause_reschedule=True, pause_key="1")
    assert propose(orchestrator, run, suspended) == "ACCEPT"
    for step in (StateType.SCHEDULED, PENDING, RUNNING, COMPLETED):
        assert propose(other, run, proposal(step)) == "ACCEPT"
    assert propose(orchestrator, run, proposal(RUNNING)) == "ACCEPT"
    assert propose(orchestrator, run, proposal(COMPLETED)) == "ACCEPT"


def test_the_lease_of_a_run_is_renewed_although_the_answer_to_its_start_was_lost(
    orchestrator: LocalOrchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "HEARTBEAT_SECONDS", 0.001)
    store, run = orchestrator.store, create(orchestrator)
    go, armed = threading.Event(), threading.Event()

    def lose_the_answer(conn: Any) -> None:
        if not armed.is_set():
            armed.set()
            failpoint.arm("ledger.after_commit=nth:1:raise")

    held_up = store.submit(lambda conn: go.wait())
    start = orchestrator.set_flow_run_state(run.id, proposal(RUNNING))
    companion = store.submit(lose_the_answer)  # a batch of two is repeated one by one
    go.set()
    try:
        for future in (held_up, start, companion):
            future.result()
        assert failpoint.fired("ledger.after_commit") == 1
    finally:
        failpoint.disarm()
    assert start.result().state.type is RUNNING  # type: ignore[union-attr]

    def expiry(conn: Any) -> int:
        value: int = conn.value("SELECT expires FROM lease WHERE run_id = :run", run=run.id)
        return value

    first = store.write(expiry)
    while store.write(expiry) == first:
        pass
    assert propose(orchestrator, run, proposal(COMPLETED)) == "ACCEPT"
    history = store.read(lambda conn: states.read_states(conn, run.id))
    assert [state.type for state in history] == [PENDING, RUNNING, COMPLETED]


def test_a_store_that_is_opened_ends_the_runs_of_processes_that_are_gone(
    orchestrator: LocalOrchestrator, open_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create(orchestrator)
    propose(orchestrator, run, proposal(RUNNING))
    orchestrator.store.write(
        lambda conn: conn.execute(
            "UPDATE lease SET host = 'elsewhere', expires = :past", past=now() - timedelta(1)
        )
    )
    LocalOrchestrator(open_store()).store.close()
    assert propose(orchestrator, run, proposal(COMPLETED)) == "ABORT"

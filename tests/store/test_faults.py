"""The n-th statement fails, for n = 1, 2, 3 ... until none does: whoever asked is told, and nothing is half-written."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from itertools import count

import pytest

from headrace.core.states import StateType
from headrace.exceptions import StoreUnavailableError
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State
from headrace.store import flow_runs, flows, leases, states, task_runs
from headrace.store import sqlite as sqlite_module
from headrace.store.processes import this_process
from headrace.store.records import record
from headrace.store.store import Store
from headrace.testing.invariants import assert_history


class Disk:
    """A disk that fails once, at the n-th statement after it is told to."""

    def __init__(self):
        self.fails_at = 0
        self.fired = 0

    def touch(self):
        if self.fails_at:
            self.fails_at -= 1
            if not self.fails_at:
                self.fired += 1
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR
                raise error


@pytest.fixture
def disk(monkeypatch):
    disk = Disk()

    class Cursor(sqlite3.Cursor):
        def execute(self, *args):
            disk.touch()
            return super().execute(*args)

        def executemany(self, *args):
            disk.touch()
            return super().executemany(*args)

    class Connection(sqlite3.Connection):
        def cursor(self, factory=Cursor):
            return super().cursor(factory)

        def execute(self, *args):
            return self.cursor().execute(*args)

        def commit(self):
            disk.touch()
            super().commit()

    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite_module.sqlite3, "connect", lambda *args, **kw: connect(*args, factory=Connection, **kw)
    )
    return disk


class Story:
    """The writes of one flow run with one task run."""

    def __init__(self, flow_id, clock, life):
        pending, running, completed = (
            State(type=kind, timestamp=clock.tick(5))
            for kind in (StateType.PENDING, StateType.RUNNING, StateType.COMPLETED)
        )
        for state in (running, completed):
            state.state_details.transition_id = state.id
        self.run = run = FlowRun(flow_id=flow_id, state=pending)
        self.task = TaskRun(task_key="t", dynamic_key="0", flow_run_id=run.id)
        steps = life(self.task, start=running.timestamp)
        now = clock.now
        self.commands = [
            lambda conn: flow_runs.create_flow_run(conn, run, now=now),
            lambda conn: leases.acquire_lease(conn, run.id, this_process(), seconds=60, now=now),
            lambda conn: flow_runs.set_flow_run_state(conn, run.id, running, now=now),
            lambda conn: record(conn, steps[:2]),
            lambda conn: record(conn, steps[1:]),
            lambda conn: flow_runs.set_flow_run_state(conn, run.id, completed, now=now),
        ]

    def check(self, conn):
        history = states.read_states(conn, self.run.id)
        assert [state.type.value for state in history] == ["PENDING", "RUNNING", "COMPLETED"]
        assert task_runs.read_task_run(conn, self.task.id).state.is_completed()
        assert len(states.read_states(conn, self.task.id)) == 3


@pytest.mark.parametrize("at_once", [True, False])
def test_a_run_survives_the_failure_of_any_statement(tmp_path, disk, clock, life, at_once):
    """Every write is tried until it succeeds; the history must come out the same."""
    told = 0
    with Store.open(tmp_path / "s.db") as store:
        flow = store.write(lambda conn: flows.read_or_create_flow(conn, "f", now=clock.now))
        for n in count(1):
            story, before = Story(flow.id, clock, life), disk.fired
            disk.fails_at = n
            told += (all_at_once if at_once else one_by_one)(store, story.commands)
            disk.fails_at = 0
            store.read(story.check)
            if disk.fired == before:
                break
        assert_history(store)
    assert n > 20
    assert at_once or told == n - 1


def persist(store, command):
    failures = 0
    while True:
        try:
            return store.write(command), failures
        except StoreUnavailableError:
            failures += 1


def one_by_one(store, commands):
    return sum(persist(store, command)[1] for command in commands)


def all_at_once(store, commands):
    """Submit everything; what fails is submitted again, in order."""
    failures = 0
    futures = [store.submit(command) for command in commands]
    for command, future in zip(commands, futures, strict=True):
        if future.exception() is not None:
            failures += 1 + persist(store, command)[1]
    return failures


def test_a_read_that_fails_says_so_and_the_next_one_succeeds(tmp_path, disk):
    with Store.open(tmp_path / "s.db") as store:
        store.read(flows.read_flows)
        for n in (1, 2):
            disk.fails_at = n
            with pytest.raises(StoreUnavailableError, match=r"s\.db"):
                store.read(flows.read_flows)
            assert store.read(flows.read_flows) == []


def test_opening_survives_the_failure_of_any_statement(tmp_path, disk):
    for n in count(1):
        path = tmp_path / f"{n}.db"
        disk.fails_at, before = n, disk.fired
        with suppress(StoreUnavailableError):
            Store.open(path).close()
        disk.fails_at = 0
        with Store.open(path) as store:
            assert store.read(flows.read_flows) == []
        if disk.fired == before:
            break
    assert n > 15

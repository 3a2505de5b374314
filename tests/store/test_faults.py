"""The n-th statement fails, for n = 1, 2, 3 ... until none does: whoever asked is told, and nothing is half-written."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
from contextlib import suppress
from itertools import count

import psycopg
import pytest

from headrace.client.local import LocalOrchestrator
from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.exceptions import StoreUnavailableError
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State
from headrace.store import states, task_runs
from headrace.store.lists.flows import read_flows
from headrace.store.store import Store
from headrace.testing.invariants import assert_history


class Fault:
    """Something that goes wrong once, at the n-th statement after it is told to."""

    is_told = True
    """Whether the store cannot help it and says so."""

    def __init__(self):
        self.fails_at = 0
        self.fired = 0

    def is_due(self):
        if not self.fails_at:
            return False
        self.fails_at -= 1
        self.fired += not self.fails_at
        return not self.fails_at


class FailingDisk(Fault):
    """The disk under an SQLite file."""

    def install(self, monkeypatch):
        fault = self

        class Cursor(sqlite3.Cursor):
            def execute(self, *args):
                if fault.is_due():
                    error = sqlite3.OperationalError("disk I/O error")
                    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
                    raise error
                return super().execute(*args)

        class Connection(sqlite3.Connection):
            def cursor(self, factory=Cursor):
                return super().cursor(factory)

            def execute(self, *args):
                return self.cursor().execute(*args)

        connect = sqlite3.connect
        monkeypatch.setattr(sqlite3, "connect", lambda *args, **kw: connect(*args, factory=Connection, **kw))


class PostgresFault(Fault):
    """A server of PostgreSQL, or the way to it."""

    def install(self, monkeypatch):
        fault = self

        class Connection(psycopg.Connection):
            def execute(self, *args, **options):
                if not fault.is_due():
                    return super().execute(*args, **options)
                return fault.strike(self, lambda: psycopg.Connection.execute(self, *args, **options))

        monkeypatch.setattr(psycopg, "connect", Connection.connect)


class FullDisk(PostgresFault):
    """The server has no room for what a statement writes."""

    def strike(self, connection, execute):
        return psycopg.Connection.execute(
            connection, "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'no room'; END $$"
        )


class CutConnection(PostgresFault):
    """The connection is cut before the statement reaches the server."""

    is_told = False

    def strike(self, connection, execute):
        with socket.socket(fileno=os.dup(connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
        return execute()


class LostAnswer(PostgresFault):
    """The connection is cut when the server has carried out the statement, and before it has said so."""

    is_told = False

    def strike(self, connection, execute):
        execute()
        connection.pgconn.finish()
        raise psycopg.OperationalError("the connection is lost")


@pytest.fixture(params=[FailingDisk, FullDisk, CutConnection, LostAnswer], ids=lambda kind: kind.__name__)
def fault(request):
    return request.param()


@pytest.fixture
def faulty(request, fault, tmp_path, monkeypatch):
    """Makes URLs of empty places for stores that the fault is about: files, or schemas of one database."""
    numbers = count()
    if isinstance(fault, FailingDisk):
        fault.install(monkeypatch)
        return lambda: str(tmp_path / f"{next(numbers)}.db")
    url = request.getfixturevalue("postgres_url")

    def make():
        schema = f"store_{next(numbers)}"
        with psycopg.Connection.connect(url) as conn:
            conn.execute(f"CREATE SCHEMA {schema}")
        return f"{url}?options=-c%20search_path%3D{schema}"

    fault.install(monkeypatch)
    return make


class Story:
    """The life of a flow run with one task run, step by step."""

    def __init__(self, orchestrator, clock, life):
        pending, running, completed = (
            State(type=kind, timestamp=clock.tick(5))
            for kind in (StateType.PENDING, StateType.RUNNING, StateType.COMPLETED)
        )
        for state in (running, completed):
            state.state_details.transition_id = state.id
        self.run = run = FlowRun(flow_id=uuid7(), state=pending)
        self.task = TaskRun(task_key="t", dynamic_key="0", flow_run_id=run.id)
        records = life(self.task, start=running.timestamp)
        self.steps = [
            lambda: orchestrator.create_flow_run("f", run, None),
            lambda: orchestrator.set_flow_run_state(run.id, running),
            lambda: orchestrator.record(lambda: records[:2]),
            lambda: orchestrator.record(lambda: records[1:]),
            lambda: orchestrator.set_flow_run_state(run.id, completed),
        ]

    def check(self, conn):
        history = states.read_states(conn, self.run.id)
        assert [state.type.value for state in history] == ["PENDING", "RUNNING", "COMPLETED"]
        assert task_runs.read_task_run(conn, self.task.id).state.is_completed()
        assert len(states.read_states(conn, self.task.id)) == 3


@pytest.mark.parametrize("runs", [1, 3])
def test_runs_survive_the_failure_of_any_statement(faulty, fault, clock, life, runs):
    """Each step is tried until it succeeds, those of several runs at once; the histories must come out the same."""
    with Store.open(faulty()) as store:
        orchestrator = LocalOrchestrator(store)
        store.write(
            lambda conn: None
        )  # what it does first, to look for dead runs, is not part of the stories
        for n in count(1):
            stories, before = [Story(orchestrator, clock, life) for _ in range(runs)], fault.fired
            fault.fails_at = n
            told = 0
            for steps in zip(*(story.steps for story in stories), strict=True):
                told += failures_until_all_succeed(steps)
            fault.fails_at = 0
            for story in stories:
                store.read(story.check)
            if fault.fired == before:
                break
            if not fault.is_told:
                assert told == 0
            elif runs == 1:
                assert told == 1
        assert_history(store)
    assert n > 10


def failures_until_all_succeed(steps):
    failures = 0
    while steps:
        futures = [step() for step in steps]
        steps = [step for step, future in zip(steps, futures, strict=True) if future.exception() is not None]
        assert all(isinstance(future.exception(), StoreUnavailableError | None) for future in futures)
        failures += len(steps)
    return failures


def test_a_read_that_fails_says_so_or_is_repeated(faulty, fault):
    with Store.open(faulty()) as store:
        store.read(read_flows)
        for n in (1, 2):
            fault.fails_at = n
            if fault.is_told:
                with pytest.raises(StoreUnavailableError, match=re.escape(store.place)):
                    store.read(read_flows)
            assert store.read(read_flows) == []
        assert fault.fired == 2


def test_opening_survives_the_failure_of_any_statement(faulty, fault):
    for n in count(1):
        target = faulty()
        fault.fails_at, before = n, fault.fired
        with suppress(StoreUnavailableError):
            Store.open(target).close()
        fault.fails_at = 0
        with Store.open(target) as store:
            assert store.read(read_flows) == []
        if fault.fired == before:
            break
    assert n > 10

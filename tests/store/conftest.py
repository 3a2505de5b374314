"""What the store's tests share: stores, runs to put into them, and child processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.core.states import StateType
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State
from headrace.schema.transitions import TaskTransition
from headrace.store import flow_runs, flows
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = START

    def tick(self, seconds: float = 1.0) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["file", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What opens an empty store that several processes can share: a file, and a database of PostgreSQL."""
    if request.param == "file":
        return str(tmp_path / "headrace.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=["memory", "file", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store in memory, one in a file, and one on PostgreSQL; its history is checked afterwards."""
    if request.param == "postgres":
        place = request.getfixturevalue("postgres_url")
    else:
        place = "sqlite://" if request.param == "memory" else tmp_path / "headrace.db"
    with Store.open(place) as opened:
        yield opened
        assert_history(opened)


@pytest.fixture
def make_flow_run(store: Store, clock: Clock) -> Callable[..., FlowRun]:
    """Stores a flow run, in the states that are given."""

    def make(*states: State[Any], flow: str = "f", **fields: Any) -> FlowRun:
        def command(conn: Any) -> FlowRun:
            stored = flows.read_or_create_flow(conn, flow, now=clock.now)
            run = FlowRun(flow_id=stored.id, **fields)
            flow_runs.create_flow_run(conn, run, now=clock.now)
            for state in states:
                result = flow_runs.set_flow_run_state(conn, run.id, state, now=clock.now)
                assert result.status == "ACCEPT", result.reason
            return flow_runs.read_flow_run(conn, run.id)

        return store.write(command)

    return make


@pytest.fixture
def life() -> Callable[..., list[TaskTransition]]:
    """The transitions of a task run through the given states, one second apart."""

    def make(run: TaskRun, *kinds: StateType | State[Any], start: datetime = START) -> list[TaskTransition]:
        steps: list[TaskTransition] = []
        at, follows, count = start, None, 0
        for kind in kinds or (StateType.PENDING, StateType.RUNNING, StateType.COMPLETED):
            state: State[Any] = kind if isinstance(kind, State) else State(type=kind, timestamp=at)
            count += state.is_running()
            end = at if state.is_final() else None
            steps.append(
                TaskTransition(run, state, follows, count, start if count else None, end, 1.0 if end else 0.0)
            )
            follows, at = state.id, at + timedelta(seconds=1)
        return steps

    return make


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a Python process that runs some code; its arguments are in `sys.argv[1:]`."""

    def start(code: str, *args: object, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        import os

        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, args)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
        )

    return start

"""What the engine's tests share: a store of their own, a look at what it recorded, and tasks of both colours.

Every test has a fresh home folder. When it is over, the invariant checker goes over whatever history it left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.client.local import close_orchestrators
from headrace.schema.runs import FlowRun, TaskRun
from headrace.store import flow_runs, flows, logs, states, task_runs
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

PLENTY = 1_000_000
"""More rows than any test records."""


class Recorded:
    """What a store holds, read through a connection of its own, as another program would."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._store: Store | None = None

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = Store.open(self.path)
        return self._store

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def settle(self) -> None:
        """Close this process's stores, as its exit does: tasks outside flows do not wait for their records."""
        close_orchestrators()

    def flow_runs(self, flow_name: str | None = None) -> list[FlowRun]:
        """The runs of a flow, or of all flows, in the order in which they were created."""
        found = self.store.read(lambda conn: flow_runs.read_flow_runs(conn, limit=PLENTY))
        if flow_name is not None:
            known = self.store.read(lambda conn: flows.read_flows(conn, names=[flow_name.replace("_", "-")]))
            found = [run for run in found if run.flow_id in {flow.id for flow in known}]
        return sorted(found, key=lambda run: run.id)

    def flow_run(self, flow_name: str | None = None) -> FlowRun:
        """The only run of a flow, or of all flows."""
        (run,) = self.flow_runs(flow_name)
        return run

    def task_runs(self, task_name: str | None = None) -> list[TaskRun]:
        """The runs of a task, or of all tasks, in the order in which they were created."""
        found = self.store.read(lambda conn: task_runs.read_task_runs(conn, limit=PLENTY))
        if task_name is not None:
            found = [run for run in found if task_name in (run.name, run.name.rpartition("-")[0])]
        return sorted(found, key=lambda run: run.id)

    def task_run(self, task_name: str | None = None) -> TaskRun:
        """The only run of a task, or of all tasks."""
        (run,) = self.task_runs(task_name)
        return run

    def history(self, run: FlowRun | TaskRun) -> list[str]:
        """The names of the states that the run went through, oldest first."""
        return [state.name for state in self.store.read(lambda conn: states.read_states(conn, run.id))]

    def messages(self) -> list[str]:
        """The text of all log lines, in the order in which they were recorded."""
        return [line.message for line in self.store.read(lambda conn: logs.read_logs(conn, limit=PLENTY))]


@pytest.fixture(autouse=True)
def home(configure: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, in force for this process and for those that it starts."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def recorded(home: Path) -> Iterator[Recorded]:
    """What the store in the home folder holds; its history must be sound when the test is over."""
    recorded = Recorded(home / "headrace.db")
    yield recorded
    close_orchestrators()
    try:
        if recorded.path.exists():
            assert_history(recorded.store)
    finally:
        recorded.close()


@pytest.fixture
def add(colour) -> Any:
    """A task of one colour that adds its arguments."""

    @colour.task
    def add(a: Any, b: Any = 1) -> Any:
        return a + b

    return add


@pytest.fixture
def same(colour) -> Any:
    """A task of one colour that returns its argument."""
    return colour.task(lambda value: value, name="same")


@pytest.fixture
def boom(colour) -> Any:
    """A task of one colour that raises `ValueError("boom")`."""

    @colour.task
    def boom() -> None:
        raise ValueError("boom")

    return boom

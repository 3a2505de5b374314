"""What the engine's tests share: a store of their own, a look at what it recorded, and both colours of functions.

Every test has a fresh home folder. When it is over, the invariant checker goes over whatever history it left.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace import flow, task
from headrace.client.local import close_orchestrators
from headrace.engine.inline import run_inline
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


class Colour:
    """Makes flows and tasks of one colour out of plain functions, and runs them."""

    def __init__(self, name: str) -> None:
        self.is_async = name == "async"

    def function(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """A function of this colour that does what `fn` does."""
        if not self.is_async or inspect.iscoroutinefunction(fn):
            return fn

        @functools.wraps(fn)
        async def coloured(*args: Any, **kwargs: Any) -> Any:
            return fn(*args, **kwargs)

        return coloured

    def task(self, fn: Callable[..., Any] | None = None, **options: Any) -> Any:
        """A task of this colour whose body is `fn`."""
        if fn is None:
            return lambda fn: self.task(fn, **options)
        return task(self.function(fn), **options)

    def flow(self, fn: Callable[..., Any] | None = None, **options: Any) -> Any:
        """A flow of this colour whose body is `fn`."""
        if fn is None:
            return lambda fn: self.flow(fn, **options)
        return flow(self.function(fn), **options)

    def flow_calling(self, called: Any, *args: Any, **kwargs: Any) -> Any:
        """A flow of this colour, named `calling`, that calls a task or flow of this colour and returns what it gives."""

        def calling() -> Any:
            return called(*args, **kwargs)

        async def calling_async() -> Any:
            return await called(*args, **kwargs)

        return flow(calling_async if self.is_async else calling, name="calling")

    async def call(self, called: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a flow or task of this colour gives to the body of a flow, see `in_flow`."""
        given = called(*args, **kwargs)
        return await given if self.is_async else given

    def in_flow(self, body: Callable[[], Any]) -> Any:
        """Run a function, or a coroutine function that awaits nothing but `call`, as a flow of this colour."""
        if inspect.iscoroutinefunction(body) and not self.is_async:
            return self.run(flow(lambda: run_inline(body())))
        return self.run(self.flow(body))

    def run(self, called: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a flow or task of this colour as a script would."""
        if not self.is_async:
            return called(*args, **kwargs)

        async def main() -> Any:
            return await called(*args, **kwargs)

        return asyncio.run(main())

    def state(self, called: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The final state of such a call."""
        return self.run(called, *args, return_state=True, **kwargs)


@pytest.fixture(params=["sync", "async"])
def colour(request: pytest.FixtureRequest) -> Colour:
    """Sync, then async."""
    return Colour(request.param)


@pytest.fixture
def in_flow(colour: Colour) -> Callable[[Callable[[], Any]], Any]:
    """What a function returns, run as a flow of one colour."""
    return colour.in_flow


@pytest.fixture
def add(colour: Colour) -> Any:
    """A task of one colour that adds its arguments."""

    @colour.task
    def add(a: Any, b: Any = 1) -> Any:
        return a + b

    return add


@pytest.fixture
def same(colour: Colour) -> Any:
    """A task of one colour that returns its argument."""
    return colour.task(lambda value: value, name="same")


@pytest.fixture
def boom(colour: Colour) -> Any:
    """A task of one colour that raises `ValueError("boom")`."""

    @colour.task
    def boom() -> None:
        raise ValueError("boom")

    return boom

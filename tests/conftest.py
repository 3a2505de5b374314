"""What all tests share."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from headrace import flow, task
from headrace.client.local import _orchestrators, close_orchestrators
from headrace.core.ids import uuid7
from headrace.engine.inline import run_inline
from headrace.engine.session import _sessions
from headrace.schema.filters.flows import FlowFilter, FlowFilterName
from headrace.schema.logs import Log
from headrace.schema.requests.events import EventCreate
from headrace.schema.requests.scope import RunScope
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State
from headrace.settings import get_current_settings, use_settings
from headrace.settings.load import load_settings
from headrace.store import states
from headrace.store.lists.flow_runs import read_flow_runs
from headrace.store.lists.logs import read_logs
from headrace.store.lists.task_runs import read_task_runs
from headrace.store.store import Store
from headrace.testing.invariants import assert_history
from headrace.testing.postgres import PostgresServer

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


E2E_SERVERS = ("sqlite", "postgres", "prefect")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The servers that the end-to-end tests run against."""
    parser.addoption(
        "--e2e-server",
        action="append",
        choices=E2E_SERVERS,
        help="run tests/e2e against this server (repeatable): Headrace on SQLite, Headrace on PostgreSQL (the two by "
        "default), or Prefect's own, which shows whether what a test expects is what Prefect does",
    )


def pytest_configure() -> None:
    """Let Ctrl-C through to the programs that tests start, also where the tests run in the background without it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of stories that share a server run in one process, and so do the variants of a test that is none of them."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            test, _, variant = nodeid.partition("[")
            if test.startswith("tests/e2e/stories/"):
                return next((server for server in E2E_SERVERS if server in variant), test)
            return nodeid if test.startswith("tests/e2e/") else test

    # In the order in which they were found: by number, what takes longest would come last.
    config.option.loadscopereorder = False
    return Together(config, log)


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Nothing configured but an empty home folder, here and in what the test starts; call it to set variables."""
    before = get_current_settings()
    for name in list(os.environ):
        if name.startswith(("HEADRACE_", "PREFECT_", "NO_COLOR")):
            monkeypatch.delenv(name)

    def configure(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        close_orchestrators()
        use_settings(load_settings(dict(os.environ), tmp_path))

    configure(HEADRACE_HOME=str(tmp_path / "home"))
    yield configure
    close_orchestrators()
    monkeypatch.undo()
    use_settings(before)


@pytest.fixture
def home(configure: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, in force for this process and for those that it starts."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


class Backend(NamedTuple):
    """Where flows record to.

    Args:
        target: The store that holds it in the end: its file, or the URL of its database.
        settle: Waits until what this process has recorded is there. Tasks outside flows do not wait for that themselves.
    """

    target: Path | str
    settle: Callable[[], None]


@pytest.fixture
def backend(home: Path) -> Backend:
    """The file in the home folder, written by the process that runs the flow."""

    def settle() -> None:
        for orchestrator in list(_orchestrators.values()):
            if session := _sessions.get(id(orchestrator)):
                session.recorder.drain().exception()

    return Backend(home / "headrace.db", settle)


class Recorded:
    """What has been recorded, read through a connection of its own, as another program would."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._store: Store | None = None

    @property
    def path(self) -> Path:
        """The store's file."""
        assert isinstance(self._backend.target, Path)
        return self._backend.target

    @property
    def exists(self) -> bool:
        """Whether there is a store."""
        return not isinstance(self._backend.target, Path) or self._backend.target.exists()

    @property
    def store(self) -> Store:
        """The store, with all that this process has recorded."""
        self._backend.settle()
        if self._store is None:
            self._store = Store.open(self._backend.target)
        return self._store

    def close(self) -> None:
        """Close the store; the next look opens it again."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def flow_runs(self, flow_name: str | None = None) -> list[FlowRun]:
        """The runs of a flow, or of all flows, in the order in which they were created."""
        scope = RunScope()
        if flow_name is not None:
            scope.flows = FlowFilter(name=FlowFilterName(any_=[flow_name.replace("_", "-")]))
        found = self.store.read(lambda conn: read_flow_runs(conn, scope, limit=None))
        return sorted(found, key=lambda run: run.id)

    def flow_run(self, flow_name: str | None = None) -> FlowRun:
        """The only run of a flow, or of all flows."""
        (run,) = self.flow_runs(flow_name)
        return run

    def task_runs(self, task_name: str | None = None) -> list[TaskRun]:
        """The runs of a task, or of all tasks, in the order in which they were created."""
        found = self.store.read(lambda conn: read_task_runs(conn, limit=None))
        if task_name is not None:
            found = [run for run in found if task_name in (run.name, run.name.rpartition("-")[0])]
        return sorted(found, key=lambda run: run.id)

    def task_run(self, task_name: str | None = None) -> TaskRun:
        """The only run of a task, or of all tasks."""
        (run,) = self.task_runs(task_name)
        return run

    def states(self, run: FlowRun | TaskRun) -> list[State[Any]]:
        """The states that the run went through, oldest first."""
        return self.store.read(lambda conn: states.read_states(conn, run.id))

    def history(self, run: FlowRun | TaskRun) -> list[str]:
        """The names of the states that the run went through, oldest first."""
        return [state.name for state in self.states(run)]

    def ending(self, run: FlowRun | TaskRun) -> tuple[str, str, str | None]:
        """The type, the name and the message of the run's last state."""
        last = self.states(run)[-1]
        return last.type.value, last.name, last.message

    def logs(self) -> list[Log]:
        """All log lines, in the order in which they were recorded."""
        return self.store.read(lambda conn: read_logs(conn, limit=None))

    def messages(self) -> list[str]:
        """The text of all log lines, in the order in which they were recorded."""
        return [line.message for line in self.logs()]

    def rows(self) -> dict[str, int]:
        """How many rows are committed now, whatever this process has yet to write."""
        with Store.open(self._backend.target) as store:
            return store.read(
                lambda conn: {
                    table: conn.value(f"SELECT count(*) FROM {table}")
                    for table in ("flow_run", "task_run", "event", "log")
                }
            )


@pytest.fixture
def recorded(backend: Backend) -> Iterator[Recorded]:
    """What flows have recorded; its history must be sound when the test is over."""
    recorded = Recorded(backend)
    yield recorded
    close_orchestrators()
    try:
        if recorded.exists:
            assert_history(recorded.store)
    finally:
        recorded.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started by the first test that asks for one.

    Each process of the tests has its own: what a cursor over the log may read depends on every transaction in progress on a server,
    whichever its database, so that tests side by side on one would hold each other up.
    """
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The address of an empty database, which is gone after the test."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


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

    def flow_calling(self, called: Any, *args: Any, **options: Any) -> Any:
        """A flow of this colour, with these options, that calls a task or flow of it and returns what it gives.

        Its name is `calling` unless the options say otherwise.
        """

        def calling() -> Any:
            return called(*args)

        async def calling_async() -> Any:
            return await called(*args)

        return flow(calling_async if self.is_async else calling, **{"name": "calling", **options})

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
def reports() -> Callable[..., list[EventCreate]]:
    """The events by which a Prefect client reports the states of a task run: `reports("Pending", "Running", "Completed")`."""

    def make(
        *names: str, start: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC), **facts: Any
    ) -> list[EventCreate]:
        run_id, flow_run_id = facts.pop("id", None) or uuid7(), facts.pop("flow_run_id", None)
        related = [{"prefect.resource.id": "prefect.tag.a", "prefect.resource.role": "tag"}]
        if flow_run_id is not None:
            flow_run = f"prefect.flow-run.{flow_run_id}"
            related.append({"prefect.resource.id": flow_run, "prefect.resource.role": "flow-run"})
        events: list[EventCreate] = []
        run_count = 0
        for number, name in enumerate(names):
            kind = {"Retrying": "RUNNING", "AwaitingRetry": "SCHEDULED", "Cached": "COMPLETED"}.get(
                name, name.upper()
            )
            at = start + timedelta(seconds=number)
            run_count += kind == "RUNNING"
            times = {"start_time": start + timedelta(seconds=1)} if run_count else {}
            if name in ("Completed", "Failed", "Cached", "Crashed"):
                times["end_time"] = at
            events.append(
                EventCreate(
                    id=uuid7(),
                    occurred=at,
                    event=f"prefect.task-run.{name}",
                    follows=events[-1].id if events else None,
                    resource={
                        "prefect.resource.id": f"prefect.task-run.{run_id}",
                        "prefect.resource.name": facts.get("name", "t-0"),
                        "prefect.orchestration": "client",
                    },
                    related=related,
                    payload={
                        "intended": {"from": None, "to": kind},
                        "initial_state": None,
                        "validated_state": {
                            "type": kind,
                            "name": name,
                            "message": "",
                            "state_details": {},
                            "data": None,
                        },
                        "task_run": {
                            "name": "t-0",
                            "task_key": "t-8f10da52",
                            "dynamic_key": f"key-of-{run_id}",
                            "empirical_policy": {"retries": 1, "retry_delay": 0},
                            "tags": ["a"],
                            "labels": {},
                            "task_inputs": {"x": []},
                            "run_count": run_count,
                            "flow_run_run_count": 1,
                            "expected_start_time": start.isoformat(),
                            "total_run_time": float(max(0, number - 1)),
                            **{name: time.isoformat() for name, time in times.items()},
                            **facts,
                        },
                    },
                )
            )
        return events

    return make


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Captured text in a form that a worker can send: tests print and log what no encoding has a form for."""
    report = (yield).get_result()
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]

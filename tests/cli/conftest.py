"""The command line in this process and as a process of its own, each with an empty home folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from headrace.cli.main import main
from headrace.client.local import close_orchestrators
from headrace.schema.base import now
from headrace.schema.logs import Log
from headrace.schema.runs import Constant, FlowRun, TaskRun
from headrace.schema.states import State, StateType
from headrace.schema.transitions import TaskTransition
from headrace.store import flow_runs, flows
from headrace.store.records import record
from headrace.store.store import Store


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it wrote, which must be JSON and nothing else."""
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home folder of the test's commands."""
    return tmp_path / "home"


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """The environment of the test's processes: nothing configured but the home folder."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "PREFECT_"))
    }
    return {**kept, "HEADRACE_HOME": str(home), "COLUMNS": "200", "TZ": "UTC"}


@pytest.fixture
def process(tmp_path: Path, environment: dict[str, str]) -> Callable[..., Ended]:
    """Run `headrace WORDS` as a process, in the test's folder."""

    def run(*words: str, **variables: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "headrace", *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**environment, **variables},
            timeout=60,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


SERVE = """
from headrace.api.serve import serve
from headrace.settings import get_current_settings
serve(get_current_settings(), lambda url: print(url, flush=True))
"""


@contextmanager
def serving(home: Path, **variables: str) -> Iterator[str]:
    """The URL of a server, a process of its own, on the store in a home folder."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "PREFECT_"))
    }
    environment = {**kept, "HEADRACE_HOME": str(home), "HEADRACE_SERVER_API_PORT": "0", **variables}
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Start a server, on the store in a home folder or on one of its own; returns its URL."""
    with ExitStack() as servers:

        def start(home: Path | None = None, **variables: str) -> str:
            return servers.enter_context(serving(home or tmp_path_factory.mktemp("server"), **variables))

        yield start


@pytest.fixture(scope="module")
def server(serve: Callable[..., str]) -> str:
    """The URL of a server that all tests of a module share."""
    return serve()


@pytest.fixture
def command(
    configure: Callable[..., None],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Ended]]:
    """Run `headrace WORDS` in this process, in the test's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    loaded = set(sys.modules)

    def run(*words: str, **variables: str) -> Ended:
        for name in ("HEADRACE_PROFILE", "HEADRACE_CLI_PROMPT"):  # what the options before a command set
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)
        configure(**variables)
        capfd.readouterr()
        code = main(words)
        sys.stdout.flush()
        return Ended(code, *capfd.readouterr())

    yield run
    for name in set(sys.modules) - loaded:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Path]:
    """Write a script into the test's folder."""

    def write(text: str, name: str = "script.py") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


@pytest.fixture(autouse=True)
def _stores_closed() -> Iterator[None]:
    """Close the stores that commands opened in this process."""
    yield
    close_orchestrators()


class Recorded(NamedTuple):
    """What the store of the test has: a flow run that completed, with a subflow run, and one that failed."""

    good: FlowRun
    child: FlowRun
    bad: FlowRun
    tasks: list[TaskRun]


def _walk(store: Store, run_id: UUID, *states: State[Any]) -> None:
    for state in states:
        store.write(
            lambda conn, state=state: flow_runs.set_flow_run_state(conn, run_id, state, now=state.timestamp)
        )


def _task_run(flow_run: FlowRun, index: int, at: datetime, last: State[Any]) -> list[TaskTransition]:
    run = TaskRun(
        name=f"add-{index:03}",
        task_key="add-1",
        dynamic_key=str(index),
        flow_run_id=flow_run.id,
        expected_start_time=at,
        tags=["numbers"],
        task_inputs={"x": [Constant(type="int")], "y": []},
    )
    running = State(type=StateType.RUNNING, timestamp=at)
    return [
        TaskTransition(run, running, None, 1, at, None, 0.0),
        TaskTransition(run, last, running.id, 1, at, last.timestamp, 0.5),
    ]


@pytest.fixture
def recorded(home: Path) -> Recorded:
    """A store with a history; its times lie a good hour back."""
    at = now() - timedelta(hours=1, minutes=5)

    def after(seconds: float) -> datetime:
        return at + timedelta(seconds=seconds)

    def create(store: Store, flow_name: str, name: str, **fields: Any) -> FlowRun:
        flow = store.write(lambda conn: flows.read_or_create_flow(conn, flow_name, now=at))
        run = FlowRun(flow_id=flow.id, name=name, state=State(type=StateType.PENDING, timestamp=at), **fields)
        return store.write(lambda conn: flow_runs.create_flow_run(conn, run, now=at))

    with Store.open(home / "headrace.db") as store:
        parameters = {"day": "2026-01-01", "rows": list(range(200)), "long": "x" * 1000}
        good = create(store, "census", "laughing-nightingale", parameters=parameters, tags=["daily", "eu"])
        _walk(store, good.id, State(type=StateType.RUNNING, timestamp=after(1)))
        steps = [
            step
            for index in range(12)
            for step in _task_run(
                good,
                index,
                after(1),
                State(type=StateType.COMPLETED, timestamp=after(2))
                if index
                else State(type=StateType.FAILED, timestamp=after(2), message="no"),
            )
        ]
        store.write(lambda conn: record(conn, steps))
        tasks = list({step.run.id: step.run for step in steps}.values())
        child = create(store, "census-part", "brisk-otter", parent_task_run_id=tasks[-1].id)
        _walk(
            store,
            child.id,
            State(type=StateType.RUNNING, timestamp=after(1.5)),
            State(type=StateType.COMPLETED, timestamp=after(1.75)),
        )
        lines = [
            Log(
                name="headrace.task_runs" if index % 2 else "headrace.flow_runs",
                level=20 if index else 40,
                message=f"line {index}" if index != 3 else "two\nlines \udce4",
                timestamp=after(1 + index / 100),
                flow_run_id=good.id,
                task_run_id=tasks[0].id if index % 2 else None,
            )
            for index in range(50)
        ]
        store.write(lambda conn: record(conn, lines))
        _walk(
            store,
            good.id,
            State(type=StateType.COMPLETED, timestamp=after(125), message="All states completed."),
        )
        bad = create(store, "extract", "quiet-marten")
        _walk(
            store,
            bad.id,
            State(type=StateType.RUNNING, timestamp=after(2)),
            State(type=StateType.FAILED, timestamp=after(3), message="boom\nwith details"),
        )
        return Recorded(
            *(
                store.read(lambda conn, run=run: flow_runs.read_flow_run(conn, run.id))
                for run in (good, child, bad)
            ),
            tasks,
        )

"""What the logging tests share: logging as in a fresh process, a run to log in, and programs that log."""

from __future__ import annotations

import builtins
import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from headrace.engine.context import FlowRunContext, TaskRunContext, flow_run_var, task_run_var
from headrace.logging import configuration
from headrace.schema.logs import Log
from headrace.schema.runs import FlowRun, TaskRun

ROOT_HANDLERS = pytest.StashKey[list[logging.Handler]]()
LOGGERS = ("headrace", "headrace.flow_runs", "headrace.task_runs")


class Recorder:
    """Keeps what is recorded."""

    def __init__(self) -> None:
        self.lines: list[Log] = []

    def append(self, item: Any) -> None:
        self.lines.append(item)

    @property
    def line(self) -> Log:
        """The only line."""
        (line,) = self.lines
        return line

    @property
    def messages(self) -> list[str]:
        return [line.message for line in self.lines]


class Heard(logging.Handler):
    """A user's handler: keeps the records it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def configure(
    configure: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """Nothing configured but an empty home folder, and logging not set up; call it to set variables."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger, list(logger.handlers), logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers[:], logger.propagate = [], True
        logger.setLevel(logging.NOTSET)
    monkeypatch.setattr(configuration, "_in_force", None)
    monkeypatch.setattr(configuration, "_levels_set", {})
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)

    def configure_logging(**variables: str) -> None:
        configure(**variables)
        configuration.setup_logging()

    yield configure_logging
    for logger, handlers, level, propagate in before:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)
    monkeypatch.undo()
    configuration.CONSOLE.setLevel(logging.NOTSET)
    assert builtins.print.__module__ == "builtins", "print was left replaced"


@pytest.fixture(params=["directly", "through logging"])
def way(request: pytest.FixtureRequest) -> str:
    """Lines go the short way, then the long one, which a handler of the user's on the root logger makes them go."""
    request.node.stash[ROOT_HANDLERS] = [Heard()] if request.param == "through logging" else []
    return str(request.param)


@pytest.fixture
def heard(request: pytest.FixtureRequest) -> Heard:
    """A handler of the user's on the root logger, the only one there."""
    handler = Heard()
    request.node.stash[ROOT_HANDLERS] = [handler]
    return handler


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Replace pytest's own handlers on the root logger, which it adds for each phase of a test."""
    with pytest.MonkeyPatch.context() as patch:
        if ROOT_HANDLERS in item.stash:
            patch.setattr(logging.root, "handlers", item.stash[ROOT_HANDLERS])
        return (yield)


@pytest.fixture
def recorder() -> Recorder:
    """Where the run's lines are recorded."""
    return Recorder()


@pytest.fixture
def flow_context(recorder: Recorder) -> Iterator[FlowRunContext]:
    """A flow run `two-words` of the flow `greet` that is executing."""
    context = FlowRunContext()
    context.flow = SimpleNamespace(name="greet")  # type: ignore[assignment]
    context.flow_run = FlowRun(flow_id=uuid4(), name="two-words")
    context.recorder = recorder  # type: ignore[assignment]
    context.log_prints = False
    token = flow_run_var.set(context)
    yield context
    flow_run_var.reset(token)


@pytest.fixture
def task_context(flow_context: FlowRunContext, recorder: Recorder) -> Iterator[TaskRunContext]:
    """A task run `add-fe8` of the task `add` that is executing in the flow run."""
    context = TaskRunContext()
    context.engine = SimpleNamespace(recorder=recorder)  # type: ignore[assignment]
    context.task = SimpleNamespace(name="add")  # type: ignore[assignment]
    context.task_run = TaskRun(
        task_key="add", dynamic_key="0", name="add-fe8", flow_run_id=flow_context.flow_run.id
    )
    context.log_prints = False
    token = task_run_var.set(context)
    yield context
    task_run_var.reset(token)


@pytest.fixture
def run_program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program from its source in a process of its own; returns its exit code and what it wrote."""

    def run(source: str, **variables: str) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(source))
        done = subprocess.run(
            [sys.executable, str(script)],
            capture_output=True,
            text=True,
            errors="surrogateescape",
            env={**os.environ, **variables},
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    return run

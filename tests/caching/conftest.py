"""What the tests of caching share: a home folder of their own, programs, and both colours of tasks and of the engine."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from headrace import flow, task
from headrace.cache_policies import INPUTS, CachePolicy
from headrace.engine import cache
from headrace.engine.inline import run_inline
from headrace.engine.ports import ASYNC, SYNC
from headrace.results import ResultStore

_logger = logging.getLogger("test.entries")


@pytest.fixture(autouse=True)
def home(configure: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


Program = subprocess.Popen[str]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start a Python program from its source; it is killed at the end of the test at the latest."""
    started: list[Program] = []

    def start(source: str, *arguments: object, name: str = "script.py", **environment: str) -> Program:
        script = tmp_path / name
        fresh = script.with_suffix(".new")
        fresh.write_text(textwrap.dedent(source))
        fresh.replace(script)  # in one step: a program started before may be reading it
        program = subprocess.Popen(
            [sys.executable, str(script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        started.append(program)
        return program

    yield start
    for program in started:
        program.kill()
        program.communicate()


@pytest.fixture
def run(start: Callable[..., Program]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a Python program to its end, which must be a good one."""

    def run(source: str, *arguments: object, **options: str) -> subprocess.CompletedProcess[str]:
        program = start(source, *arguments, **options)
        stdout, stderr = program.communicate()
        assert program.returncode == 0, stderr
        return subprocess.CompletedProcess(program.args, 0, stdout, stderr)

    return run


# --- Tasks, as users call them -----------------------------------------------------------------------------------


class Colour:
    """Makes flows and tasks of one colour out of plain functions."""

    def __init__(self, name: str) -> None:
        self.is_async = name == "async"

    def task(self, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        """A task whose body is the decorated function."""

        def decorate(fn: Callable[..., Any]) -> Any:
            async def coloured(x: Any = 1, y: Any = None) -> Any:
                return fn(x, y)

            def plain(x: Any = 1, y: Any = None) -> Any:
                return fn(x, y)

            return task(coloured if self.is_async else plain, **options)

        return decorate

    def call(self, a_task: Any, *calls: tuple[Any, ...], **options: Any) -> list[Any]:
        """The states of calls of a task with these arguments, one after the other in a flow of this colour."""

        def calling() -> list[Any]:
            return [a_task(*arguments, return_state=True) for arguments in calls]

        async def calling_async() -> list[Any]:
            return [await a_task(*arguments, return_state=True) for arguments in calls]

        if not self.is_async:
            return flow(calling, **options)(return_state=True).data.result
        return asyncio.run(flow(calling_async, **options)(return_state=True)).data.result


@pytest.fixture(params=["sync", "async"])
def colour(request: pytest.FixtureRequest) -> Colour:
    """Sync, then async."""
    return Colour(request.param)


@pytest.fixture
def calls() -> list[Any]:
    """The arguments with which the task's function was called."""
    return []


# --- Runs, as the engine sees them --------------------------------------------------------------------------------


@pytest.fixture
def logger() -> logging.Logger:
    """The logger of runs."""
    return _logger


def grind(x: object = 1) -> object:
    return x


@pytest.fixture
def made_task() -> Callable[..., Any]:
    """Makes tasks with options; INPUTS is their policy unless another is given."""
    return _made_task


def _made_task(policy: CachePolicy | None = INPUTS, **options: Any) -> Any:
    """A task with these options."""
    defaults = {
        "name": "grind",
        "fn": grind,
        "task_key": "grind-1",
        "cache_policy": policy,
        "cache_expiration": None,
        "refresh_cache": None,
        "result_storage_key": None,
        "result_storage": None,
        "result_serializer": None,
        "persist_result": True,
        "cache_result_in_memory": True,
    }
    return SimpleNamespace(**{**defaults, **options})


@pytest.fixture
def opened() -> Callable[..., cache.CacheEntry]:
    """Opens the place of a new run of a task, with parameters."""
    return _opened


def _opened(task: Any, parameters: dict[str, Any] | None = None) -> cache.CacheEntry:
    run = SimpleNamespace(id=uuid4(), flow_run_id=UUID(int=1))
    context: Any = SimpleNamespace(
        task=task, task_run=run, parameters={"x": 1} if parameters is None else parameters
    )
    return cache.open_entry(task, context, ResultStore().update_for_task(task), _logger)


class Runner:
    """Runs what is written over a port, in one of the colours."""

    def __init__(self, colour: str) -> None:
        self.port: Any = SYNC if colour == "sync" else ASYNC

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(coroutine) if self.port.isasync else run_inline(coroutine)

    def lookup(self, entry: cache.CacheEntry) -> Any:
        """The cached result, or "compute"."""
        record = self.run(cache.lookup(entry, self.port, _logger))
        return "compute" if record is None else record.result

    def keep(self, entry: cache.CacheEntry, value: Any) -> Any:
        return self.run(cache.keep(entry, self.port, value, _logger))

    def release(self, entry: cache.CacheEntry) -> None:
        self.run(cache.release(entry, self.port))


@pytest.fixture(params=["sync", "async"])
def runner(request: pytest.FixtureRequest) -> Runner:
    """Sync, then async."""
    return Runner(request.param)

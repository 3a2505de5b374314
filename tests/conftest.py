"""What all tests share."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from headrace import flow, task
from headrace.client.local import close_orchestrators
from headrace.engine.inline import run_inline
from headrace.settings import get_current_settings, use_settings
from headrace.settings.load import load_settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure() -> None:
    """Let Ctrl-C through to the programs that tests start, also where the tests run in the background without it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Captured text in a form that a worker can send: tests print and log what no encoding has a form for."""
    report = (yield).get_result()
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]

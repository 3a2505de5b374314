"""What all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from headrace.client.local import close_orchestrators
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


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Captured text in a form that a worker can send: tests print and log what no encoding has a form for."""
    report = (yield).get_result()
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]

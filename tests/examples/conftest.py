"""Examples as users run them: a process each, with an empty home folder; and what they recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]


class Ended(NamedTuple):
    """What an example printed; `err` is the console's log."""

    out: str
    err: str


class Recorded(NamedTuple):
    """The runs in the store, as `headrace` lists them."""

    flow_runs: list[dict[str, Any]]
    task_runs: list[dict[str, Any]]

    def flow_states(self) -> dict[str, str]:
        """The name of each flow's state, by the flow's name."""
        return {run["flow_name"]: run["state_name"] for run in self.flow_runs}

    def task_states(self) -> Counter[tuple[str, str]]:
        """How many runs of each task ended in which state."""
        return Counter((run["task_key"].partition("-")[0], run["state_name"]) for run in self.task_runs)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing configured but the home folder."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "PREFECT_"))
    }
    return {**kept, "HEADRACE_HOME": str(tmp_path / "home")}


@pytest.fixture
def example(tmp_path: Path, environment: dict[str, str]) -> Callable[..., Ended]:
    """Run `python examples/NAME WORDS` in the test's folder; it must end well."""

    def run(name: str, *words: object) -> Ended:
        command = [sys.executable, str(ROOT / "examples" / name), *map(str, words)]
        return _checked(command, tmp_path, environment)

    return run


@pytest.fixture
def recorded(tmp_path: Path, environment: dict[str, str]) -> Callable[[], Recorded]:
    """What the test's examples have recorded so far."""

    def listed(noun: str) -> Any:
        command = [sys.executable, "-m", "headrace", noun, "ls", "--limit", "200", "--output", "json"]
        return json.loads(_checked(command, tmp_path, environment).out)

    return lambda: Recorded(listed("flow-run"), listed("task-run"))


def _checked(command: list[str], folder: Path, environment: dict[str, str]) -> Ended:
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=100)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return Ended(done.stdout, done.stderr)

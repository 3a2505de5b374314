"""The benchmarks run; what they measure is for people to judge."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.rows import Pace, Row

ROOT = Path(__file__).parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmarks with these options."""
    command = [sys.executable, "-m", "benchmarks", "--headrace-only", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)


def test_rows_are_measured_printed_and_kept(tmp_path: Path) -> None:
    done = run("--quick", "--only", "sequential", "--results", str(tmp_path), "--save", "tried")

    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "tried.json").read_text())
    assert figures["failures"] == []
    assert figures["values"]["sequential-recorded"] == {"headrace": [100.0]}
    assert figures["machine"]["cores"] >= 1
    assert "| sequential no-op task, in the flow (of 1,000)" in done.stdout


def test_an_unknown_row_is_refused_with_those_there_are() -> None:
    done = run("--only", "speed")

    assert done.returncode == 2
    assert "--only speed: no such row; there are import, import-modules" in done.stderr


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ([150.0], [2_000.0], "met"),
        ([250.0], [2_000.0], "missed"),
        ([50.0], [500.0], "met"),
        ([60.0], [500.0], "missed"),
        ([100.0], [], "met"),
        ([101.0], [], "missed"),
        ([], [500.0], ""),
    ],
)
def test_a_budget_of_time_is_relative_to_what_prefect_takes_here(
    ours: list[float], theirs: list[float], verdict: str
) -> None:
    """A task of 100 us was allowed where Prefect took 1,000."""
    row = Row("task", "a task", "µs", 100, Pace("other", 1_000))
    assert row.verdict({"task": {"headrace": ours}, "other": {"prefect": theirs}}) == verdict


def test_a_budget_without_a_pace_holds_everywhere() -> None:
    row = Row("memory", "memory", "MB", 150)
    assert row.verdict({"memory": {"headrace": [149.0], "prefect": [1.0]}}) == "met"

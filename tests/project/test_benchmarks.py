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
    row = Row("task", "a task", "µs", 100, Pace("map", 1_000))
    assert row.verdict({"task": {"headrace": ours}, "map": {"prefect": theirs}}) == verdict


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        ([2_500.0], [2_000.0], "met"),
        ([2_400.0], [2_000.0], "missed"),
        ([10_000.0], [500.0], "met"),
        ([9_900.0], [500.0], "missed"),
        ([4_000.0, 5_000.0, 6_000.0], [], "met"),
        ([4_000.0, 4_900.0, 6_000.0], [], "missed"),
    ],
)
def test_the_budget_of_a_rate_falls_where_prefect_takes_longer(
    ours: list[float], theirs: list[float], verdict: str
) -> None:
    """5,000 a second were asked for where Prefect took 1,000."""
    rate = Row("rate", "requests", "/s", 5_000, Pace("sequential", 1_000), more_is_better=True)
    assert rate.verdict({"rate": {"headrace": ours}, "sequential": {"prefect": theirs}}) == verdict


def test_a_server_is_loaded_and_its_figures_are_rows(tmp_path: Path) -> None:
    done = run("--quick", "--only", "server-generator-short", "--results", str(tmp_path), "--save", "tried")

    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "tried.json").read_text())
    assert figures["failures"] == []
    assert figures["values"]["server-generator-short"]["headrace"][0] > 0
    assert "| load generator, against a server that only answers, 1.5 kB" in done.stdout


def test_a_budget_without_a_pace_holds_everywhere() -> None:
    row = Row("memory", "memory", "MB", 150)
    assert row.verdict({"memory": {"headrace": [149.0], "prefect": [1.0]}}) == "met"

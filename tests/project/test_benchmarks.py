"""The benchmarks run; what they measure is for people to judge."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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

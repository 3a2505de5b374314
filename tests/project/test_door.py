"""The way in: the Makefile's targets, the choice of a Python, and what runs on every change."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout."""
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_help_names_targets_that_exist() -> None:
    shown = re.findall(r"^make ([a-z]+)", run("make", "help").stdout, flags=re.MULTILINE)

    assert {"demo", "test", "lint", "bench"} <= set(shown)
    for target in shown:
        assert run("make", "--dry-run", target).returncode == 0, target


def test_a_suitable_python_is_found_by_its_path() -> None:
    found = run("sh", "scripts/find-python", sys.executable)

    assert found.returncode == 0
    assert Path(found.stdout.strip()) == Path(sys.executable)


def test_without_a_suitable_python_the_message_says_what_to_do(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho 'it is Python 3.9' >&2\nexit 1\n")
    old.chmod(0o755)

    refused = run("sh", "scripts/find-python", str(old))

    assert refused.returncode == 1
    assert f"{old}: it is Python 3.9" in refused.stderr
    assert "make PYTHON=" in refused.stderr


def test_the_scripts_of_the_door_are_valid_shell() -> None:
    for name in (".ci/run", "scripts/find-python", "examples/demo.sh"):
        checked = run("bash", "-n", name)
        assert checked.returncode == 0, checked.stderr

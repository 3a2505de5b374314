"""The way in: the Makefile's targets, the choice of a Python, and what runs on every change."""

from __future__ import annotations

import re
import shutil
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


def find_chromium(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Look for a Chromium with nothing in the environment but this."""
    shell = shutil.which("sh")
    assert shell is not None
    command = [shell, "scripts/find-chromium", *words]
    return subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False
    )


def program(path: Path, text: str) -> Path:
    """A program that does as told."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_first_chromium_on_the_path_is_found_unless_another_is_named(tmp_path: Path) -> None:
    chromium, another = program(tmp_path / "chromium", ""), program(tmp_path / "another", "")

    assert find_chromium(PATH=str(tmp_path)).stdout.strip() == str(chromium)
    named = find_chromium("--install", PATH=str(tmp_path), HEADRACE_TEST_CHROMIUM=str(another))
    assert named.stdout.strip() == str(another)


def test_chromium_is_installed_where_that_may_be_done(tmp_path: Path) -> None:
    program(tmp_path / "id", "echo 0")
    program(tmp_path / "apt-get", f"echo $* >> {tmp_path}/log; [ $1 = update ] || : > {tmp_path}/chromium")

    refused = find_chromium(PATH=str(tmp_path))
    assert refused.returncode == 1
    assert not (tmp_path / "log").exists()

    find_chromium("--install", PATH=str(tmp_path))
    _, install = (tmp_path / "log").read_text().splitlines()
    assert install.endswith("chromium fonts-dejavu-core")


def test_without_a_chromium_the_message_says_what_to_do(tmp_path: Path) -> None:
    program(tmp_path / "id", "echo 1000")

    for variables in ({}, {"HEADRACE_TEST_CHROMIUM": "/nowhere/chromium"}):
        refused = find_chromium("--install", PATH=str(tmp_path), **variables)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "apt-get install chromium" in refused.stderr
        assert "HEADRACE_TEST_CHROMIUM=" in refused.stderr


def test_the_scripts_of_the_door_are_valid_shell() -> None:
    for name in (".ci/run", "scripts/find-python", "scripts/find-chromium", "examples/demo.sh"):
        checked = run("bash", "-n", name)
        assert checked.returncode == 0, checked.stderr

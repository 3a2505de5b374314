"""The shim as users have it: installed from its wheel into a folder that fresh interpreters import from."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

SHIM = Path(__file__).parents[2] / "shims" / "prefect"
SCRIPTS = Path(__file__).parent / "scripts"

LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} \| (\S+) +\| (.*)$")
FLOW_RUN = re.compile(r"Flow run '([^']+)'")


class Done(NamedTuple):
    """How a program ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The log lines as pairs of level and text; what is random in the names of runs is `*`."""
        found = [match.groups() for text in self.err.splitlines() if (match := LINE.match(text))]
        return [(level, _without_random_names(text)) for level, text in found]


def _without_random_names(text: str) -> str:
    text = re.sub(r"(Task run '[^']*-)[0-9a-f]{3}'", r"\1*'", text)
    return re.sub(r"(?i)(flow run )'[a-z]+-[a-z]+(-[a-z]+)*'", r"\1'*'", text)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the shim's wheel is installed in."""
    folder = tmp_path_factory.mktemp("shim")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=SHIM, check=True, capture_output=True)
    (wheel,) = folder.glob("headrace_prefect-*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


Run = Callable[..., Done]


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Run:
    """Run Python with arguments in an empty folder, a home of its own and the shim installed."""
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "HEADRACE_"))
    }

    def run(*arguments: object, path: tuple[Path, ...] = (), **variables: str) -> Done:
        environment = {
            **inherited,
            "HEADRACE_HOME": str(tmp_path / "home"),
            "PYTHONPATH": os.pathsep.join(map(str, (*path, installed))),
            **variables,
        }
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def run_source(run: Run, tmp_path: Path) -> Run:
    """Run a program given by its source, which must end well."""

    def run_source(source: str, **options: object) -> Done:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(source))
        done = run(script, **options)
        assert done.code == 0, done.err
        return done

    return run_source


@pytest.fixture
def run_script(run: Run) -> Run:
    """Run one of `scripts/`, which must end well."""

    def run_script(name: str, *arguments: object, **variables: str) -> Done:
        done = run(SCRIPTS / f"{name}.py", *arguments, **variables)
        assert done.code == 0, done.err
        return done

    return run_script

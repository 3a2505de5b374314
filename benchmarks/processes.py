"""Child processes: started in a session of their own, timed, and ended with everything they started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contenders import Contender

SCRIPTS = Path(__file__).parent / "scripts"
LIMIT_SECONDS = 900


class ChildFailed(Exception):
    """A measured process ended badly; the message holds the end of what it printed."""


@dataclass
class Ended:
    """A process that ended well.

    Args:
        seconds: From its start to its end.
        end: When it ended, by the monotonic clock that all processes of a machine share.
        figures: What a script reported with `reporting.report`.
    """

    seconds: float
    end: float
    figures: dict[str, Any]


def run(
    contender: Contender,
    home: Path,
    *arguments: str,
    quiet: bool = False,
    variables: Mapping[str, str] | None = None,
) -> Ended:
    """Run one process to its end.

    Args:
        contender: Whose environment it gets.
        home: The contender's home.
        arguments: The command line.
        quiet: Log from WARNING on only.
        variables: More of its environment.

    Raises:
        ChildFailed: It exited with another status than 0, or was killed after `LIMIT_SECONDS`.
    """
    began = time.monotonic()
    with started(contender, home, *arguments, quiet=quiet, variables=variables) as child:
        # `wait(timeout)` would look only every 50 ms whether the process has ended.
        limit = threading.Timer(LIMIT_SECONDS, child.process.kill)
        limit.start()
        try:
            status = child.process.wait()
            end = time.monotonic()
        finally:
            limit.cancel()  # else an interrupted benchmark would not end before the limit
    if status:
        command = " ".join(Path(word).name for word in arguments)
        raise ChildFailed(f"{command}: exit status {status}\n{child.complaint()[-3000:]}")
    return Ended(end - began, end, figures_in(child.printed()))


def run_script(
    contender: Contender,
    home: Path,
    script: str,
    *arguments: object,
    quiet: bool = True,
    variables: Mapping[str, str] | None = None,
) -> Ended:
    """Run one of `benchmarks/scripts` to its end; see `run`."""
    command = (str(contender.python), str(SCRIPTS / script), *map(str, arguments))
    return run(contender, home, *command, quiet=quiet, variables=variables)


@dataclass
class Child:
    """A running process. It prints to files: a pipe would make it wait for its reader, and the reader for whatever
    the process leaves behind."""

    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path

    def printed(self) -> str:
        """What it printed to standard output."""
        return self.stdout.read_text(errors="replace")

    def complaint(self) -> str:
        """What it printed to standard error."""
        return self.stderr.read_text(errors="replace")


@contextmanager
def started(
    contender: Contender,
    home: Path,
    *arguments: str,
    quiet: bool = False,
    name: str = "child",
    variables: Mapping[str, str] | None = None,
) -> Iterator[Child]:
    """A running process; what is left of its session when the block ends is killed.

    Args:
        contender: Whose environment it gets.
        home: The contender's home.
        arguments: The command line.
        quiet: Log from WARNING on only.
        name: Of its files; one for each process that runs at the same time.
        variables: More of its environment.
    """
    folder = home.parent
    stdout, stderr = folder / f"{name}.stdout", folder / f"{name}.stderr"
    environment = contender.environment(home, quiet=quiet) | {"BENCH_STORE": str(home / contender.store)}
    with stdout.open("wb") as printed, stderr.open("wb") as complaint:
        process = subprocess.Popen(
            arguments,
            env={**environment, **(variables or {})},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=complaint,
            start_new_session=True,
        )
    try:
        yield Child(process, stdout, stderr)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def figures_in(printed: str) -> dict[str, Any]:
    """The figures on the last line of the form `FIGURES {...}`, if there is one."""
    lines = [line for line in printed.splitlines() if line.startswith("FIGURES ")]
    return json.loads(lines[-1].removeprefix("FIGURES ")) if lines else {}

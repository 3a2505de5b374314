"""What the fault tests share: a look at what was recorded, and programs that can be signalled."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.core import failpoint


@pytest.fixture(autouse=True)
def _recorded(recorded: Any) -> Iterator[None]:
    """Every test has a fresh home folder; when it is over, the invariant checker goes over what it left."""
    yield
    failpoint.disarm()


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """What code that cannot be interrupted waits for; set at the end of the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


# --- Programs --------------------------------------------------------------------------------------------------

REPORTING = '''
"""Tells the test that started this program what it is doing."""
import os

def report(*words):
    """Send one line to the test."""
    os.write(int(os.environ["TEST_REPORT_FD"]), (" ".join(map(str, words)) + "\\n").encode())
'''

CONSOLE_LINE = re.compile(r"^(\d\d:\d\d:\d\d\.\d{3}) \| ([A-Z]+) *\| (.*)$")


HANGING_SECONDS = 180
"""A program that takes longer than this to end never will; less than a test's time limit."""


class Program:
    """A Python program in a process of its own, in a session of its own."""

    def __init__(
        self, process: subprocess.Popen[bytes], reports: int, folder: Path, terminal: int | None
    ) -> None:
        self.process = process
        self._reports = os.fdopen(reports, "r")
        self._folder = folder
        self._terminal = terminal

    @property
    def stdout(self) -> str:
        return (self._folder / "stdout").read_text(errors="surrogateescape")

    @property
    def stderr(self) -> str:
        return (self._folder / "stderr").read_text(errors="surrogateescape")

    def next_report(self) -> str:
        """The next line that the program reports; waits for it."""
        line = self._reports.readline()
        assert line, f"The program ended before it reported anything more.\n{self.stdout}\n{self.stderr}"
        return line.rstrip("\n")

    def reports(self) -> list[str]:
        """All lines that the program reports from now to its end."""
        return [line.rstrip("\n") for line in self._reports]

    def send(self, number: signal.Signals) -> None:
        """Send the program's process a signal."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for the program's end; its exit code, negative for the signal that killed it."""
        try:
            return self.process.wait(HANGING_SECONDS)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGABRT)  # faulthandler shows where its threads are
            self.process.wait()
            raise AssertionError(f"The program does not end.\n{self.stdout}\n{self.stderr}") from None

    def succeed(self) -> Program:
        """Wait for the program's end, which must be a good one."""
        code = self.end()
        assert code == 0, f"exit code {code}\n{self.stdout}\n{self.stderr}"
        return self

    def screen(self) -> str:
        """What the program shows on its terminal, up to its end."""
        assert self._terminal is not None
        shown = b""
        while True:
            try:
                piece = os.read(self._terminal, 65536)
            except OSError:  # EIO: the other end is closed
                break
            if not piece:
                break
            shown += piece
        return shown.decode()

    def console(self) -> list[tuple[str, str]]:
        """The lines on stderr in the form of Headrace's console, as pairs of level and text."""
        matches = map(CONSOLE_LINE.match, self.stderr.splitlines())
        return [(match[2], match[3]) for match in matches if match]

    def discard(self) -> None:
        """Leave no process behind, whatever happened."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reports.close()
        if self._terminal is not None:
            os.close(self._terminal)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start a program from its source text.

    Arguments: the source, then `sys.argv`; `env` for more environment variables, `terminal=True` to give it one,
    `before` to run in the child before Python starts.
    """
    programs: list[Program] = []

    def launch(
        source: str,
        *arguments: object,
        env: dict[str, str] | None = None,
        terminal: bool = False,
        before: Callable[[], None] | None = None,
    ) -> Program:
        folder = tmp_path / f"program-{len(programs)}"
        folder.mkdir()
        (folder / "reporting.py").write_text(REPORTING)
        script = folder / "script.py"
        script.write_text(textwrap.dedent(source))
        reading, writing = os.pipe()
        os.set_inheritable(writing, True)
        variables = {**os.environ, "PYTHONFAULTHANDLER": "1", "TEST_REPORT_FD": str(writing), **(env or {})}
        master, slave = pty.openpty() if terminal else (None, None)
        with open(folder / "stdout", "wb") as stdout, open(folder / "stderr", "wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, str(script), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=stdout if slave is None else slave,
                stderr=stderr if slave is None else slave,
                env=variables,
                cwd=folder,
                pass_fds=[writing],
                start_new_session=True,
                preexec_fn=before,
            )
        os.close(writing)
        if slave is not None:
            os.close(slave)
        program = Program(process, reading, folder, master)
        programs.append(program)
        return program

    yield launch
    for program in programs:
        program.discard()

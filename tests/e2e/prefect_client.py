"""An unmodified Prefect client: its scripts and its command, run in its own virtual environment against a server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from .servers import Row, clean_environment, eventually

SCRIPTS = Path(__file__).parent / "prefect_scripts"
SCRIPT_SECONDS = 180.0

LogLine = tuple[str, str | None, int, str]
"""Flow run, task run, level, message."""


class Account:
    """What a script says that happened to it; see `prefect_scripts/account.py`."""

    def __init__(self, lines: list[Row]) -> None:
        self._lines = lines

    def facts(self, kind: str) -> list[Row]:
        """All lines of one kind, in order."""
        return [line for line in self._lines if line["kind"] == kind]

    def ended(self, kind: str) -> dict[str, Row]:
        """How the runs of one kind ("flow-run" or "task-run") ended, by id."""
        return {line["id"]: line for line in self.facts(f"{kind}-ended")}

    def entered(self, kind: str) -> Counter[str]:
        """How often the code of each run of one kind was entered, by id."""
        return Counter(line["id"] for line in self.facts(f"{kind}-began"))

    @property
    def flow_run_id(self) -> str:
        """The flow run that the script began with."""
        return self.facts("flow-run-began")[0]["id"]

    @property
    def log_lines(self) -> list[LogLine]:
        """What the runs logged, in order."""
        return [
            (line["flow_run_id"], line["task_run_id"], line["level"], line["message"])
            for line in self.facts("log")
        ]


class Script:
    """A script that is running."""

    def __init__(self, process: subprocess.Popen[bytes], account: Path, output: Path) -> None:
        self.process = process
        self._account = account
        self._output = output

    @property
    def account(self) -> Account:
        """Its account so far."""
        # A script that is killed may leave half a line.
        lines = self._account.read_text().splitlines(keepends=True) if self._account.exists() else []
        return Account([json.loads(line) for line in lines if line.endswith("\n")])

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return self._output.read_text()

    def wait_for(self, kind: str, count: int) -> None:
        """Wait until its account has so many lines of a kind."""

        def check() -> None:
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"the script ended before it had {count} x {kind}:\n{self.printed[-3000:]}"
                )
            assert len(self.account.facts(kind)) >= count

        eventually(check, SCRIPT_SECONDS)

    def finish(self, status: int = 0) -> Account:
        """Its account, once it has ended as expected."""
        ended = self.process.wait(SCRIPT_SECONDS)
        assert ended == status, f"exit status {ended}\n{self.printed[-6000:]}"
        return self.account

    def kill(self) -> Account:
        """Its account, after it was killed with SIGKILL."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        return self.account


class PrefectClient:
    """Prefect 3.8.8 as the user of a server.

    Args:
        python: The interpreter of its virtual environment.
        url: The server's API.
        folder: For its home and its files; its own.
    """

    def __init__(self, python: Path, url: str, folder: Path) -> None:
        self._python = python
        self._folder = folder
        self._environment = {
            **clean_environment(),
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_API_URL": url,
            # Tables and JSON as wide as they are.
            "COLUMNS": "1000",
        }
        self._scripts: list[Script] = []

    def start(self, name: str, *arguments: object, **variables: str) -> Script:
        """Start one of `prefect_scripts/`."""
        number = len(self._scripts)
        account, output = self._folder / f"{number}.account", self._folder / f"{number}.output"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [self._python, SCRIPTS / f"{name}.py", *map(str, arguments)],
                env={**self._environment, "E2E_ACCOUNT": str(account), **variables},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self._scripts.append(Script(process, account, output))
        return self._scripts[-1]

    def run(self, name: str, *arguments: object, **variables: str) -> Account:
        """Run one of `prefect_scripts/` to its end, which must be good."""
        return self.start(name, *arguments, **variables).finish()

    def command(self, *words: str, status: int = 0) -> str:
        """What a `prefect` command prints; it must end with this status."""
        done = subprocess.run(
            [self._python.with_name("prefect"), "--no-prompt", *words],
            env=self._environment, cwd=self._folder, capture_output=True, text=True, timeout=SCRIPT_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == status, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *words: str) -> Any:
        """What a `prefect` command prints as JSON."""
        return json.loads(self.command(*words, "--output", "json"))

    def close(self) -> None:
        """Kill what is still running."""
        for script in self._scripts:
            script.kill()

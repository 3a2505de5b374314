"""The servers under test: real processes on a free port, which can be killed and started again on the same database."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx

START_SECONDS = 200.0
STOP_SECONDS = 30.0
PAGE = 200

Row = dict[str, Any]
T = TypeVar("T")


def eventually(check: Callable[[], T], seconds: float = 60.0) -> T:
    """What `check` returns, as soon as it raises no AssertionError.

    Args:
        check: Asserts something.
        seconds: For how long it may fail before its error is raised.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(0.05)


def clean_environment() -> dict[str, str]:
    """The environment of the tests, less what configures Headrace or Prefect."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "PREFECT_"))
    }
    return {**inherited, "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "NO_COLOR": "1"}


class Server:
    """A server under test.

    Args:
        command: Starts it in the foreground, but for the options `--host` and `--port`.
        variables: Of its environment, on top of `clean_environment`.
        folder: For its log.
        database: The URL of its store; None for Prefect's, whose tables are its own affair.
    """

    def __init__(
        self, command: list[str], variables: dict[str, str], folder: Path, database: str | None
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.database = database
        self.log = folder / "server.log"
        self._command = [*command, "--host", "127.0.0.1", "--port", str(self.port)]
        self._variables = variables
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env={**clean_environment(), **self._variables},
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(self._assert_ready, START_SECONDS)

    def kill(self) -> None:
        """Kill it and whatever it has started, with SIGKILL."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def stop(self) -> int:
        """Ask it to end; what is left after a while is killed.

        Returns:
            Its exit status.
        """
        if self._process is None:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        finally:
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _assert_ready(self) -> None:
        assert self._process is not None
        if (status := self._process.poll()) is not None:
            raise RuntimeError(f"the server ended with exit status {status}:\n{self.log.read_text()[-3000:]}")
        try:
            answer = httpx.get(f"{self.url}/ready")
        except httpx.TransportError as error:
            raise AssertionError(f"{self.url} does not answer: {error}") from error
        assert answer.status_code == 200, answer.text


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def headrace_server(folder: Path, database: str) -> Server:
    """Headrace's server.

    Args:
        folder: For its home and its log.
        database: Its URL.
    """
    command = [str(Path(sys.executable).with_name("headrace")), "server", "start"]
    variables = {"HEADRACE_HOME": str(folder / "server"), "HEADRACE_SERVER_DATABASE_CONNECTION_URL": database}
    return Server(command, variables, folder, database)


def prefect_server(folder: Path, python: Path) -> Server:
    """Prefect's own server, on SQLite.

    Args:
        folder: For its home and its log.
        python: The interpreter of Prefect's virtual environment.
    """
    return Server(
        [str(python.with_name("prefect")), "server", "start"],
        {"PREFECT_HOME": str(folder / "server")},
        folder,
        None,
    )


class Api:
    """Reads what a server has recorded, over REST."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)

    def close(self) -> None:
        """Close its connections."""
        self.http.close()

    def post(self, path: str, body: Any = None) -> Any:
        """The answer to a POST, which must succeed."""
        answer = self.http.post(path, json=body)
        assert answer.is_success, f"POST {path} {body}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def get(self, path: str, **parameters: Any) -> Any:
        """The answer to a GET, which must succeed."""
        answer = self.http.get(path, params=parameters)
        assert answer.is_success, f"GET {path} {parameters}: {answer.status_code} {answer.text}"
        return answer.json()

    def filter(self, noun: str, body: Row | None = None) -> list[Row]:
        """Everything that a filter finds, page by page.

        Args:
            noun: As in the path: "flow_runs", "task_runs", "logs".
            body: The filters and the sort.
        """
        return list(self._pages(noun, body or {}))

    def _pages(self, noun: str, body: Row) -> Iterator[Row]:
        offset = 0
        while page := self.post(f"/{noun}/filter", {**body, "limit": PAGE, "offset": offset}):
            yield from page
            offset += len(page)

    def flow_runs(self, **body: Any) -> list[Row]:
        """All flow runs, by the time they started."""
        return self.filter("flow_runs", {"sort": "START_TIME_ASC", **body})

    def task_runs(self, **body: Any) -> list[Row]:
        """All task runs, by the time they were expected to start."""
        return self.filter("task_runs", {"sort": "EXPECTED_START_TIME_ASC", **body})

    def task_runs_of(self, flow_run_id: str) -> list[Row]:
        """The task runs of one flow run."""
        return self.task_runs(flow_runs={"id": {"any_": [flow_run_id]}})

    def logs(self, **body: Any) -> list[Row]:
        """All logs, by time."""
        return self.filter("logs", {"sort": "TIMESTAMP_ASC", **body})

    def flow_states(self, run_id: str) -> list[Row]:
        """The states of a flow run, oldest first."""
        return self.get("/flow_run_states/", flow_run_id=run_id)

    def task_states(self, run_id: str) -> list[Row]:
        """The states of a task run, oldest first."""
        return self.get("/task_run_states/", task_run_id=run_id)

"""Headrace's own server, in a process of its own: what flows report to it is there, also when it is killed amid them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from headrace import get_run_logger
from headrace.engine.session import close_sessions
from headrace.store.lists import flow_runs as flow_run_lists
from headrace.store.lists import logs as log_lists
from headrace.store.lists import task_runs as task_run_lists
from headrace.store.states import read_states
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

COMPLETED = ["Pending", "Running", "Completed"]
PLENTY = 1_000_000


class RealServer:
    """`headrace server start`, on a home folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        environment = {name: value for name, value in os.environ.items() if name != "HEADRACE_API_URL"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "headrace", "server", "start", "--port", str(self.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**environment, "HEADRACE_HOME": str(self.folder)},
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "answers at" in line:
                threading.Thread(target=self._process.stdout.read, daemon=True).start()
                return
        raise AssertionError("The server did not start.")

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.wait(60)

    def stop(self) -> None:
        """Tell it to stop, and wait."""
        self._process.terminate()
        self._process.wait(60)

    def recorded(self) -> Recorded:
        """What it has stored."""
        return Recorded(Store.open(self.folder / "headrace.db"))


class Recorded:
    """What a store holds."""

    def __init__(self, store: Store) -> None:
        with store:
            assert_history(store)
            runs = store.read(lambda conn: flow_run_lists.read_flow_runs(conn, limit=PLENTY))
            self.flow_runs = sorted(runs, key=lambda run: run.id)
            self.task_runs = store.read(lambda conn: task_run_lists.read_task_runs(conn, limit=PLENTY))
            self.messages = [
                line.message for line in store.read(lambda conn: log_lists.read_logs(conn, limit=PLENTY))
            ]
            self.histories = {
                run.id: [state.name for state in store.read(lambda conn: read_states(conn, run.id))]
                for run in [*self.flow_runs, *self.task_runs]
            }

    def history(self, run: Any) -> list[str | None]:
        """The names of the states that a run went through."""
        return self.histories[run.id]

    def named(self, name: str) -> list[list[str | None]]:
        """The histories of the runs of a task."""
        return [self.history(run) for run in self.task_runs if run.name.startswith(name)]


@pytest.fixture
def server(tmp_path):
    server = RealServer(tmp_path / "server")
    yield server
    close_sessions()
    server.kill()


def test_a_flow_with_all_that_a_flow_has_is_there(colour, server, outbox):
    attempts = []

    @colour.task
    def step(number):
        get_run_logger().info("step %s", number)
        return number

    @colour.task(retries=1)
    def flaky():
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("the first time")
        return "the second time"

    @colour.task
    def fails():
        raise ValueError("boom")

    @colour.flow(name="child")
    def child():
        return "from the child"

    async def body():
        assert await colour.call(step, 1) == 1
        assert step.map(range(20)).result() == list(range(20))
        assert await colour.call(flaky) == "the second time"
        with pytest.raises(ValueError, match="boom"):
            await colour.call(fails)
        return await colour.call(child)

    assert colour.in_flow(body) == "from the child"
    close_sessions()
    server.stop()

    recorded = server.recorded()
    assert [recorded.history(run) for run in recorded.flow_runs] == [COMPLETED] * 2
    assert recorded.named("step") == [COMPLETED] * 21
    assert recorded.named("flaky") == [["Pending", "Running", "Retrying", "Completed"]]
    assert recorded.named("fails") == [["Pending", "Running", "Failed"]]
    # Created Pending, as any client of the API creates it; then it has the states of its subflow.
    assert recorded.named("child") == [["Pending", *COMPLETED]]
    assert {f"step {number}" for number in range(20)} <= set(recorded.messages)
    assert outbox() == []


def test_a_server_that_is_killed_amid_a_flow_and_started_again_has_all_of_it(colour, server, outbox):
    @colour.task
    def step(number):
        get_run_logger().info("step %s", number)

    async def body():
        for number in range(900):
            if number in (300, 600):
                server.kill()
            if number in (450, 750):
                server.start()
            await colour.call(step, number)

    colour.in_flow(body)
    close_sessions()
    server.stop()

    recorded = server.recorded()
    assert [recorded.history(run) for run in recorded.flow_runs] == [COMPLETED]
    assert recorded.named("step") == [COMPLETED] * 900
    said = [line for line in recorded.messages if line.startswith("step ")]
    assert sorted(said) == sorted(f"step {number}" for number in range(900))
    assert outbox() == []

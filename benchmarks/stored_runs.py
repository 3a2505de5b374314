"""Fills a store with flow runs: through its own server where that is quick, by copying rows where it would take hours."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from benchmarks.contenders import Contender
from benchmarks.processes import ChildFailed
from benchmarks.servers import load, serving

COPIED = 100
"""How many runs are made the long way, to be copied."""


def store_flow_runs(
    contender: Contender, home: Path, count: int, variables: dict[str, str] | None = None
) -> None:
    """Give a contender's store so many flow runs, each with a state.

    Prefect creates some 80 a second: for its store a hundred are created, and their rows copied while no server runs.

    Raises:
        ChildFailed: They are not all there.
    """
    copies = contender.name == "prefect"
    with serving(contender, home, variables) as server:
        flow = server.post("/flows/", {"name": "benchmark"})
        before = server.post("/flow_runs/count", {})
        made = load(contender, home, server.url, "create", flow["id"], requests=COPIED if copies else count)
    if not copies and made["failed"]:
        raise ChildFailed(f"of {count} flow runs, {made['failed']} could not be created: {made['statuses']}")
    if copies:
        _copy(home / contender.store, count)
    with serving(contender, home, variables) as server:
        stored = server.post("/flow_runs/count", {}) - before
    if stored < count:
        raise ChildFailed(f"{stored} flow runs are stored; expected {count}")


def _copy(store: Path, count: int) -> None:
    """Copy the newest flow runs of Prefect's store, with their states, until there are so many more."""
    with closing(sqlite3.connect(store)) as connection:
        connection.row_factory = sqlite3.Row
        runs = connection.execute(
            "SELECT * FROM flow_run ORDER BY created DESC LIMIT ?", (COPIED,)
        ).fetchall()
        for number in range(count):
            run = dict(runs[number % len(runs)])
            state = dict(
                connection.execute("SELECT * FROM flow_run_state WHERE id = ?", (run["state_id"],)).fetchone()
            )
            run_id, state_id = str(uuid4()), str(uuid4())
            _insert(
                connection, "flow_run", {**run, "id": run_id, "state_id": state_id, "idempotency_key": None}
            )
            _insert(connection, "flow_run_state", {**state, "id": state_id, "flow_run_id": run_id})
        connection.commit()


def copy_flow_runs(store: Path, count: int) -> None:
    """Copy the flow runs of Headrace's store, with the events of their states, until there are so many more: one each second, up to now.

    Args:
        store: The file; no server runs on it.
        count: How many to add.
    """
    with closing(sqlite3.connect(store)) as connection:
        connection.row_factory = sqlite3.Row
        runs = [dict(row) for row in connection.execute("SELECT * FROM flow_run")]
        states = {
            run["id"]: dict(row)
            for run in runs
            for row in connection.execute("SELECT * FROM event WHERE id = ?", (run["state_id"],))
        }
        now = time.time_ns() // 1_000
        for number in range(count):
            run = runs[number % len(runs)]
            state, at = states[run["id"]], now - (count - number) * 1_000_000
            ids = {"id": _id(at), "state_id": _id(at)}
            times = {name: at for name, value in run.items() if name in TIMES and value is not None}
            _insert(
                connection,
                "flow_run",
                {**run, **ids, **times, "name": f"copy-{number}", "idempotency_key": None},
            )
            event = {
                **state,
                "id": ids["state_id"],
                "run_id": ids["id"],
                "flow_run_id": ids["id"],
                "occurred": at,
            }
            _insert(connection, "event", {name: value for name, value in event.items() if name != "seq"})
        connection.commit()


TIMES = {"created", "updated", "expected_start_time", "start_time", "end_time", "state_timestamp"}


def _id(microseconds: int) -> bytes:
    """A UUIDv7 of a time."""
    value = bytearray((microseconds // 1_000).to_bytes(6, "big") + os.urandom(10))
    value[6], value[8] = value[6] & 0x0F | 0x70, value[8] & 0x3F | 0x80
    return bytes(value)


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    columns = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" for _ in row)
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(row.values()))

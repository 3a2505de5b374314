"""Fills a store with flow runs: through its own server where that is quick, by copying rows where it would take hours."""

from __future__ import annotations

import sqlite3
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


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    columns = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" for _ in row)
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(row.values()))

"""What pages show, told to a server over REST as runs themselves tell it: at once, and with the times at which it would have been."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from headrace.core.ids import uuid7

from ..e2e.servers import Api, Row

__all__ = ["Records", "copy_flow_run", "state"]

BATCH = 500


def state(kind: str, at: datetime | None = None, **fields: Any) -> Row:
    """A state as the API takes it.

    Args:
        kind: Its type: "RUNNING".
        at: When it was entered; now when left out.
        fields: `name`, `message`, `state_details`.
    """
    return {"type": kind, "id": str(uuid7()), "timestamp": (at or datetime.now(UTC)).isoformat(), **fields}


class Records:
    """Tells a server of runs that no process runs.

    Args:
        api: The server's.
    """

    def __init__(self, api: Api) -> None:
        self.api = api

    def flow(self, name: str, **fields: Any) -> str:
        """The id of the flow with that name, which is made if it is not there."""
        return str(self.api.post("/flows/", {"name": name, **fields})["id"])

    def flow_run(self, flow: str, name: str, *states: str | Row, **fields: Any) -> str:
        """The id of a run that has gone through these states, types or whole ones: the first of them when it was made.

        Args:
            flow: The name of its flow.
            name: Its own.
            states: Pending when there are none.
            fields: What else it is made with: `tags`, `parameters`.
        """
        first, *rest = [state(each) if isinstance(each, str) else each for each in states or ["PENDING"]]
        made = self.api.post(
            "/flow_runs/", {"flow_id": self.flow(flow), "name": name, "state": first, **fields}
        )
        for each in rest:
            self.enter(made["id"], each)
        return str(made["id"])

    def past_run(
        self, flow: str, name: str, ended: datetime, seconds: float, kind: str = "COMPLETED", **fields: Any
    ) -> str:
        """The id of a run that ended in such a state, having run for so long; it started when it should have."""
        began = ended - timedelta(seconds=seconds)
        message = fields.pop("message", None)
        return self.flow_run(
            flow,
            name,
            state("SCHEDULED", began, state_details={"scheduled_time": began.isoformat()}),
            state("PENDING", began),
            state("RUNNING", began),
            state(kind, ended, message=message),
            **fields,
        )

    def enter(self, flow_run_id: str, entered: str | Row) -> None:
        """Let a flow run enter a state, a type or a whole one."""
        body = {"state": state(entered) if isinstance(entered, str) else entered}
        answer = self.api.post(f"/flow_runs/{flow_run_id}/set_state", body)
        assert answer["status"] == "ACCEPT", answer

    def task_run(
        self,
        flow_run_id: str,
        task: str,
        began: datetime,
        seconds: float | None = None,
        kind: str = "COMPLETED",
        **fields: Any,
    ) -> Row:
        """Records of a task run, for `tell`: it began then, and ended in such a state after so long, or still runs.

        Args:
            flow_run_id: The run it belongs to.
            task: The name of its task.
            began: When it started.
            seconds: How long it took; None while it runs.
            kind: The type of the state in which it ended.
            fields: What else is known of it: `name`, `tags`, `task_inputs`; `message` is its last state's.
        """
        message = fields.pop("message", None)
        run = {
            "id": str(uuid7()),
            "name": task,
            "task_key": f"{task}-0a1b2c3d",
            "dynamic_key": str(uuid4()),
            "flow_run_id": flow_run_id,
            "flow_run_run_count": 1,
            "expected_start_time": began.isoformat(),
            **fields,
        }
        started = {"run_count": 1, "start_time": began.isoformat()}
        steps = [{"kind": "task-run", "run": run, "state": state("RUNNING", began), **started}]
        if seconds is not None:
            ended = began + timedelta(seconds=seconds)
            done = {"end_time": ended.isoformat(), "total_run_time": seconds}
            final = state(kind, ended, message=message)
            steps.append({"kind": "task-run", "run": run["id"], "state": final, **started, **done})
        return {"id": run["id"], "steps": steps}

    def tell(self, runs: Iterable[Row]) -> list[str]:
        """Record task runs, in order.

        Args:
            runs: From `task_run`.

        Returns:
            Their ids.
        """
        every = list(runs)
        for start in range(0, len(every), BATCH):
            steps = [step for run in every[start : start + BATCH] for step in run["steps"]]
            self.api.post("/runs/record", {"records": steps})
        return [run["id"] for run in every]

    def log(self, flow_run_id: str, *messages: str, level: int = 20, **fields: Any) -> None:
        """Let a flow run log lines, each a microsecond after the one before."""
        first = datetime.now(UTC)
        lines = [
            {
                "name": "headrace.flow_runs",
                "level": level,
                "message": message,
                "timestamp": (first + timedelta(microseconds=number)).isoformat(),
                "flow_run_id": flow_run_id,
                **fields,
            }
            for number, message in enumerate(messages)
        ]
        for start in range(0, len(lines), BATCH):
            self.api.post("/logs/", lines[start : start + BATCH])

    def event(self, name: str, resource: str, **fields: Any) -> str:
        """The id of an event that happens now to the resource with that id."""
        id = str(uuid7())
        event = {
            "id": id,
            "event": name,
            "occurred": datetime.now(UTC).isoformat(),
            "resource": {"prefect.resource.id": resource, **fields.pop("labels", {})},
            **fields,
        }
        self.api.post("/events", [event])
        return id


def copy_flow_run(database: str, flow_run_id: str, count: int) -> None:
    """Give a store copies of a flow run that has been in one state, each a second older: 100,000 in seconds, not minutes.

    The oldest come first, so that each goes to the end of the indexes.

    Args:
        database: The URL of the store, an SQLite file; its server may run.
        flow_run_id: The run.
        count: How many copies.
    """
    with closing(sqlite3.connect(database.removeprefix("sqlite:///"), timeout=60)) as store:
        store.execute("CREATE TEMP TABLE copy (run BLOB, state BLOB, seconds INTEGER)")
        ids = ((uuid7().bytes, uuid7().bytes, count - number) for number in range(count))
        store.executemany("INSERT INTO copy VALUES (?, ?, ?)", ids)
        at = "expected_start_time - copy.seconds * 1000000"
        times = dict.fromkeys(("created", "expected_start_time", "start_time", "end_time"), at)
        run = {"id": "copy.run", "state_id": "copy.state", "name": "name || '-' || copy.seconds", **times}
        step = {"id": "copy.state", "run_id": "copy.run", "flow_run_id": "copy.run", "seq": "NULL"}
        _insert_copies(store, "event", step, "run_id", flow_run_id)
        _insert_copies(store, "flow_run", run, "id", flow_run_id)
        store.commit()


def _insert_copies(
    store: sqlite3.Connection, table: str, changes: dict[str, str], key: str, flow_run_id: str
) -> None:
    names = [column[1] for column in store.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changes.get(name, name) for name in names)
    store.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {values}"
        f" FROM copy, (SELECT * FROM {table} WHERE {key} = ?) ORDER BY copy.rowid",
        (UUID(flow_run_id).bytes,),
    )

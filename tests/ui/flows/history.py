"""Two weeks of runs before today, told to the server over REST with the times at which they would have been."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

DAYS = 14


class Plan(NamedTuple):
    """How a flow runs: every so many hours, for so many seconds, and how many of its runs fail."""

    hours: int
    seconds: float
    failing: float
    tasks: tuple[str, ...]


PLANS = {
    "daily-sales": Plan(24, 900, 0.15, ("read_shop", "clean", "total", "write_report")),
    "import-orders": Plan(3, 60, 0.15, ("read_orders", "parse_order", "book")),
    "exchange-rates": Plan(6, 20, 0.08, ("fetch_rates",)),
    "month-end": Plan(48, 2_400, 0.0, ("read_ledger", "publish")),
}


class Past(NamedTuple):
    """A run as it was."""

    started: datetime
    flow: str
    name: str
    seconds: float
    fails: bool


def main() -> None:
    """Tell the runs, oldest first: the same each time, but for the hour in which they end."""
    with httpx.Client(base_url=os.environ["HEADRACE_API_URL"], timeout=60) as api:
        flows = {name: post(api, "/flows/", name=name)["id"] for name in PLANS}
        for run in sorted(runs(random.Random(4))):
            tell(api, flows[run.flow], run)


def runs(chance: random.Random) -> Iterator[Past]:
    """The runs of all flows."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    for flow, plan in PLANS.items():
        count = DAYS * 24 // plan.hours
        for number in range(1, count):
            started = end - timedelta(hours=(count - number) * plan.hours, seconds=chance.randrange(600))
            seconds = plan.seconds * chance.uniform(0.7, 1.6)
            yield Past(started, flow, f"{flow}-{number}", seconds, chance.random() < plan.failing)


def tell(api: httpx.Client, flow_id: str, run: Past) -> None:
    """Tell one run, with its task runs one after the other; the last of them fails if the run does."""
    began, ended = run.started + timedelta(seconds=1), run.started + timedelta(seconds=run.seconds)
    id = post(
        api,
        "/flow_runs/",
        flow_id=flow_id,
        name=run.name,
        tags=["nightly"],
        state=state("SCHEDULED", run.started, scheduled_time=run.started.isoformat()),
    )["id"]
    post(api, f"/flow_runs/{id}/set_state", state=state("RUNNING", began))
    tasks = PLANS[run.flow].tasks
    each = (ended - began) / len(tasks)
    records = []
    for number, task in enumerate(tasks):
        fails = run.fails and task == tasks[-1]
        records += task_run(id, task, began + number * each, began + (number + 1) * each, fails)
    api.post("/runs/record", json={"records": records}).raise_for_status()
    post(api, f"/flow_runs/{id}/set_state", state=final(ended, run.fails))


def task_run(
    flow_run_id: str, task: str, began: datetime, ended: datetime, fails: bool
) -> list[dict[str, Any]]:
    """What is recorded of a task run."""
    run = {
        "id": str(uuid4()),
        "name": f"{task}-0",
        "task_key": task,
        "dynamic_key": "0",
        "flow_run_id": flow_run_id,
        "flow_run_run_count": 1,
        "expected_start_time": began.isoformat(),
    }
    times = {"run_count": 1, "start_time": began.isoformat()}
    done = {"end_time": ended.isoformat(), "total_run_time": (ended - began).total_seconds()}
    return [
        {"kind": "task-run", "run": run, "state": state("RUNNING", began), **times},
        {"kind": "task-run", "run": run["id"], "state": final(ended, fails), **times, **done},
    ]


def final(entered: datetime, fails: bool) -> dict[str, Any]:
    """The state at the end of a run."""
    return state(
        "FAILED" if fails else "COMPLETED",
        entered,
        "ConnectionError: the service answers 503" if fails else None,
    )


def state(kind: str, entered: datetime, message: str | None = None, **details: str) -> dict[str, Any]:
    """A state as the API takes it."""
    known = {"type": kind, "id": str(uuid4()), "timestamp": entered.isoformat()}
    return {**known, "message": message, "state_details": details}


def post(api: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    """The answer to a POST, which must succeed."""
    return api.post(path, json=body).raise_for_status().json()


if __name__ == "__main__":
    main()

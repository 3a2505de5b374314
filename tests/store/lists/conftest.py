"""What the tests of lists share: a store on each database, filled once, and what it is filled with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import pytest

from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.schema.flows import Flow
from headrace.schema.logs import Log
from headrace.schema.runs import CreatedBy, FlowRun, TaskRun
from headrace.schema.states import State, StateDetails
from headrace.store import flow_runs, flows, task_runs
from headrace.store.records import record
from headrace.store.store import Store

START = datetime(2026, 1, 1, 12, tzinfo=UTC)

CREATOR, DEPLOYMENT, QUEUE, WORKER = (uuid7() for _ in range(4))

LIVES = (
    (),
    ("SCHEDULED",),
    ("SCHEDULED/Late",),
    ("PENDING",),
    ("RUNNING",),
    ("RUNNING", "COMPLETED"),
    ("PENDING", "RUNNING", "FAILED"),
    ("RUNNING", "FAILED/TimedOut"),
    ("RUNNING", "SCHEDULED/AwaitingRetry"),
    ("RUNNING", "COMPLETED/Cached"),
    ("PENDING", "CANCELLED"),
)
NAMES = ("quick-otter", "Quick-Otter", "slow_otter", "a%b", "a/b", "a\\b", "", "otter", "b-otter-2")
TAGS = ([], ["a"], ["a", "b"], ["A", "c,d"], ['quote"d'])


class Filled(NamedTuple):
    """A store and what it holds, as it is read one by one."""

    store: Store
    flows: list[Flow]
    flow_runs: list[FlowRun]
    task_runs: list[TaskRun]
    logs: list[Log]


def states_of(life: tuple[str, ...], at: datetime) -> Iterator[State[None]]:
    for number, word in enumerate(life):
        kind, _, name = word.partition("/")
        details = StateDetails()
        if kind == "SCHEDULED":
            details.scheduled_time = at + timedelta(seconds=30)
        moment = at + timedelta(seconds=number)
        yield State(type=StateType(kind), name=name or None, timestamp=moment, state_details=details)


def fill(store: Store) -> Filled:
    """Put runs of all kinds into a store: each property takes its values in a rhythm of its own."""
    made_flows = [
        store.write(
            lambda conn, name=name, tags=tags: flows.read_or_create_flow(conn, name, tags=tags, now=START)
        )
        for name, tags in (("extract", []), ("Extract-2", ["a"]), ("load", ["a", "b"]), ("nothing", []))
    ]
    trackers: list[UUID] = []
    run_ids = [uuid7() for _ in range(33)]
    task_ids = [uuid7() for _ in range(40)]
    for number, run_id in enumerate(run_ids):
        at = START + timedelta(seconds=7 * (number % 12))
        run = FlowRun(
            id=run_id,
            flow_id=made_flows[number % 3].id,
            name=NAMES[number % len(NAMES)],
            tags=TAGS[number % len(TAGS)],
            flow_version=(None, "1", "2")[number % 3],
            deployment_id=(None, DEPLOYMENT, uuid7(), None)[number % 4],
            work_queue_id=(None, None, QUEUE)[number % 3],
            idempotency_key=(None, f"key-{number}")[number % 2],
            parent_task_run_id=(None, None, None, task_ids[number], uuid7())[number % 5],
            created_by=(None, CreatedBy(id=CREATOR, type="SCHEDULE"), CreatedBy(type="AUTOMATION"))[number % 3],
            expected_start_time=at + timedelta(seconds=number % 4 - 2),
        )  # fmt: skip
        trackers.append(run.id)
        states = list(states_of(LIVES[number % len(LIVES)], at))

        def create(conn, run=run, states=states):
            flow_runs.create_flow_run(conn, run, now=START)
            for state in states:
                result = flow_runs.set_flow_run_state(conn, run.id, state, force=True, now=state.timestamp)
                assert result.status == "ACCEPT", result.reason

        store.write(create)
    for number, task_id in enumerate(task_ids):
        at = START + timedelta(seconds=5 * (number % 15))
        task = TaskRun(
            id=task_id,
            task_key="t",
            dynamic_key=str(number),
            name=NAMES[number % len(NAMES)],
            tags=TAGS[number % len(TAGS)],
            flow_run_id=(None, *run_ids[:6])[number % 7],
            expected_start_time=at,
        )
        states = list(states_of(LIVES[1:][number % (len(LIVES) - 1)], at))

        def create_task(conn, task=task, states=states):
            task_runs.create_task_run(conn, task, now=START)
            for state in states:
                task_runs.set_task_run_state(conn, task.id, state, force=True, now=state.timestamp)

        store.write(create_task)
    texts = ("Disk FULL", "the disk is back", "100% sure", "under_score", "", "a/b", "disk")
    lines = [
        Log(
            name=("my.net", "n", "other")[number % 3],
            level=(10, 20, 30, 40, 2**31 - 1)[number % 5],
            message=texts[number % len(texts)],
            timestamp=START + timedelta(seconds=number % 9),
            flow_run_id=(None, run_ids[0], run_ids[1])[number % 3],
            task_run_id=(None, None, task_ids[0], task_ids[1])[number % 4],
            worker_id=(None, WORKER)[number % 2],
        )
        for number in range(40)
    ]
    store.write(lambda conn: record(conn, lines))
    return Filled(
        store,
        made_flows,
        [store.read(lambda conn, run_id=run_id: flow_runs.read_flow_run(conn, run_id)) for run_id in run_ids],
        [
            store.read(lambda conn, run_id=run_id: task_runs.read_task_run(conn, run_id))
            for run_id in task_ids
        ],
        lines,
    )


@pytest.fixture(scope="module", params=["memory", "postgres"])
def filled(request: pytest.FixtureRequest) -> Iterator[Filled]:
    """A store with runs of all kinds, on each database."""
    if request.param == "memory":
        with Store.open("sqlite://") as store:
            yield fill(store)
        return
    server = request.getfixturevalue("postgres")
    url = server.create_database()
    with Store.open(url) as store:
        yield fill(store)
    server.drop_database(url)

"""The event log as a feed: a cursor sees everything once, in order."""

from __future__ import annotations

from itertools import chain
from uuid import uuid4

import pytest

from headrace.core.states import StateType
from headrace.schema.events import Event
from headrace.schema.runs import TaskRun
from headrace.schema.states import State
from headrace.store import events, task_runs
from headrace.store.lists import flows as lists
from headrace.store.records import record
from headrace.store.store import Store, open_database


def test_a_cursor_sees_every_event_once_and_in_order(store, life):
    seen, cursor = [], events.Cursor.START
    for _ in range(3):
        run = TaskRun(task_key="t", dynamic_key="0")
        store.write(lambda conn, run=run: record(conn, life(run)))
        while page := store.read(lambda conn, after=cursor: events.read_events(conn, after=after, limit=2)):
            seen += [stored.event.id for stored in page]
            cursor = page[-1].cursor
    assert len(seen) == len(set(seen)) == 9
    everything = store.read(events.read_events)
    assert [stored.event.id for stored in everything] == seen


def test_a_transition_is_an_event_with_the_names_and_labels_that_clients_know(store, clock, life):
    run = TaskRun(task_key="t", dynamic_key="0", flow_run_id=uuid4())
    state = State(type=StateType.COMPLETED, name="Cached", message="from before", timestamp=clock.tick())
    store.write(lambda conn: record(conn, life(run, StateType.PENDING, state)))
    first, second = (
        stored.event for stored in store.read(lambda conn: events.read_events(conn, run_id=run.id))
    )
    assert second.event == "prefect.task-run.Cached"
    assert (second.id, second.follows, second.occurred) == (state.id, first.id, clock.now)
    assert second.resource["prefect.resource.id"] == f"prefect.task-run.{run.id}"
    assert second.resource["prefect.state-type"] == "COMPLETED"
    assert second.resource["prefect.state-message"] == "from before"
    assert second.resource["prefect.orchestration"] == "client"
    assert second.related == [
        {"prefect.resource.id": f"prefect.flow-run.{run.flow_run_id}", "prefect.resource.role": "flow-run"}
    ]
    assert second.payload["intended"] == {"from": "PENDING", "to": "COMPLETED"}
    assert second.payload["initial_state"] == {"type": "PENDING", "name": "Pending"}
    assert second.payload["validated_state"]["name"] == "Cached"


def test_a_flow_run_makes_events_and_marks_forced_ones(store, clock, make_flow_run):
    from headrace.store import flow_runs

    run = make_flow_run(State(type=StateType.COMPLETED, timestamp=clock.tick()))
    forced = State(type=StateType.FAILED, timestamp=clock.tick())
    store.write(lambda conn: flow_runs.set_flow_run_state(conn, run.id, forced, force=True, now=clock.now))
    first, second = (stored.event for stored in store.read(events.read_events))
    assert (first.event, second.event) == ("prefect.flow-run.Completed", "prefect.flow-run.Failed")
    assert "forced" not in first.payload
    assert second.payload["forced"] is True


def test_other_events_are_in_the_feed_too(store, life):
    run = TaskRun(task_key="t", dynamic_key="0")
    mine = Event(event="mine", resource={"prefect.resource.id": "r"})
    store.write(lambda conn: record(conn, [mine]))
    store.write(lambda conn: record(conn, life(run)))
    assert [stored.event.event for stored in store.read(events.read_events)] == [
        "mine", "prefect.task-run.Pending", "prefect.task-run.Running", "prefect.task-run.Completed",
    ]  # fmt: skip
    assert len(store.read(lambda conn: events.read_events(conn, run_id=run.id))) == 3


def test_a_flow_runs_event_names_all_that_it_belongs_to(store, clock, make_flow_run):
    tracker = TaskRun(task_key="t", dynamic_key="0", name="child-0")
    store.write(lambda conn: task_runs.create_task_run(conn, tracker, now=clock.now))
    deployment_id = uuid4()
    make_flow_run(
        State(type=StateType.PENDING, timestamp=clock.tick()),
        State(type=StateType.RUNNING, message="go", timestamp=clock.tick()),
        name="fast-fox",
        tags=["b", "a"],
        parent_task_run_id=tracker.id,
        deployment_id=deployment_id,
    )
    (flow,) = store.read(lists.read_flows)
    event = next(
        stored.event for stored in store.read(events.read_events) if stored.name == "prefect.flow-run.Running"
    )
    assert event.resource["prefect.resource.name"] == "fast-fox"
    assert event.resource["prefect.run-count"] == "1"
    assert event.resource["prefect.state-timestamp"] == event.occurred.isoformat()
    assert "prefect.orchestration" not in event.resource
    assert event.related == [
        related("flow", flow.id, "f"),
        related("deployment", deployment_id),
        related("task-run", tracker.id, "child-0"),
        related("tag", "a"),
        related("tag", "b"),
    ]
    assert event.payload == {
        "intended": {"from": "PENDING", "to": "RUNNING"},
        "initial_state": {"type": "PENDING", "name": "Pending"},
        "validated_state": {"type": "RUNNING", "name": "Running", "message": "go"},
    }


def related(role, id, name=None):
    resource = {"prefect.resource.id": f"prefect.{role}.{id}", "prefect.resource.role": role}
    return resource if name is None else {**resource, "prefect.resource.name": name}


def test_a_task_runs_event_names_its_flow_run_and_what_that_belongs_to(store, clock, make_flow_run, life):
    flow_run = make_flow_run(name="fast-fox", tags=["b"])
    run = TaskRun(task_key="t", dynamic_key="0", name="t-0", flow_run_id=flow_run.id, tags=["a", "b"])
    store.write(lambda conn: record(conn, life(run, StateType.PENDING)))
    (event,) = (stored.event for stored in store.read(events.read_events))
    assert event.resource["prefect.resource.name"] == "t-0"
    assert event.related == [
        related("flow-run", flow_run.id, "fast-fox"),
        related("flow", flow_run.flow_id, "f"),
        related("tag", "a"),
        related("tag", "b"),
    ]
    assert event.payload["task_run"]["task_key"] == "t"


# --- Cursors ---------------------------------------------------------------------------------------------------


def test_a_cursor_can_be_kept_as_text():
    cursor = events.Cursor(12, 34)
    assert events.Cursor.parse(str(cursor)) == cursor
    for text in ("", "12", "12-", "-1-2", "1-2-3", "a-b", "\u0661-\u0662", f"0-{10**30}"):
        with pytest.raises(ValueError, match="no place in the log"):
            events.Cursor.parse(text)


def test_behind_the_end_of_the_log_is_what_comes_later(store, life):
    record_run(store, life)
    end = store.read(events.end_of_log)
    assert store.read(lambda conn: events.read_events(conn, after=end)) == []
    later = record_run(store, life)
    assert ids(store, end) == later


def record_run(store, life):
    steps = life(TaskRun(task_key="t", dynamic_key="0"))
    store.write(lambda conn: record(conn, steps))
    return [step.state.id for step in steps]


def ids(store, cursor):
    return [stored.event.id for stored in store.read(lambda conn: events.read_events(conn, after=cursor))]


def test_nothing_is_skipped_when_transactions_commit_in_another_order_than_they_wrote(postgres_url, life):
    with (
        Store.open(postgres_url) as store,
        Transaction(postgres_url) as first,
        Transaction(postgres_url) as second,
    ):
        cursor = store.read(events.end_of_log)
        earlier = [first.write(life), first.write(life)]
        later = second.write(life)
        earlier.append(first.write(life))  # numbers of both are interleaved
        second.commit()
        assert store.read(events.is_held_back)
        assert ids(store, cursor) == []
        first.commit()
        assert not store.read(events.is_held_back)
        assert ids(store, cursor) == [*chain.from_iterable(earlier), *later]


def test_what_waits_for_a_transaction_that_is_given_up_can_be_read_after_it(postgres_url, life):
    with (
        Store.open(postgres_url) as store,
        Transaction(postgres_url) as first,
        Transaction(postgres_url) as second,
    ):
        cursor = store.read(events.end_of_log)
        first.write(life)
        written = second.write(life)
        second.commit()
        assert ids(store, cursor) == []
        first.give_up()
        assert ids(store, cursor) == written


class Transaction:
    """A transaction on a connection of its own, which stays open until the test ends it."""

    def __init__(self, url):
        self._conn = open_database(url).connect()
        self._conn.execute("BEGIN")

    def write(self, life):
        steps = life(TaskRun(task_key="t", dynamic_key="0"))
        record(self._conn, steps)
        return [step.state.id for step in steps]

    def commit(self):
        self._conn.execute("COMMIT")

    def give_up(self):
        self._conn.execute("ROLLBACK")

    def close(self):
        self._conn.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

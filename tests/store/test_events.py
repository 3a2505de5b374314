"""The event log as a feed: a cursor sees everything once, in order."""

from __future__ import annotations

from uuid import uuid4

from headrace.core.states import StateType
from headrace.schema.events import Event
from headrace.schema.runs import TaskRun
from headrace.schema.states import State
from headrace.store import events
from headrace.store.records import record


def test_a_cursor_sees_every_event_once_and_in_order(store, life):
    assert store.read(events.last_seq) == 0
    seen, cursor = [], 0
    for _ in range(3):
        run = TaskRun(task_key="t", dynamic_key="0")
        store.write(lambda conn, run=run: record(conn, life(run)))
        while page := store.read(lambda conn, after=cursor: events.read_events(conn, after=after, limit=2)):
            seen += [stored.event.id for stored in page]
            cursor = page[-1].seq
    assert len(seen) == len(set(seen)) == 9
    assert store.read(events.last_seq) == cursor
    everything = store.read(events.read_events)
    assert [stored.event.id for stored in everything] == seen


def test_a_transition_is_an_event_with_the_names_and_labels_that_clients_know(store, clock, life):
    run = TaskRun(task_key="t", dynamic_key="0", flow_run_id=uuid4())
    state = State(type=StateType.COMPLETED, name="Cached", message="from before", timestamp=clock.now)
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

"""What clients report is stored once and ends up the same, in whichever order it arrives."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.orchestration.task_run_events import transition_of
from headrace.schema.events import Event
from headrace.schema.runs import TaskRun
from headrace.schema.states import State
from headrace.store import events, states, task_runs
from headrace.store.ingestion import ingest
from headrace.store.lists.task_runs import read_task_runs
from headrace.store.records import record
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

LIVES = [
    ("Pending", "Running", "Completed"),
    ("Pending", "Running", "AwaitingRetry", "Retrying", "Failed"),
    ("Pending", "Running", "Cached"),
    ("Pending", "Crashed"),
    ("Running", "Retrying", "Completed"),
]


def take_in(store, batch, clock_now):
    store.write(lambda conn: ingest(conn, [transition_of(event) for event in batch], received=clock_now))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
@given(st.data())
def test_any_order_repetition_and_batching_of_reports_ends_in_the_same_rows(reports, data):
    lives = data.draw(st.lists(st.sampled_from(LIVES), min_size=1, max_size=4))
    flow_run_id = uuid7()
    sent, ends = [], {}
    for number, names in enumerate(lives):
        # Facts may come with some of a run's reports and not with others: the last one is what counts.
        life = reports(*names, name=f"t-{number}", flow_run_id=flow_run_id if number % 2 else None)
        for event in life[:-1]:
            event.payload["task_run"] |= data.draw(
                st.sampled_from(
                    [{}, {"tags": []}, {"labels": {"a": 1}, "task_version": "1"}, {"name": "early"}]
                )
            )
        sent += life
        ends[UUID(life[0].resource["prefect.resource.id"][-36:])] = life
    order = data.draw(st.permutations(sent))
    order += data.draw(st.lists(st.sampled_from(sent), max_size=6))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(order) - 1), max_size=5))) if len(order) > 1 else []
    with Store.open("sqlite://") as store:
        for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
            take_in(store, order[start:end], sent[0].occurred)
        assert_history(store)
        stored = {run.id: run for run in store.read(read_task_runs)}
        assert stored.keys() == ends.keys()
        for run_id, life in ends.items():
            last = transition_of(life[-1])
            run = stored[run_id]
            assert (run.state_id, run.run_count, run.end_time) == (
                last.state.id,
                last.run_count,
                last.end_time,
            )
            for fact in (
                "name",
                "tags",
                "labels",
                "task_version",
                "created",
                "flow_run_id",
                "empirical_policy",
            ):
                assert getattr(run, fact) == getattr(last.run, fact), fact
            history = store.read(lambda conn, run_id=run_id: states.read_states(conn, run_id))
            assert [state.id for state in history] == [event.id for event in life]


def test_reports_that_arrive_backwards_end_in_the_same_rows(store, reports, clock):
    for event in reversed(reports("Pending", "Running", "AwaitingRetry", "Retrying", "Completed")):
        take_in(store, [event], clock.now)
    (run,) = store.read(read_task_runs)
    assert (run.state_type, run.run_count) == (StateType.COMPLETED, 2)
    history = store.read(lambda conn: states.read_states(conn, run.id))
    assert [state.name for state in history] == [
        "Pending",
        "Running",
        "AwaitingRetry",
        "Retrying",
        "Completed",
    ]


def test_a_report_after_a_long_time_need_not_say_what_it_follows(store, reports, clock):
    *first, last = reports("Pending", "Running", "Completed")
    last.occurred += timedelta(hours=1)
    last.follows = None
    take_in(store, [last, *first], clock.now)
    (run,) = store.read(read_task_runs)
    assert run.state_type is StateType.COMPLETED


def test_events_that_report_nothing_are_stored_as_they_are(store, clock):
    event = Event(event="my.event", resource={"prefect.resource.id": "r"}, occurred=clock.now)
    for _ in range(2):
        store.write(lambda conn: ingest(conn, [event], received=clock.tick()))
    (stored,) = store.read(events.read_events)
    assert stored.event.id == event.id
    assert stored.event.received == clock.now - timedelta(seconds=1)  # when it came first


def test_a_run_that_counts_its_calls_is_found_by_its_key(store, reports, clock, make_flow_run):
    flow_run = make_flow_run()
    known = TaskRun(
        task_key="t-8f10da52",
        dynamic_key="0",
        flow_run_id=flow_run.id,
        state=State(type=StateType.PENDING, timestamp=clock.now - timedelta(hours=1)),
    )
    store.write(lambda conn: task_runs.create_task_run(conn, known, now=clock.now))
    again, other = (
        reports("Running", id=uuid4(), flow_run_id=flow_run_id, dynamic_key="0")
        for flow_run_id in (flow_run.id, make_flow_run().id)
    )
    again[0].follows = known.state.id
    take_in(store, again, clock.now)
    take_in(store, other, clock.now)
    assert len(store.read(read_task_runs)) == 2
    run = store.read(lambda conn: task_runs.read_task_run(conn, known.id))
    assert (run.state_id, run.state_type) == (again[0].id, StateType.RUNNING)


def test_a_run_without_a_state_is_moved_by_its_first_report(store, reports, clock):
    life = reports("Pending", "Running")
    known = transition_of(life[0]).run
    store.write(lambda conn: task_runs.create_task_run(conn, structs.replace(known), now=clock.now))
    take_in(store, life, clock.now)
    run = store.read(lambda conn: task_runs.read_task_run(conn, known.id))
    assert run.state_type is StateType.RUNNING


def test_what_clients_and_the_engine_record_stand_side_by_side(store, reports, life, clock):
    take_in(store, reports("Pending", "Running", "Completed"), clock.now)
    store.write(lambda conn: record(conn, life(TaskRun(task_key="t", dynamic_key="0"))))
    assert [run.state_type for run in store.read(read_task_runs)] == [StateType.COMPLETED] * 2

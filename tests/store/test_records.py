"""What runs record: stored once, in order, whatever is in it."""

from __future__ import annotations

import random
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.schema.events import Event
from headrace.schema.logs import Log
from headrace.schema.runs import Constant, Parameter, TaskRun, TaskRunPolicy, TaskRunResult
from headrace.schema.states import State, StateDetails
from headrace.schema.transitions import TaskTransition
from headrace.store import deletions, events, states, task_runs
from headrace.store.columns import id_of
from headrace.store.lists.logs import count_logs, read_logs
from headrace.store.lists.task_runs import count_task_runs, read_task_runs
from headrace.store.records import record
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

PENDING, RUNNING, COMPLETED, FAILED = (
    StateType.PENDING,
    StateType.RUNNING,
    StateType.COMPLETED,
    StateType.FAILED,
)


def task_run(**fields):
    return TaskRun(**{"task_key": "t", "dynamic_key": "0", "name": "t-0", **fields})


def log_line(clock, message="hello", **fields):
    at = {"timestamp": clock.now, "created": clock.now, "updated": clock.now}
    return Log(**{"name": "n", "level": 20, "message": message, **at, **fields})


# --- Transitions -----------------------------------------------------------------------------------------------


def test_the_transitions_of_a_task_run_become_its_history_and_its_row(store, clock, life):
    run = task_run(created=clock.now, expected_start_time=clock.now)
    steps = life(run)
    store.write(lambda conn: record(conn, steps))
    stored = store.read(lambda conn: task_runs.read_task_run(conn, run.id))
    assert stored.state_type is COMPLETED
    assert stored.state_id == steps[-1].state.id
    assert stored.run_count == 1
    assert (stored.start_time, stored.end_time) == (steps[-1].start_time, steps[-1].end_time)
    assert stored.total_run_time == 1.0
    history = store.read(lambda conn: states.read_states(conn, run.id))
    assert [(state.id, state.timestamp, state.name) for state in history] == [
        (step.state.id, step.state.timestamp, step.state.name) for step in steps
    ]


def test_every_field_of_a_task_run_comes_back(store, clock, life):
    run = task_run(
        flow_run_id=uuid4(),
        flow_run_run_count=2,
        created=clock.now,
        expected_start_time=clock.tick(),
        tags=["a", "b"],
        labels={"team": "x", "n": 1},
        task_version="1",
        cache_key="k",
        cache_expiration=clock.tick(),
        empirical_policy=TaskRunPolicy(retries=3, retry_delay=[1.0, 2.0], retry_jitter_factor=0.5),
        task_inputs={
            "x": [TaskRunResult(id=uuid4()), Parameter(name="p")],
            "y": [Constant(type="int")],
            "z": [],
        },
    )
    steps = life(run)
    store.write(lambda conn: record(conn, steps))
    stored = store.read(lambda conn: task_runs.read_task_run(conn, run.id))
    for field in (
        "id", "name", "task_key", "dynamic_key", "flow_run_id", "flow_run_run_count", "created", "expected_start_time",
        "tags", "labels", "task_version", "cache_key", "cache_expiration", "empirical_policy", "task_inputs",
    ):  # fmt: skip
        assert getattr(stored, field) == getattr(run, field), field


def test_rows_with_and_without_rare_fields_go_together(store, life):
    runs = [task_run(), task_run(tags=["a"]), task_run()]
    steps = [step for run in runs for step in life(run)]
    steps[4].state.message = "in the middle"
    store.write(lambda conn: record(conn, steps))
    stored = {run.id: run for run in store.read(read_task_runs)}
    assert [stored[run.id].tags for run in runs] == [[], ["a"], []]
    history = store.read(lambda conn: states.read_states(conn, runs[1].id))
    assert [state.message for state in history] == [None, "in the middle", None]


def test_the_details_of_a_state_come_back(store, clock, life):
    run = task_run(flow_run_id=uuid4())
    details = StateDetails(scheduled_time=clock.now, retriable=False, pause_key="1", cache_key="k")
    retry = State(type=StateType.SCHEDULED, name="AwaitingRetry", timestamp=clock.now, state_details=details)
    store.write(lambda conn: record(conn, life(run, retry)))
    stored = store.read(lambda conn: task_runs.read_task_run(conn, run.id)).state
    assert stored.name == "AwaitingRetry"
    expected = msgspec.structs.replace(details, flow_run_id=run.flow_run_id, task_run_id=run.id)
    assert stored.state_details == expected


class Metadata(msgspec.Struct):
    storage_key: str


@pytest.mark.parametrize(
    ("data", "stored"),
    [
        (None, None),
        ({"storage_key": "k"}, {"storage_key": "k"}),
        (Metadata("k"), {"storage_key": "k"}),
        (object(), None),
        ([1, 2], None),
        ("text", None),
    ],
)
def test_metadata_of_a_result_is_stored_and_a_result_itself_is_not(store, clock, life, data, stored):
    run = task_run()
    store.write(lambda conn: record(conn, life(run, State(type=COMPLETED, data=data, timestamp=clock.now))))
    assert store.read(lambda conn: task_runs.read_task_run(conn, run.id)).state.data == stored


# --- Once, in order --------------------------------------------------------------------------------------------


def test_a_batch_that_is_sent_again_changes_nothing(store, clock, life):
    batch = [*life(task_run()), log_line(clock), Event(event="e", resource={"prefect.resource.id": "r"})]
    for _ in range(3):
        store.write(lambda conn: record(conn, batch))
    assert len(store.read(events.read_events)) == 4
    assert store.read(count_logs) == 1


def test_a_batch_that_overlaps_an_earlier_one_adds_what_is_new(store, life):
    steps = life(task_run(), PENDING, RUNNING, FAILED, RUNNING, COMPLETED)
    store.write(lambda conn: record(conn, steps[:3]))
    store.write(lambda conn: record(conn, steps[1:]))
    run = store.read(lambda conn: task_runs.read_task_run(conn, steps[0].run.id))
    assert (run.state_type, run.run_count) == (COMPLETED, 2)
    assert len(store.read(events.read_events)) == 5


def test_an_old_transition_that_arrives_late_does_not_move_the_run_back(store, life):
    steps = life(task_run())
    store.write(lambda conn: record(conn, steps))
    store.write(lambda conn: record(conn, steps[:1]))
    assert store.read(lambda conn: task_runs.read_task_run(conn, steps[0].run.id)).state_type is COMPLETED


def test_of_transitions_at_the_same_instant_the_one_with_the_greater_id_is_the_later(store, clock):
    run = task_run()
    first, second = (
        TaskTransition(run, State(type=kind, timestamp=clock.now), None, 0, None, None, 0.0)
        for kind in (RUNNING, COMPLETED)
    )
    second.follows = first.state.id
    for batch in ([second, first], [second], [first]):
        store.write(lambda conn, batch=batch: record(conn, batch))
        assert store.read(lambda conn: task_runs.read_task_run(conn, run.id)).state_type is COMPLETED
    assert [state.type for state in store.read(lambda conn: states.read_states(conn, run.id))] == [
        RUNNING,
        COMPLETED,
    ]


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_any_cut_and_repetition_of_a_history_is_stored_as_that_history(data):
    from datetime import UTC, datetime

    start = datetime(2026, 1, 1, tzinfo=UTC)
    kinds = data.draw(st.lists(st.sampled_from([RUNNING, StateType.SCHEDULED]), max_size=6))
    run, follows, steps = task_run(), None, []
    for number, kind in enumerate([PENDING, *kinds, COMPLETED]):
        state = State(type=kind, timestamp=start + timedelta(seconds=number))
        steps.append(TaskTransition(run, state, follows, number, None, None, 0.0))
        follows = state.id
    with Store.open("sqlite://") as store:
        sent = 0
        while sent < len(steps):
            back = data.draw(st.integers(0, sent))
            more = data.draw(st.integers(1, len(steps) - sent))
            store.write(lambda conn, back=back, to=sent + more: record(conn, steps[back:to]))
            sent += more
        history = store.read(lambda conn: states.read_states(conn, run.id))
        assert [state.id for state in history] == [step.state.id for step in steps]
        assert_history(store)


def test_runs_are_kept_by_their_tags_whatever_becomes_of_them(store, life, clock):
    def kept():
        rows = store.read(lambda conn: conn.rows("SELECT tag, task_run_id FROM task_run_tag"))
        return {(tag, id_of(run_id)) for tag, run_id in rows}

    other, run = task_run(tags=["a"]), task_run(tags=["a", "b", "b", "x" * 1000])
    pending, *rest = life(run)
    store.write(lambda conn: record(conn, [*life(other), pending]))
    assert kept() == {("a", other.id), *((tag, run.id) for tag in ("a", "b", "x" * 500))}

    run.tags = ["b", "c"]
    store.write(lambda conn: record(conn, rest))
    assert kept() == {("a", other.id), ("b", run.id), ("c", run.id)}

    store.write(lambda conn: deletions.delete_task_run(conn, run.id, now=clock.now))
    assert kept() == {("a", other.id)}


def test_batches_of_every_size_are_stored_whole(store, life):
    for size in (0, 1, 2, 63, 64, 65, 700):
        steps = [step for _ in range(size) for step in life(task_run())]
        before = store.read(count_task_runs)
        store.write(lambda conn, steps=steps: record(conn, steps))
        assert store.read(count_task_runs) == before + size


def test_log_lines_keep_their_order(store, clock):
    lines = [log_line(clock, str(number)) for number in range(100)]
    random.Random(1).shuffle(lines)
    store.write(lambda conn: record(conn, lines[:50]))
    store.write(lambda conn: record(conn, lines[50:]))
    assert store.read(read_logs) == lines


# --- Anything in it --------------------------------------------------------------------------------------------

NASTY = [
    ("half \udce9 of a pair", "half \ufffd of a pair"),
    ("a NUL \x00 inside", "a NUL \ufffd inside"),
    ("a backslash \\u0000 spelled", "a backslash \\u0000 spelled"),
    ("quotes \" ' and \\", "quotes \" ' and \\"),
    ("emoji \U0001f30a and \u2028", "emoji \U0001f30a and \u2028"),
    ("", ""),
    ("x" * 300_000, "x" * 300_000),
    ("\U0001f30a" * 600, "\U0001f30a" * 600),
]


@pytest.mark.parametrize(("text", "kept"), NASTY)
def test_any_text_can_be_recorded_and_does_not_harm_what_is_recorded_with_it(store, clock, life, text, kept):
    run, other = task_run(name=text, tags=[text], labels={text: text}), task_run()
    steps = [*life(run, State(type=FAILED, name=text, message=text, timestamp=clock.now)), *life(other)]
    event = Event(event=text, resource={"prefect.resource.id": text}, payload={text: [text]})
    store.write(
        lambda conn: record(conn, [*steps, log_line(clock, text, name=text), event, log_line(clock, "fine")])
    )
    stored = store.read(lambda conn: task_runs.read_task_run(conn, run.id))
    name = kept if len(kept) <= 500 else kept[:499] + "…"
    assert (stored.name, stored.tags, stored.labels) == (name, [kept], {kept: kept})
    assert (stored.state.name, stored.state.message) == (name, kept)
    assert store.read(lambda conn: task_runs.read_task_run(conn, other.id)).state_type is COMPLETED
    assert [line.message for line in store.read(read_logs)] == [kept, "fine"]
    last = store.read(events.read_events)[-1].event
    assert (last.event, last.payload) == (name, {kept: [kept]})


class Grumpy:
    def __str__(self):
        raise RuntimeError("no")


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (2**63, 2**63),
        (2**80, 2**80),
        (-(2**70), -(2**70)),
        (b"bytes", "Ynl0ZXM="),
        ({1, 2}, [1, 2]),
        (Grumpy(), "<Grumpy: RuntimeError in __str__>"),
        ({(1, 2): 3}, {"(1, 2)": 3}),
        (complex(1, 2), "(1+2j)"),
    ],
)
def test_any_value_can_be_recorded_in_a_payload(store, clock, value, kept):
    event = Event(event="e", resource={"prefect.resource.id": "r"}, payload={"value": value})
    store.write(lambda conn: record(conn, [event, log_line(clock)]))
    assert store.read(events.read_events)[0].event.payload == {"value": kept}
    assert store.read(count_logs) == 1


@pytest.mark.parametrize("levels", [500, 2_000, 100_000])
def test_a_payload_of_any_depth_can_be_recorded(store, levels):
    event = Event(event="e", resource={"prefect.resource.id": "r"}, payload={"value": deep(levels)})
    store.write(lambda conn: record(conn, [event]))
    assert len(store.read(events.read_events)) == 1


def test_a_log_level_of_any_size_can_be_recorded(store, clock):
    levels = [2**70, 2**31, 2**31 - 1, -5, -(2**70)]
    store.write(lambda conn: record(conn, [log_line(clock, level=level) for level in levels]))
    kept = [2**31 - 1, 2**31 - 1, 2**31 - 1, -5, 1 - 2**31]
    assert [line.level for line in store.read(read_logs)] == kept


def test_an_event_that_is_no_transition_comes_back(store, clock):
    event = Event(
        event="my.event",
        resource={"prefect.resource.id": "r", "x": "y"},
        related=[{"prefect.resource.id": "s", "prefect.resource.role": "t"}],
        payload={"a": 1},
        occurred=clock.now,
        follows=uuid7(),
    )
    store.write(lambda conn: record(conn, [event], received=clock.tick()))
    assert store.read(events.read_events)[0].event == msgspec.structs.replace(event, received=clock.now)

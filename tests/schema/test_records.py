"""Records on the wire: what is decoded is what was recorded, and what is sent is no more than needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import msgspec
import pytest

from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.results.records import ResultRecord
from headrace.schema.events import Event
from headrace.schema.logs import Log
from headrace.schema.records import bodies_of, body_of, decode_batch, encode_records, join_bodies
from headrace.schema.runs import Constant, Parameter, TaskRun, TaskRunPolicy, TaskRunResult
from headrace.schema.states import State, StateDetails
from headrace.schema.transitions import TaskTransition

START = datetime(2026, 11, 22, 12, 0, 0, 123456, UTC)


def life(run, *names):
    """The transitions of a run through states of these types and names."""
    follows, steps = None, []
    for index, (kind, name) in enumerate(names):
        state = State(
            type=StateType(kind),
            name=name,
            timestamp=START + timedelta(seconds=index),
            state_details=details(run),
        )
        ends = kind in ("COMPLETED", "FAILED")
        end = state.timestamp if ends else None
        steps.append(
            TaskTransition(run, state, follows, min(index, 1), START if index else None, end, 0.5 * index)
        )
        follows = state.id
    return steps


def details(run, **fields):
    return StateDetails(flow_run_id=run.flow_run_id, task_run_id=run.id, **fields)


USUAL = (("PENDING", "Pending"), ("RUNNING", "Running"), ("COMPLETED", "Completed"))


def plain_run(**fields):
    return TaskRun(name="step-1", task_key="step-abc", dynamic_key="1", flow_run_id=uuid7(), **fields)


def full_run():
    return plain_run(
        created=START,
        expected_start_time=START,
        task_version="v1",
        empirical_policy=TaskRunPolicy(retries=3, retry_delay=[1, 2.5]),
        tags=["a", "b"],
        labels={"team": "x"},
        task_inputs={"x": [TaskRunResult(id=uuid4()), Parameter(name="p")], "y": [Constant(type="int")]},
        cache_key="k",
        cache_expiration=START,
        flow_run_run_count=2,
    )


def sent(records):
    """What comes out at the other end."""
    return decode_batch(body_of(encode_records(records)))


@pytest.mark.parametrize("make_run", [plain_run, full_run])
def test_a_run_comes_out_as_it_went_in(make_run):
    run = make_run()
    steps = life(run, *USUAL)

    for step, came in zip(steps, sent(steps), strict=True):
        assert came.run == run
        assert came.state.state_details == StateDetails()
        came.state.state_details = step.state.state_details
        assert came.state == step.state
        for field in ("follows", "run_count", "start_time", "end_time", "total_run_time"):
            assert getattr(came, field) == getattr(step, field)
        assert isinstance(came, TaskTransition)


def test_what_is_unusual_of_a_state_comes_along():
    run = plain_run()
    state = State(
        type=StateType.SCHEDULED,
        name="AwaitingRetry",
        message="boom",
        timestamp=START,
        state_details=details(run, scheduled_time=START, child_flow_run_id=uuid4(), retriable=False),
        data={"storage_key": "k"},
    )

    (came,) = sent([TaskTransition(run, state, None, 1, START, None, 0.0)])

    assert (came.state.name, came.state.message, came.state.data) == (
        "AwaitingRetry",
        "boom",
        {"storage_key": "k"},
    )
    assert came.state.state_details == msgspec.structs.replace(
        state.state_details, flow_run_id=None, task_run_id=None
    )


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (ResultRecord("a value"), None),
        ("a value", None),
        (ValueError("boom"), None),
        ({"storage_key": "k"}, {"storage_key": "k"}),
    ],
    ids=["a result in memory", "a value", "an exception", "metadata"],
)
def test_metadata_of_a_result_is_sent_and_a_result_itself_is_not(data, kept):
    run = plain_run()
    state = State(type=StateType.COMPLETED, timestamp=START, data=data)

    (came,) = sent([TaskTransition(run, state, None, 1, None, START, 0.0)])

    assert came.state.data == kept


def test_lines_and_events_come_out_as_they_went_in():
    line = Log(name="headrace.task_runs", level=20, message="ü", timestamp=START, flow_run_id=uuid7())
    event = Event(
        event="it.happened",
        resource={"prefect.resource.id": "x"},
        related=[{"prefect.resource.id": "y", "prefect.resource.role": "z"}],
        payload={"n": [1, None, {"deep": 2.5}]},
        occurred=START,
        follows=uuid7(),
    )

    came_line, came_event = sent([line, event])

    assert isinstance(came_line, Log)
    assert isinstance(came_event, Event)
    assert msgspec.structs.asdict(came_line) == msgspec.structs.asdict(line)
    assert msgspec.structs.asdict(came_event) == msgspec.structs.asdict(event)


def test_the_facts_of_a_run_are_sent_once_in_a_batch():
    steps = life(plain_run(), *USUAL)

    first, *others = encode_records(steps)

    assert b"step-abc" in first
    assert not any(b"step-abc" in other for other in others)
    assert all(str(steps[0].run.id).encode() in other for other in others)


def test_batches_can_be_put_together():
    one, two = life(plain_run(), *USUAL), life(full_run(), *USUAL)
    bodies = [body_of(encode_records(part)) for part in (one[:2], one[2:] + two, [])]

    came = decode_batch(join_bodies(bodies[:2]))

    assert [item.state.id for item in came] == [item.state.id for item in one + two]
    assert [item.run for item in came] == [item.run for item in one + two]


def test_a_batch_can_be_decoded_and_its_parts_sent_again():
    steps = life(full_run(), *USUAL)

    came = sent(steps)

    assert [item.run for item in sent(came[1:])] == [steps[0].run] * 2


def test_bodies_are_bounded_by_number_and_by_size():
    line = Log(name="n", level=20, message="x" * 1_000, timestamp=START)

    by_number = [number for number, _ in bodies_of([line] * 25, 10, 10**9)]
    by_size = [len(body) for _, body in bodies_of([line] * 25, 10**9, 5_000)]

    assert by_number == [10, 10, 5]
    assert max(by_size) < 5_000 + 2_000
    assert sum(len(decode_batch(body)) for _, body in bodies_of([line] * 25, 10**9, 5_000)) == 25
    assert list(bodies_of([], 10, 10)) == []


def test_each_body_has_the_facts_of_its_runs():
    steps = life(full_run(), *USUAL)

    for _, body in bodies_of(steps, 1, 10**9):
        (came,) = decode_batch(body)
        assert came.run == steps[0].run


class Unprintable:
    def __str__(self):
        raise ValueError("no")


@pytest.mark.parametrize(
    ("text", "kept"), [("half \ud800", "half \ufffd"), ("NUL \x00", "NUL \ufffd"), ("\\u0000", "\\u0000")]
)
def test_text_that_json_or_a_database_has_no_form_for_is_replaced(text, kept):
    run = plain_run(tags=[text], labels={"l": text})
    state = State(type=StateType.FAILED, message=text, timestamp=START)

    line, step = sent(
        [
            Log(name="n", level=20, message=text, timestamp=START),
            TaskTransition(run, state, None, 1, None, None, 0.0),
        ]
    )

    assert line.message == kept
    assert (step.state.message, step.run.tags, step.run.labels) == (kept, [kept], {"l": kept})
    assert step.state.id == state.id


def test_payloads_hold_anything():
    event = Event(
        event="e",
        resource={"prefect.resource.id": "x"},
        payload={"set": {1}, "odd": Unprintable(), "inf": 1e999},
    )

    (came,) = sent([event])

    assert came.id == event.id
    assert came.payload["inf"] is None
    assert "Unprintable" in came.payload["odd"]


# --- What others send ------------------------------------------------------------------------------------------


def refused(*records):
    with pytest.raises(msgspec.ValidationError) as raised:
        decode_batch(msgspec.json.encode({"records": records}))
    return str(raised.value)


RUN = {"id": str(uuid4()), "task_key": "t", "dynamic_key": "1"}
STATE = {"type": "RUNNING", "timestamp": "2026-11-22T12:00:00Z"}


def test_a_step_of_a_run_that_nothing_is_known_of_is_refused():
    known = {"kind": "task-run", "run": RUN, "state": STATE}
    unknown = {"kind": "task-run", "run": str(uuid4()), "state": STATE}

    message = refused(known, unknown)

    assert "Record 1" in message
    assert unknown["run"] in message


@pytest.mark.parametrize(
    ("record", "mentioned"),
    [
        ({"kind": "flow-run"}, "flow-run"),
        ({"kind": "log", "message": "m"}, "name"),
        (
            {"kind": "log", "name": "n", "level": "INFO", "message": "m", "timestamp": STATE["timestamp"]},
            "level",
        ),
        ({"kind": "task-run", "run": RUN, "state": {**STATE, "type": "FLYING"}}, "FLYING"),
        ({"kind": "task-run", "run": {**RUN, "id": "x"}, "state": STATE}, "UUID"),
        (
            {"kind": "task-run", "run": {**RUN, "flow_run_run_count": 2**40}, "state": STATE},
            "flow_run_run_count",
        ),
        ({"kind": "task-run", "run": RUN, "state": STATE, "run_count": 2**40}, "run_count"),
        ({"kind": "event", "event": "e", "resource": {}}, "prefect.resource.id"),
    ],
)
def test_what_is_no_record_is_refused_by_name(record, mentioned):
    assert mentioned in refused(record)


def test_times_come_out_in_utc():
    east = timezone(timedelta(hours=2))
    body = {
        "records": [
            {"kind": "task-run", "run": RUN, "state": {**STATE, "timestamp": "2026-11-22T12:00:00"}},
            {
                "kind": "log",
                "name": "n",
                "level": 20,
                "message": "m",
                "timestamp": "2026-11-22T14:00:00+02:00",
            },
        ]
    }

    step, line = decode_batch(msgspec.json.encode(body))

    assert step.state.timestamp == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert line.timestamp == datetime(2026, 11, 22, 14, tzinfo=east)
    assert step.state.timestamp.tzinfo is UTC
    assert line.timestamp.tzinfo is UTC

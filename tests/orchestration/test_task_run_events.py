"""Events of Prefect's clients become transitions of task runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from headrace.core.states import StateType
from headrace.orchestration.task_run_events import is_report, transition_of
from headrace.schema.runs import TaskRunPolicy, TaskRunResult


def test_a_report_has_all_that_a_transition_needs(reports):
    run_id, flow_run_id, upstream = uuid4(), uuid4(), uuid4()
    pending, _, completed = reports(
        "Pending",
        "Running",
        "Completed",
        id=run_id,
        flow_run_id=flow_run_id,
        task_inputs={"x": [{"input_type": "task_run", "id": str(upstream)}]},
        labels={"team": "x"},
        cache_key="k",
    )
    step = transition_of(completed)
    assert (step.state.id, step.state.type, step.state.name) == (
        completed.id,
        StateType.COMPLETED,
        "Completed",
    )
    assert (step.state.timestamp, step.state.message) == (completed.occurred, None)
    assert step.follows == completed.follows
    assert (step.run_count, step.total_run_time) == (1, 1.0)
    assert (step.start_time, step.end_time) == (pending.occurred + timedelta(seconds=1), completed.occurred)
    run = step.run
    assert (run.id, run.flow_run_id, run.name) == (run_id, flow_run_id, "t-0")
    assert (run.task_key, run.dynamic_key) == ("t-8f10da52", f"key-of-{run_id}")
    assert (run.tags, run.labels, run.cache_key, run.flow_run_run_count) == (["a"], {"team": "x"}, "k", 1)
    assert run.expected_start_time == pending.occurred
    assert run.empirical_policy == TaskRunPolicy(retries=1, retry_delay=0)
    assert run.task_inputs == {"x": [TaskRunResult(id=upstream)]}


def test_the_details_and_the_data_of_a_state_come_along(reports):
    (event,) = reports("AwaitingRetry")
    event.payload["validated_state"] |= {
        "message": "later",
        "state_details": {
            "scheduled_time": "2026-01-01T13:00:00+01:00",
            "pause_timeout": 1767268800.5,
            "new": 1,
        },
        "data": {"storage_key": "k"},
    }
    state = transition_of(event).state
    assert (state.type, state.name, state.message) == (StateType.SCHEDULED, "AwaitingRetry", "later")
    assert state.state_details.scheduled_time == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert state.state_details.pause_timeout == datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    assert state.data == {"storage_key": "k"}


def test_a_run_was_created_when_its_id_was_minted_whichever_report_comes_first(reports):
    minted = UUID("01941f29-7c00-7000-8000-000000000000")
    created = {transition_of(event).run.created for event in reports("Pending", "Running", id=minted)}
    assert created == {datetime(2025, 1, 1, tzinfo=UTC)}
    (event,) = reports("Pending", id=uuid4())
    assert transition_of(event).run.created == event.occurred


def test_a_run_outside_flows_has_no_flow_run(reports):
    assert transition_of(reports("Pending")[0]).run.flow_run_id is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"event": "prefect.flow-run.Completed"}, False),
        ({"event": "my.event"}, False),
        ({"resource": {"prefect.resource.id": "prefect.task-run.x"}}, False),
        (
            {"resource": {"prefect.resource.id": "prefect.task-run.x", "prefect.orchestration": "server"}},
            False,
        ),
        ({"resource": {"prefect.resource.id": "other", "prefect.orchestration": "client"}}, False),
    ],
)
def test_only_what_clients_orchestrate_is_a_report(reports, change, expected):
    assert is_report(structs.replace(reports("Pending")[0], **change)) is expected


def without(name):
    def change(event):
        del event.payload[name]

    return change


def with_label(event):
    event.resource["prefect.resource.id"] = "prefect.task-run.nonsense"


def with_flow_run(event):
    event.related.append({"prefect.resource.id": "prefect.flow-run.9", "prefect.resource.role": "flow-run"})


def with_type(event):
    event.payload["validated_state"]["type"] = "DREAMING"


def with_count(event):
    event.payload["task_run"]["run_count"] = 2**40


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("task_run"), "missing required field `task_run`"),
        (without("validated_state"), "missing required field `validated_state`"),
        (with_label, "has no UUID"),
        (with_flow_run, "'prefect.flow-run.9' has no UUID"),
        (with_type, "Invalid enum value 'DREAMING'"),
        (with_count, "run_count"),
    ],
)
def test_what_cannot_be_understood_says_why(reports, change, message):
    (event,) = reports("Pending")
    change(event)
    with pytest.raises(ValueError, match=message):
        transition_of(event)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5), st.data())
def test_any_payload_is_a_transition_or_a_value_error(junk, data):
    from headrace.schema.requests.events import EventCreate

    payload = {
        "validated_state": data.draw(
            st.sampled_from([junk, {"type": "RUNNING", "name": junk, "data": junk}])
        ),
        "task_run": data.draw(st.sampled_from([junk, {"task_key": "k", "dynamic_key": "d", "tags": junk}])),
    }
    event = EventCreate(
        id=uuid4(),
        occurred=datetime(2026, 1, 1, tzinfo=UTC),
        event="prefect.task-run.Running",
        resource={"prefect.resource.id": f"prefect.task-run.{uuid4()}", "prefect.orchestration": "client"},
        payload=payload,
    )
    try:
        assert transition_of(event).state.id == event.id
    except ValueError as problem:
        assert str(problem)

"""Bodies as clients send them, and as they must not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec import UNSET

from headrace.core.states import StateType
from headrace.schema.base import decode, encode, utc
from headrace.schema.filters.events import EventFilter, EventOccurredFilter, EventOrder
from headrace.schema.filters.flow_runs import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from headrace.schema.filters.shapes import Operator
from headrace.schema.filters.task_runs import TaskRunFilter
from headrace.schema.requests.events import EventCreate
from headrace.schema.requests.flow_runs import (
    FlowRunCreate,
    FlowRunsFilterBody,
    FlowRunsHistoryBody,
    FlowRunUpdate,
)
from headrace.schema.requests.flows import FlowCreate, FlowsFilterBody
from headrace.schema.requests.logs import LogCreate, LogsFilterBody
from headrace.schema.requests.states import SetStateBody, StateCreate
from headrace.schema.requests.task_runs import TaskRunCreate
from headrace.schema.runs import Constant, Parameter, TaskRunResult

ID = "019a0000-0000-7000-8000-000000000001"


def body(kind: type[Any], **content: Any) -> Any:
    return decode(json.dumps(content), kind)


# --- What clients send -----------------------------------------------------------------------------------------


def test_a_client_creates_a_flow_run() -> None:
    sent = body(
        FlowRunCreate,
        state={
            "type": "PENDING",
            "name": "Pending",
            "message": None,
            "state_details": {"traceparent": None},
            "data": None,
        },
        name=None,
        flow_id=ID,
        flow_version="1",
        parameters={"x": [1, {"y": None}]},
        context={},
        parent_task_run_id=None,
        empirical_policy={"retries": 0, "retry_delay": 0},
        tags=["a"],
    )
    assert sent.flow_id == UUID(ID)
    assert sent.state.to_state().name == "Pending"
    assert (sent.name, sent.parameters, sent.empirical_policy.retries) == (None, {"x": [1, {"y": None}]}, 0)


def test_a_client_creates_a_task_run_with_inputs_of_every_kind() -> None:
    sent = body(
        TaskRunCreate,
        task_key="add-1",
        dynamic_key="0",
        task_inputs={
            "x": [{"input_type": "task_run", "id": ID}],
            "y": [{"input_type": "parameter", "name": "y"}, {"input_type": "constant", "type": "int"}],
        },
        empirical_policy={"max_retries": 0, "retry_delay": [1, 2.5], "retry_jitter_factor": None},
    )
    assert sent.task_inputs == {
        "x": [TaskRunResult(id=UUID(ID))],
        "y": [Parameter(name="y"), Constant(type="int")],
    }
    assert sent.empirical_policy.retry_delay == [1, 2.5]


def test_a_client_asks_for_the_failed_runs_of_a_flow() -> None:
    sent = body(
        FlowRunsFilterBody,
        flows={"name": {"like_": "etl"}},
        flow_runs={"operator": "or_", "state": {"type": {"any_": ["FAILED", "CRASHED"]}}},
        task_runs=None,
        sort="EXPECTED_START_TIME_DESC",
        limit=1,
        offset=0,
    )
    assert sent.flow_runs.operator is Operator.or_
    assert sent.flow_runs.state.type.any_ == [StateType.FAILED, StateType.CRASHED]
    assert sent.flows.name.like_ == "etl"


def test_clients_send_work_queues_when_they_list_flows() -> None:
    assert body(FlowsFilterBody, work_queues=None, limit=None).work_queues is None


def test_a_history_calls_its_filter_of_queues_otherwise() -> None:
    sent = body(
        FlowRunsHistoryBody,
        history_start="2026-11-22T00:00:00Z",
        history_end="2026-11-23T00:00:00Z",
        history_interval_seconds=3600,
        work_queues={"name": {"any_": ["default"]}},
    )
    assert (sent.history_interval, sent.work_pool_queues.name.any_) == (3600, ["default"])


def test_a_filter_of_nothing_says_nothing() -> None:
    assert encode(FlowRunFilter()) == b"{}"
    assert encode(TaskRunFilter()) == b"{}"


def test_a_filter_reads_back_as_it_was_sent() -> None:
    sent = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(not_any_=[StateType.PAUSED])))
    assert encode(sent) == b'{"state":{"type":{"not_any_":["PAUSED"]}}}'
    assert decode(encode(sent), FlowRunFilter) == sent


def test_plain_dictionaries_inside_a_filter_are_sent_as_they_are() -> None:
    sent = FlowRunFilter(state={"type": {"any_": ["FAILED"]}})  # type: ignore[arg-type]
    assert decode(encode(sent), FlowRunFilter).state.type.any_ == [StateType.FAILED]  # type: ignore[union-attr]


def test_a_change_holds_only_what_was_given() -> None:
    change = body(FlowRunUpdate, name="again", infrastructure_pid=None)
    assert (change.name, change.infrastructure_pid, change.tags) == ("again", None, UNSET)
    assert json.loads(encode(change)) == {"name": "again", "infrastructure_pid": None}


# --- States ----------------------------------------------------------------------------------------------------


def test_a_proposed_state_gets_an_id_a_time_and_the_name_of_its_type() -> None:
    entered = datetime(2026, 11, 22, tzinfo=UTC)
    first, second = (StateCreate(type=StateType.RUNNING).to_state(entered) for _ in range(2))
    assert (first.name, first.timestamp) == ("Running", entered)
    assert first.id != second.id
    assert first.state_details is not second.state_details


def test_a_scheduled_state_without_a_time_is_due_at_once() -> None:
    entered = datetime(2026, 11, 22, tzinfo=UTC)
    assert StateCreate(type=StateType.SCHEDULED).to_state(entered).state_details.scheduled_time == entered


def test_a_scheduled_state_keeps_its_time() -> None:
    sent = body(
        SetStateBody,
        state={"type": "SCHEDULED", "state_details": {"scheduled_time": "2026-11-22 01:02:03+01:00"}},
    )
    due = sent.state.to_state().state_details.scheduled_time
    assert due == datetime(2026, 11, 22, 0, 2, 3, tzinfo=UTC)


# --- Times -----------------------------------------------------------------------------------------------------


def test_a_time_without_a_zone_is_in_utc() -> None:
    assert utc(datetime(2026, 1, 1)) == datetime(2026, 1, 1, tzinfo=UTC)
    assert utc(None) is None


def test_a_time_of_another_zone_becomes_the_same_instant_in_utc() -> None:
    there = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert utc(there) == there
    assert utc(there).tzinfo is UTC


@pytest.mark.parametrize(
    ("kind", "content", "path"),
    [
        (FlowRunFilter, {"start_time": {"after_": "2026-01-01T00:00:00"}}, "start_time.after_"),
        (TaskRunFilter, {"end_time": {"before_": "2026-01-01T00:00:00"}}, "end_time.before_"),
        (
            LogCreate,
            {"name": "n", "level": 20, "message": "", "timestamp": "2026-01-01T00:00:00"},
            "timestamp",
        ),
        (LogsFilterBody, {"logs": {"timestamp": {"after_": "2026-01-01 00:00:00"}}}, "logs.timestamp.after_"),
        (EventFilter, {"occurred": {"since": "2026-01-01T00:00:00"}}, "occurred.since"),
        (
            SetStateBody,
            {"state": {"type": "PAUSED", "state_details": {"pause_timeout": "2026-01-01T00:00:00"}}},
            "state.state_details.pause_timeout",
        ),
        (
            TaskRunCreate,
            {"task_key": "k", "dynamic_key": "0", "cache_expiration": "2026-01-01T00:00:00"},
            "cache_expiration",
        ),
        (
            EventCreate,
            {
                "id": ID,
                "event": "e",
                "occurred": "2026-01-01T00:00:00",
                "resource": {"prefect.resource.id": "r"},
            },
            "occurred",
        ),
    ],
)
def test_every_time_of_a_body_is_in_utc(kind: type[Any], content: dict[str, Any], path: str) -> None:
    value = body(kind, **content)
    for name in path.split("."):
        value = getattr(value, name)
    assert value == datetime(2026, 1, 1, tzinfo=UTC)


def test_events_are_those_of_half_a_year_newest_first() -> None:
    asked = EventFilter()
    assert asked.occurred.until - asked.occurred.since >= timedelta(days=180)
    assert asked.occurred.since.time().isoformat() == "00:00:00"
    assert asked.order is EventOrder.DESC
    assert isinstance(asked.occurred, EventOccurredFilter)


# --- What is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content", "complaint"),
    [
        (FlowCreate, {"name": "a/b"}, "matching regex"),
        (FlowCreate, {"name": ""}, "matching regex"),
        (FlowCreate, {"tags": []}, "missing required field `name`"),
        (FlowCreate, {"name": "a", "labels": {"k": [1]}}, r"\$\.labels"),
        (FlowRunCreate, {"flow_id": "nine"}, r"Invalid UUID - at `\$\.flow_id`"),
        (FlowRunFilter, {"state": {"type": {"any_": ["Done"]}}}, r"\$\.state\.type\.any_"),
        (FlowRunFilter, {"state": {"typ": None}}, r"unknown field `typ` - at `\$\.state`"),
        (FlowRunFilter, {"operator": "xor"}, "Invalid enum value 'xor'"),
        (FlowRunFilter, {"start_time": {"after_": "noon"}}, "Invalid RFC3339"),
        (FlowRunsFilterBody, {"limit": -1}, ">= 0"),
        (FlowRunsFilterBody, {"offset": 2**63}, r"\$\.offset"),
        (FlowRunsFilterBody, {"flow_run": {}}, "unknown field `flow_run`"),
        (FlowRunsHistoryBody, {"history_interval_seconds": 0.5}, ">= 1"),
        (LogsFilterBody, {"logs": {"text": {"query": "x" * 201}}}, "length <= 200"),
        (TaskRunCreate, {"task_key": "k", "dynamic_key": "0", "cache_key": "k" * 2001}, "length <= 2000"),
        (SetStateBody, {"state": {"type": "RUNNING", "wish": ID}}, "unknown field `wish`"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused(
    kind: type[Any], content: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        body(kind, **content)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"resource": {"name": "r"}}, "needs the label 'prefect.resource.id'"),
        (
            {"resource": {"prefect.resource.id": "r"}, "related": [{"prefect.resource.id": "x"}]},
            "prefect.resource.role",
        ),
    ],
)
def test_an_event_says_what_it_happened_to(content: dict[str, Any], complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        body(EventCreate, id=ID, event="e", occurred="2026-01-01T00:00:00Z", **content)


def test_an_event_may_have_keys_of_a_newer_client_but_does_not_say_when_it_was_received() -> None:
    event = body(
        EventCreate,
        id=ID,
        event="e",
        occurred="2026-01-01T00:00:00Z",
        received="2020-01-01T00:00:00Z",
        resource={"prefect.resource.id": "r"},
        mood="good",
    )
    assert event.received is None

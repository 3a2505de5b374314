"""Transitions as events: what Prefect's server and clients say when a run enters a state.

A transition is one row of `event`, and most rows are transitions. What its event says of the run besides, its name, its flow
and its tags, is read from their own tables: it is said as it is now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import msgspec

from headrace.core.states import StateType
from headrace.schema.events import TransitionEvent
from headrace.schema.runs import TaskRunPolicy
from headrace.schema.states import State, details_of
from headrace.store import states
from headrace.store.columns import ID, INSTANT, PLAIN, STATE_TYPE, Columns, json_of
from headrace.store.connection import Row

__all__ = ["SELECTION", "TABLES", "event_of"]

TABLES = (
    "event LEFT JOIN event AS prior ON prior.id = event.follows AND event.run_id IS NOT NULL"
    " LEFT JOIN task_run ON task_run.id = event.run_id AND event.run_kind = 'task-run'"
    " LEFT JOIN flow_run ON flow_run.id = event.flow_run_id"
    " LEFT JOIN flow ON flow.id = flow_run.flow_id"
    " LEFT JOIN task_run AS tracker ON tracker.id = flow_run.parent_task_run_id AND event.run_kind = 'flow-run'"
)
"""What `SELECTION` is selected from: a transition with the one before it, its run, and what that belongs to."""

_PRIOR = Columns(
    state_type=STATE_TYPE,
    state_name=PLAIN,
    message=PLAIN,
)
_TASK_RUN = Columns(
    name=PLAIN,
    task_key=PLAIN,
    dynamic_key=PLAIN,
    task_version=PLAIN,
    flow_run_run_count=PLAIN,
    expected_start_time=INSTANT,
    empirical_policy=json_of(TaskRunPolicy),
    tags=json_of(list[str]),
    labels=json_of(),
    task_inputs=json_of(),
)
_FLOW_RUN = Columns(
    name=PLAIN,
    deployment_id=ID,
    work_queue_id=ID,
    work_pool_id=ID,
    parent_task_run_id=ID,
    tags=json_of(list[str]),
)
_FLOW = Columns(id=ID, name=PLAIN)
_TRACKER = Columns(name=PLAIN)

_PARTS = (
    (states.COLUMNS, "event"),
    (_PRIOR, "prior"),
    (_TASK_RUN, "task_run"),
    (_FLOW_RUN, "flow_run"),
    (_FLOW, "flow"),
    (_TRACKER, "tracker"),
)

SELECTION = ", ".join(columns.of(table) for columns, table in _PARTS)
"""What `event_of` takes besides the columns of any event."""

Resource = dict[str, str]


def event_of(kept: dict[str, Any], row: Row) -> TransitionEvent:
    """The event of a transition.

    Args:
        kept: What any event has.
        row: The columns of `SELECTION`.
    """
    parts, at = [], 0
    for columns, _ in _PARTS:
        parts.append(row[at : at + len(columns)])
        at += len(columns)
    state, prior = states.state_of(parts[0]), _PRIOR.load(parts[1])
    assert state is not None
    flow_run, flow = _FLOW_RUN.load(parts[3]), _FLOW.load(parts[4])
    if kept["run_kind"] == "task-run":
        task_run = _TASK_RUN.load(parts[2])
        labels = _labels(kept, task_run["name"], state) | {"prefect.orchestration": "client"}
        related = [*_its_flow_run(kept["flow_run_id"], flow_run), *_around(flow_run, flow)]
        tags = {*task_run["tags"], *flow_run["tags"]}
        payload = _task_run_payload(prior, state, task_run, kept["run_count"])
    else:
        labels = _labels(kept, flow_run["name"], state)
        tracker = _TRACKER.load(parts[5])["name"]
        related = [
            *_around(flow_run, flow),
            *_resource("task-run", flow_run["parent_task_run_id"], tracker),
        ]
        tags = {*flow_run["tags"]}
        payload = _payload(prior, state)
    return TransitionEvent(
        id=kept["id"],
        event=f"prefect.{kept['run_kind']}.{state.name}",
        occurred=kept["occurred"],
        received=kept["received"] or kept["occurred"],
        follows=kept["follows"],
        resource=labels,
        related=[*related, *_tags(tags)],
        payload=msgspec.to_builtins(payload) | kept["payload"],
    )


# --- Resources -------------------------------------------------------------------------------------------------


def _labels(kept: dict[str, Any], name: str | None, state: State[Any]) -> Resource:
    return {
        "prefect.resource.id": f"prefect.{kept['run_kind']}.{kept['run_id']}",
        "prefect.resource.name": name or "",
        "prefect.run-count": str(kept["run_count"]),
        "prefect.state-message": state.message or "",
        "prefect.state-name": state.name or "",
        "prefect.state-timestamp": state.timestamp.isoformat(),
        "prefect.state-type": state.type.value,
    }


def _its_flow_run(flow_run_id: UUID | None, flow_run: dict[str, Any]) -> Iterator[Resource]:
    return _resource("flow-run", flow_run_id, flow_run["name"])


def _around(flow_run: dict[str, Any], flow: dict[str, Any]) -> Iterator[Resource]:
    """What a flow run belongs to."""
    yield from _resource("flow", flow["id"], flow["name"])
    yield from _resource("deployment", flow_run["deployment_id"])
    yield from _resource("work-queue", flow_run["work_queue_id"])
    yield from _resource("work-pool", flow_run["work_pool_id"])


def _resource(role: str, resource_id: UUID | None, name: str | None = None) -> Iterator[Resource]:
    if resource_id is not None:
        resource = {"prefect.resource.id": f"prefect.{role}.{resource_id}", "prefect.resource.role": role}
        yield resource if name is None else resource | {"prefect.resource.name": name}


def _tags(tags: Iterable[str]) -> Iterator[Resource]:
    for tag in sorted(tags):
        yield {"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}


# --- Payloads --------------------------------------------------------------------------------------------------


def _payload(prior: dict[str, Any], state: State[Any]) -> dict[str, Any]:
    return {
        "intended": {"from": prior["state_type"], "to": state.type},
        "initial_state": None if prior["state_type"] is None else _brief(**prior),
        "validated_state": _brief(state.type, state.name, state.message),
    }


def _brief(state_type: StateType, state_name: str | None, message: str | None) -> dict[str, Any]:
    brief: dict[str, Any] = {"type": state_type, "name": state_name}
    return brief if message is None else brief | {"message": message}


def _task_run_payload(
    prior: dict[str, Any], state: State[Any], task_run: dict[str, Any], run_count: int
) -> dict[str, Any]:
    facts = {name: value for name, value in task_run.items() if value is not None}
    whole = {
        "message": state.message,
        "state_details": details_of(state.state_details) or {},
        "data": state.data,
    }
    payload = _payload(prior, state)
    payload["validated_state"] |= whole
    return payload | {"task_run": facts | {"run_count": run_count}}

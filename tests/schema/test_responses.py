"""Answers as they go over the wire."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from headrace.core.states import StateType
from headrace.schema.base import decode, encode
from headrace.schema.flow_run_inputs import FlowRunInput
from headrace.schema.graph import Graph
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.responses import (
    FlowPaginationResponse,
    FlowRunPaginationResponse,
    SetStateResponse,
    StateAcceptDetails,
    StateRejectDetails,
    StateWaitDetails,
    set_state_response,
)
from headrace.schema.runs import FlowRun
from headrace.schema.states import State


def verdict(status: OrchestrationStatus, **why: object) -> OrchestrationResult:
    state = State(type=StateType.RUNNING)
    return OrchestrationResult(status=status, run=FlowRun(flow_id=uuid4()), state=state, **why)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "details"),
    [
        (verdict(OrchestrationStatus.ACCEPT), {"type": "accept_details"}),
        (
            verdict(OrchestrationStatus.REJECT, reason="Retrying"),
            {"type": "reject_details", "reason": "Retrying"},
        ),
        (verdict(OrchestrationStatus.ABORT, reason="gone"), {"type": "abort_details", "reason": "gone"}),
        (
            verdict(OrchestrationStatus.WAIT, reason="early", delay_seconds=1.2),
            {"type": "wait_details", "delay_seconds": 2, "reason": "early"},
        ),
    ],
)
def test_a_verdict_goes_over_the_wire(given: OrchestrationResult, details: dict[str, object]) -> None:
    answer = json.loads(encode(set_state_response(given)))
    assert (answer["status"], answer["details"]) == (given.status.value, details)
    assert answer["state"]["type"] == "RUNNING"
    assert "run" not in answer


def test_a_client_reads_a_verdict_by_the_type_of_its_details() -> None:
    answer = decode(b'{"state":null,"status":"ABORT","details":{"type":"reject_details"}}', SetStateResponse)
    assert isinstance(answer.details, StateRejectDetails)
    assert answer.details.type == "reject_details"
    assert StateAcceptDetails().type == "accept_details"
    assert StateWaitDetails(delay_seconds=1).type == "wait_details"


def test_a_page_of_runs_is_read_as_runs() -> None:
    run = FlowRun(flow_id=uuid4(), name="first")
    page = FlowRunPaginationResponse(results=[run], count=3, limit=1, pages=3, page=1)
    again = decode(encode(page), FlowRunPaginationResponse)
    assert again.results[0].id == run.id
    assert decode(b'{"results":[],"count":0,"limit":9,"pages":0,"page":1}', FlowPaginationResponse).pages == 0


def test_a_graph_reads_back() -> None:
    node = str(uuid4())
    body = {
        "start_time": "2026-11-22T00:00:00Z",
        "end_time": None,
        "root_node_ids": [node],
        "nodes": [
            [
                node,
                {
                    "kind": "task-run",
                    "id": node,
                    "label": "add-0",
                    "state_type": "COMPLETED",
                    "start_time": "2026-11-22T00:00:00Z",
                    "end_time": "2026-11-22T00:00:01Z",
                    "parents": [],
                    "children": [{"id": node}],
                    "encapsulating": [],
                    "artifacts": [],
                },
            ]
        ],
        "artifacts": [],
        "states": [],
    }
    assert json.loads(encode(decode(json.dumps(body), Graph))) == body


def test_an_input_knows_what_its_text_stands_for() -> None:
    sent = FlowRunInput(flow_run_id=uuid4(), key="k", value='{"a": [1]}')
    assert sent.decoded_value == {"a": [1]}

"""Proposing states for flow runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from litestar import Router, post
from litestar.params import FromPath, JSONBody

from headrace.api import json_schema
from headrace.api.dependencies import InjectedStore
from headrace.api.errors import Refusal, not_found
from headrace.api.responses import JsonResponse
from headrace.api.verdicts import execution_response, verdict_response
from headrace.exceptions import ObjectNotFound
from headrace.schema.base import encode, now
from headrace.schema.flow_run_inputs import FlowRunInput
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.requests.flow_runs import FlowRunsBulkSetStateBody, ResumeBody
from headrace.schema.requests.scope import RunScope
from headrace.schema.requests.states import LeaseBody, SetStateBody
from headrace.schema.responses import (
    FlowRunBulkSetStateResponse,
    FlowRunOrchestrationResult,
    SetStateResponse,
    StateAbortDetails,
    set_state_response,
)
from headrace.schema.runs import FlowRun
from headrace.store import flow_runs, pauses
from headrace.store.connection import Connection
from headrace.store.executions import propose_under_lease
from headrace.store.flow_run_inputs import read_flow_run_input
from headrace.store.leases import NO_TOKEN, renew_leases
from headrace.store.lists.flow_runs import read_flow_runs

__all__ = ["router"]


@post("/{id:uuid}/set_state", status_code=201)
async def set_flow_run_state(
    id: FromPath[UUID], data: JSONBody[SetStateBody], store: InjectedStore
) -> JsonResponse[SetStateResponse[Any]]:
    """Propose a state for a flow run; 200 answers when it keeps the one that it has."""
    at = now()
    state, force, lease = data.state.to_state(at), data.force, data.lease
    asked = min(at, state.timestamp)
    if lease is None:
        verdict = await store.write(
            lambda conn: flow_runs.set_flow_run_state(conn, id, state, force=force, now=at)
        )
        return verdict_response(verdict, asked)
    execution = await store.write(
        lambda conn: propose_under_lease(conn, id, state, lease, force=force, late=data.late, now=at)
    )
    return execution_response(execution, asked)


@post("/{id:uuid}/lease", status_code=204)
async def renew_lease(id: FromPath[UUID], data: JSONBody[LeaseBody], store: InjectedStore) -> None:
    """Go on to hold the lease of a flow run; 409 answers when it is lost."""
    at = now()
    tokens = {id: data.token if data.token is not None else NO_TOKEN}
    if await store.write(lambda conn: renew_leases(conn, tokens, seconds=data.seconds, now=at)):
        raise Refusal(409, "The lease is lost: it has ended with the run, or another process has taken it.")


@post("/bulk_set_state", status_code=200)
async def set_flow_run_states(
    data: JSONBody[FlowRunsBulkSetStateBody], store: InjectedStore
) -> FlowRunBulkSetStateResponse:
    """Propose a state for each of the flow runs that meet a filter."""

    def propose(run: FlowRun) -> Callable[[Connection], OrchestrationResult]:
        at = now()
        state = data.state.to_state(at)
        return lambda conn: flow_runs.set_flow_run_state(conn, run.id, state, force=data.force, now=at)

    scope = RunScope(flow_runs=data.flow_runs)
    found = await store.read(lambda conn: read_flow_runs(conn, scope, limit=data.limit))
    results = []
    for run in found:
        try:
            verdict = await store.write(propose(run))
        except ObjectNotFound:  # deleted meanwhile
            continue
        answer = set_state_response(verdict)
        results.append(
            FlowRunOrchestrationResult(
                flow_run_id=run.id, state=answer.state, status=answer.status, details=answer.details
            )
        )
    return FlowRunBulkSetStateResponse(results=results)


@post("/{id:uuid}/resume", status_code=201, opt=not_found("Flow run not found"))
async def resume_flow_run(
    id: FromPath[UUID], store: InjectedStore, data: JSONBody[ResumeBody | None] = None
) -> JsonResponse[SetStateResponse[Any]]:
    """Let a paused flow run go on, with what it asked for; 200 answers when it does not."""
    at = now()
    given = data.run_input if data is not None else None
    run = await store.read(lambda conn: flow_runs.read_flow_run(conn, id))
    told = None
    if pauses.is_paused(run):
        try:
            told = await store.read(lambda conn: _checked(conn, run, given))
        except json_schema.InvalidValues as error:
            refusal: SetStateResponse[Any] = SetStateResponse(
                state=run.state,
                status=OrchestrationStatus.REJECT,
                details=StateAbortDetails(reason=str(error)),
            )
            return JsonResponse(refusal, status_code=200)
    verdict = await store.write(lambda conn: pauses.resume_flow_run(conn, id, told=told, now=at))
    return verdict_response(verdict, at)


def _checked(conn: Connection, run: FlowRun, given: dict[str, Any] | None) -> FlowRunInput | None:
    """What a paused run is told, in the form that it asked for; None when it did not ask for anything.

    Raises:
        InvalidValues: It does not have that form.
    """
    keys = run.state.state_details.run_input_keyset if run.state is not None else None
    if not keys:
        return None
    values = given or {}
    if "schema" in keys:
        schema = _schema_of(conn, run.id, keys["schema"])
        try:
            values = json_schema.plain(values)
        except json_schema.InvalidValues as error:
            raise json_schema.InvalidValues(f"Error hydrating run input: {error}") from error
        try:
            json_schema.check(values, schema)
        except json_schema.InvalidValues as error:
            raise json_schema.InvalidValues(f"Reason: {error}") from error
    if "response" not in keys:
        return None
    return FlowRunInput(flow_run_id=run.id, key=keys["response"], value=encode(values).decode())


def _schema_of(conn: Connection, run_id: UUID, key: str) -> Any:
    try:
        text = read_flow_run_input(conn, run_id, key).value
    except ObjectNotFound as error:
        raise json_schema.InvalidValues("Run input schema not found.") from error
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise json_schema.InvalidValues("Run input schema is not valid JSON.") from error
    if not isinstance(schema, dict):
        raise json_schema.InvalidValues("Run input schema is not an object.")
    return schema


router = Router(
    path="/flow_runs",
    route_handlers=[set_flow_run_state, renew_lease, set_flow_run_states, resume_flow_run],
    tags=["Flow Runs"],
)

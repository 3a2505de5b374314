"""States proposed for flow runs over HTTP."""

from __future__ import annotations

from uuid import uuid4

import pytest

UNKNOWN = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def propose(api):
    async def make(run, kind, *, force=False, **fields):
        state = {"type": kind, **fields}
        return await api.post(f"/flow_runs/{run['id']}/set_state", json={"state": state, "force": force})

    return make


async def test_an_accepted_state_is_answered_and_read(ask, new_flow_run, propose):
    run = await new_flow_run()
    response = await propose(run, "RUNNING", message="go")
    assert response.status_code == 201
    verdict = response.json()
    assert (verdict["status"], verdict["details"]) == ("ACCEPT", {"type": "accept_details"})
    read = await ask.get(f"/flow_runs/{run['id']}")
    assert read["state"] == verdict["state"]
    assert (read["run_count"], read["start_time"]) == (1, verdict["state"]["timestamp"])


async def test_a_rejected_state_is_answered_with_the_one_that_the_run_keeps(new_flow_run, propose):
    run = await new_flow_run("COMPLETED")
    response = await propose(run, "FAILED")
    assert response.status_code == 200
    assert (response.json()["status"], response.json()["state"]) == ("REJECT", run["state"])
    assert response.json()["details"]["type"] == "reject_details"


async def test_a_failed_run_with_retries_left_is_scheduled(new_flow_run, propose):
    run = await new_flow_run("RUNNING", empirical_policy={"retries": 1, "retry_delay": 0})
    response = await propose(run, "FAILED")
    assert response.status_code == 201
    verdict = response.json()
    assert (verdict["status"], verdict["state"]["name"]) == ("REJECT", "AwaitingRetry")
    assert verdict["details"] == {"type": "reject_details", "reason": "Retrying"}
    assert (await propose(run, "RUNNING")).json()["status"] == "ACCEPT"


async def test_a_run_waits_for_its_time(new_flow_run, propose):
    due = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2100-01-01T00:00:00Z"}}
    response = await propose(await new_flow_run(due), "RUNNING")
    assert response.status_code == 200
    verdict = response.json()
    assert (verdict["status"], verdict["details"]["type"]) == ("WAIT", "wait_details")
    assert verdict["details"]["delay_seconds"] > 0


async def test_a_run_that_was_taken_on_is_not_taken_on_again(new_flow_run, propose):
    response = await propose(await new_flow_run("RUNNING"), "PENDING")
    assert response.status_code == 200
    assert (response.json()["status"], response.json()["details"]["type"]) == ("ABORT", "abort_details")


async def test_force_goes_past_the_rules(new_flow_run, propose):
    response = await propose(await new_flow_run("COMPLETED"), "FAILED", force=True)
    assert (response.status_code, response.json()["status"]) == (201, "ACCEPT")


async def test_a_repeated_proposal_is_made_once(ask, new_flow_run, propose):
    run = await new_flow_run()
    details = {"transition_id": str(uuid4())}
    first = await propose(run, "RUNNING", state_details=details)
    second = await propose(run, "RUNNING", state_details=details)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["state"] == first.json()["state"]
    assert (await ask.get(f"/flow_runs/{run['id']}"))["run_count"] == 1


async def test_an_unknown_run_is_not_found(api):
    response = await api.post(f"/flow_runs/{UNKNOWN}/set_state", json={"state": {"type": "RUNNING"}})
    assert response.status_code == 404
    assert UNKNOWN in response.json()["exception_message"]


@pytest.mark.parametrize(
    "body", [{}, {"state": {"type": "NO"}}, {"state": None}, {"state": {"type": "RUNNING"}, "x": 1}]
)
async def test_what_is_no_state_is_refused(api, ask, new_flow_run, body):
    run = await new_flow_run()
    response = await api.post(f"/flow_runs/{run['id']}/set_state", json=body)
    assert response.status_code == 422
    assert (await ask.get(f"/flow_runs/{run['id']}"))["state_id"] == run["state_id"]


# --- Several at once -------------------------------------------------------------------------------------------


async def test_states_are_proposed_for_the_runs_of_a_filter(ask, new_flow_run):
    pending, over = await new_flow_run("PENDING", tags=["x"]), await new_flow_run("COMPLETED", tags=["x"])
    other = await new_flow_run("PENDING")
    body = {"flow_runs": {"tags": {"all_": ["x"]}}, "state": {"type": "CANCELLED"}}
    answer = await ask.post("/flow_runs/bulk_set_state", body)
    verdicts = {verdict["flow_run_id"]: verdict for verdict in answer["results"]}
    assert {run_id: verdict["status"] for run_id, verdict in verdicts.items()} == {
        pending["id"]: "ACCEPT",
        over["id"]: "REJECT",
    }
    assert verdicts[pending["id"]]["details"] == {"type": "accept_details"}
    assert verdicts[over["id"]]["state"]["type"] == "COMPLETED"
    assert (await ask.get(f"/flow_runs/{pending['id']}"))["state_type"] == "CANCELLED"
    assert (await ask.get(f"/flow_runs/{other['id']}"))["state_type"] == "PENDING"


async def test_force_holds_for_all(ask, new_flow_run):
    over = await new_flow_run("COMPLETED")
    answer = await ask.post("/flow_runs/bulk_set_state", {"state": {"type": "FAILED"}, "force": True})
    assert [verdict["status"] for verdict in answer["results"]] == ["ACCEPT"]
    assert (await ask.get(f"/flow_runs/{over['id']}"))["state_type"] == "FAILED"


@pytest.mark.parametrize("body", [{}, {"state": {"type": "FAILED"}, "limit": 51}])
async def test_what_is_no_bulk_change_is_refused(api, body):
    assert (await api.post("/flow_runs/bulk_set_state", json=body)).status_code == 422


# --- Resuming --------------------------------------------------------------------------------------------------

KEYS = {"description": "p-description", "response": "p-response", "schema": "p-schema"}
SCHEMA = """{
    "type": "object",
    "properties": {"age": {"type": "integer"}, "name": {"type": "string", "default": "bob"}, "note": {"type": "string"}},
    "required": ["age"]
}"""


@pytest.fixture
def new_paused_run(ask, new_flow_run, propose):
    """Makes a run that was paused, with details of the pause, and tells it a schema."""

    async def make(schema=None, deployment_id=None, **details):
        run = await new_flow_run("RUNNING", deployment_id=deployment_id)
        response = await propose(run, "PAUSED", state_details={"pause_key": "1", **details})
        assert response.json()["status"] == "ACCEPT", response.text
        if schema is not None:
            await ask.post(f"/flow_runs/{run['id']}/input", {"key": "p-schema", "value": schema})
        return run

    return make


@pytest.fixture
def resume(api):
    async def make(run, **body):
        response = await api.post(f"/flow_runs/{run['id']}/resume", json=body)
        return response.status_code, response.json()

    return make


async def test_a_paused_run_goes_on(ask, api, new_paused_run):
    run = await new_paused_run()
    response = await api.post(f"/flow_runs/{run['id']}/resume")
    assert (response.status_code, response.json()["status"]) == (201, "ACCEPT")
    read = await ask.get(f"/flow_runs/{run['id']}")
    assert (read["state"], read["run_count"]) == (response.json()["state"], 1)
    assert read["state_type"] == "RUNNING"


async def test_a_suspended_run_is_scheduled(ask, new_paused_run, resume):
    run = await new_paused_run(deployment_id=str(uuid4()), pause_reschedule=True)
    status, verdict = await resume(run)
    assert (status, verdict["status"], verdict["state"]["name"]) == (201, "ACCEPT", "Resuming")
    read = await ask.get(f"/flow_runs/{run['id']}")
    assert read["next_scheduled_start_time"] == verdict["state"]["timestamp"]


async def test_a_run_that_is_not_paused_does_not_resume(new_flow_run, resume):
    status, verdict = await resume(await new_flow_run("RUNNING"))
    reason = "Cannot resume a flow run that is not paused."
    assert (status, verdict["status"], verdict["state"]) == (200, "ABORT", None)
    assert verdict["details"] == {"type": "abort_details", "reason": reason}


async def test_a_pause_that_has_timed_out_fails(new_paused_run, resume):
    status, verdict = await resume(await new_paused_run(pause_timeout="2020-01-01T00:00:00Z"))
    assert (status, verdict["status"], verdict["state"]["type"]) == (201, "REJECT", "FAILED")


async def test_a_run_is_told_what_it_asked_for(api, new_paused_run, resume):
    run = await new_paused_run(SCHEMA, run_input_keyset=KEYS)
    status, _ = await resume(run, run_input={"age": {"__prefect_kind": "json", "value": "3"}, "note": None})
    assert status == 201
    told = await api.get(f"/flow_runs/{run['id']}/input/p-response")
    assert told.json() == {"age": 3, "note": None}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            {"age": "x"},
            "Reason: Validation failed for field 'age'. Failure reason: 'x' is not of type 'integer'",
        ),
        ({}, "Reason: Validation failed. Failure reason: 'age' is a required property"),
        (None, "Reason: Validation failed. Failure reason: 'age' is a required property"),
        ({"age": 1, "name": None}, "Reason: Validation failed for field 'name'. Failure reason: None is not"),
        ({"age": {"__prefect_kind": "json", "value": "{"}}, "Error hydrating run input: Invalid JSON"),
        ({"age": {"__prefect_kind": "none"}}, "Error hydrating run input: Missing 'value' key"),
        ({"age": {"__prefect_kind": "wish"}}, "Error hydrating run input: Values of the kind 'wish'"),
    ],
)
async def test_a_run_is_not_told_anything_else(api, ask, new_paused_run, resume, given, reason):
    run = await new_paused_run(SCHEMA, run_input_keyset=KEYS)
    status, verdict = await resume(run, run_input=given)
    assert (status, verdict["status"], verdict["state"]["type"]) == (200, "REJECT", "PAUSED")
    assert verdict["details"]["type"] == "abort_details"
    assert verdict["details"]["reason"].startswith(reason)
    assert (await ask.get(f"/flow_runs/{run['id']}"))["state_type"] == "PAUSED"
    assert (await api.get(f"/flow_runs/{run['id']}/input/p-response")).status_code == 404


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (None, "Run input schema not found."),
        ("{", "Run input schema is not valid JSON."),
        ("5", "Run input schema is not an object."),
        ('{"type": "wish"}', "Reason: The schema is not valid: "),
        ('{"$ref": "#"}', "Reason: The schema cannot be used: "),
        ('{"$ref": "http://127.0.0.1:9/schema"}', "Reason: The schema cannot be used: "),
    ],
)
async def test_a_schema_that_is_none_lets_nothing_pass(new_paused_run, resume, schema, reason):
    run = await new_paused_run(schema, run_input_keyset=KEYS)
    status, verdict = await resume(run, run_input={"age": 1})
    assert (status, verdict["status"]) == (200, "REJECT")
    assert verdict["details"]["reason"].startswith(reason)


async def test_a_run_is_told_once_under_a_key(ask, new_paused_run, resume, propose):
    run = await new_paused_run(SCHEMA, run_input_keyset=KEYS)
    await resume(run, run_input={"age": 1})
    await propose(run, "PAUSED", state_details={"pause_key": "2", "run_input_keyset": KEYS})
    status, answer = await resume(run, run_input={"age": 2})
    assert (status, answer) == (409, {"detail": "A flow run input with this key already exists."})
    assert (await ask.get(f"/flow_runs/{run['id']}"))["state_type"] == "PAUSED"


async def test_an_unknown_run_does_not_resume(api):
    response = await api.post(f"/flow_runs/{UNKNOWN}/resume", json={})
    assert (response.status_code, response.json()) == (404, {"detail": "Flow run not found"})

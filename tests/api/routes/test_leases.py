"""Leases of flow runs over HTTP: what processes say that execute runs, and what they are told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headrace.schema.base import now
from headrace.store.reaping import reap_dead_runs

HERE = {"host": "here", "pid": 1, "pid_started": "a:b:1", "seconds": 60}
THERE = {"host": "there", "pid": 2, "pid_started": None, "seconds": 60}
UNKNOWN = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def propose(api):
    async def make(run, kind, lease=None, **fields):
        body = {"state": {"type": kind, **fields}, "lease": lease}
        return (await api.post(f"/flow_runs/{run['id']}/set_state", json=body)).json()

    return make


@pytest.fixture
def renew(api):
    async def make(run, token):
        body = {"token": token, "seconds": 60}
        return (await api.post(f"/flow_runs/{run['id']}/lease", json=body)).status_code

    return make


async def test_who_starts_a_run_gets_its_lease_and_the_run(ask, new_flow_run, propose):
    run = await new_flow_run()
    answer = await propose(run, "RUNNING", HERE)
    assert (answer["status"], answer["token"]) == ("ACCEPT", 1)
    read = await ask.get(f"/flow_runs/{run['id']}")
    assert answer["run"]["state"] == read["state"] == answer["state"]
    assert answer["run"]["run_count"] == 1


async def test_who_does_not_speak_of_a_lease_is_not_told_of_any(new_flow_run, propose):
    assert (await propose(await new_flow_run(), "RUNNING")).keys() == {"state", "status", "details"}


async def test_another_process_does_not_start_a_run_that_is_executed(ask, new_flow_run, propose):
    run = await new_flow_run()
    await propose(run, "RUNNING", HERE)
    answer = await propose(run, "RUNNING", THERE)
    assert (answer["status"], answer["token"]) == ("ABORT", None)
    assert (await ask.get(f"/flow_runs/{run['id']}"))["run_count"] == 1


async def test_a_process_that_has_not_heard_the_answer_gets_its_token(new_flow_run, propose):
    run = await new_flow_run()
    details = {"transition_id": "01a20377-0000-7000-8000-000000000001"}
    first = await propose(run, "RUNNING", HERE, state_details=details)
    second = await propose(run, "RUNNING", HERE, state_details=details)
    assert (second["token"], second["state"], second["status"]) == (1, first["state"], "REJECT")


async def test_a_run_ends_under_its_lease_which_ends_with_it(new_flow_run, propose, renew):
    run = await new_flow_run()
    token = (await propose(run, "RUNNING", HERE))["token"]
    assert await renew(run, token) == 204
    ended = await propose(run, "COMPLETED", {"token": token})
    assert (ended["status"], ended["token"], ended["run"]["state_type"]) == ("ACCEPT", None, "COMPLETED")
    assert await renew(run, token) == 409


async def test_what_is_proposed_under_a_lost_lease_is_refused(ask, new_flow_run, propose, renew):
    run = await new_flow_run()
    await propose(run, "RUNNING", {**HERE, "seconds": 0.000001})
    assert (await propose(run, "RUNNING", THERE))["token"] == 2
    answer = await propose(run, "FAILED", {"token": 1})
    assert (answer["status"], answer["token"]) == ("ABORT", None)
    assert (await renew(run, 1), await renew(run, 2)) == (409, 204)
    assert (await ask.get(f"/flow_runs/{run['id']}"))["state_type"] == "RUNNING"


@pytest.fixture
def propose_late(api):
    async def make(run, kind, lease, **fields):
        body = {"state": {"type": kind, **fields}, "lease": lease, "late": True}
        return (await api.post(f"/flow_runs/{run['id']}/set_state", json=body)).json()

    return make


async def take_for_dead(store, run):
    """What a server does whose patience is at its end."""
    later = now() + timedelta(hours=1)
    (dead,) = store.write(lambda conn: reap_dead_runs(conn, now=later, is_alive=lambda holder: None))
    assert (str(dead.id), dead.state_type) == (run["id"], "CRASHED")


async def test_a_process_that_was_taken_for_dead_and_was_not_has_the_last_word(
    ask, store, new_flow_run, propose, propose_late
):
    run = await new_flow_run()
    token = (await propose(run, "RUNNING", HERE))["token"]
    await take_for_dead(store, run)
    assert (await propose(run, "COMPLETED", {"token": token}))["status"] == "ABORT"

    mine = {"id": "01a20377-0000-7000-8000-000000000002", "timestamp": "2100-01-01T00:00:00Z"}
    answer = await propose_late(run, "COMPLETED", {"token": token}, **mine)

    assert (answer["status"], answer["token"], answer["state"]["id"]) == ("ACCEPT", None, mine["id"])
    assert (await ask.get(f"/flow_runs/{run['id']}"))["state_type"] == "COMPLETED"


async def test_a_late_word_that_comes_twice_changes_nothing(ask, store, new_flow_run, propose, propose_late):
    run = await new_flow_run()
    token = (await propose(run, "RUNNING", HERE))["token"]
    await take_for_dead(store, run)
    details = {"transition_id": "01a20377-0000-7000-8000-000000000003"}
    fields = {"state_details": details, "timestamp": "2100-01-01T00:00:00Z"}

    first = await propose_late(run, "FAILED", {"token": token}, **fields)
    second = await propose_late(run, "FAILED", {"token": token}, **fields)

    assert (first["status"], second["status"], second["state"]) == ("ACCEPT", "REJECT", first["state"])


async def test_a_process_whose_run_another_has_taken_over_has_no_last_word(
    ask, store, new_flow_run, propose, propose_late
):
    run = await new_flow_run()
    token = (await propose(run, "RUNNING", HERE))["token"]
    await take_for_dead(store, run)
    await propose(run, "RUNNING", THERE, timestamp="2100-01-01T00:00:00Z")

    assert (await propose_late(run, "COMPLETED", {"token": token}))["status"] == "ABORT"
    assert (await ask.get(f"/flow_runs/{run['id']}"))["state_type"] == "RUNNING"


async def test_a_late_word_of_a_process_that_was_waited_for_is_like_any(new_flow_run, propose, propose_late):
    run = await new_flow_run()
    token = (await propose(run, "RUNNING", HERE))["token"]

    answer = await propose_late(run, "COMPLETED", {"token": token})

    assert (answer["status"], answer["state"]["type"]) == ("ACCEPT", "COMPLETED")


async def test_a_run_that_may_not_start_leaves_no_lease(new_flow_run, propose, renew):
    run = await new_flow_run("CANCELLING")
    answer = await propose(run, "RUNNING", HERE)
    assert (answer["status"], answer["token"]) == ("REJECT", None)
    assert await renew(run, 1) == 409


async def test_a_run_that_waits_for_its_time_is_held(new_flow_run, propose, renew):
    due = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2100-01-01T00:00:00Z"}}
    run = await new_flow_run(due)
    answer = await propose(run, "RUNNING", HERE)
    assert (answer["status"], answer["token"]) == ("WAIT", 1)
    assert await renew(run, 1) == 204
    await propose(run, "CANCELLED", {"token": 1})


async def test_states_keep_the_id_and_the_time_that_they_come_with(ask, new_flow_run, propose):
    run = await new_flow_run()
    mine = {"id": "01a20377-0000-7000-8000-000000000001", "timestamp": "2100-01-01T00:00:00Z"}
    answer = await propose(run, "RUNNING", HERE, **mine)
    assert {key: answer["state"][key] for key in mine} == mine
    assert (await ask.get(f"/flow_runs/{run['id']}"))["start_time"] == mine["timestamp"]


async def test_the_lease_of_an_unknown_run_is_not_renewed(new_flow_run, renew):
    assert await renew({"id": UNKNOWN}, 1) == 409


@pytest.mark.parametrize("lease", [{"token": "x"}, {"seconds": 0}, {"wish": 1}])
async def test_what_is_no_lease_is_refused(api, new_flow_run, lease):
    run = await new_flow_run()
    body = {"state": {"type": "RUNNING"}, "lease": lease}
    assert (await api.post(f"/flow_runs/{run['id']}/set_state", json=body)).status_code == 422
    assert (await api.post(f"/flow_runs/{run['id']}/lease", json=lease)).status_code == 422

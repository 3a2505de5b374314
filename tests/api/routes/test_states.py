"""The histories of runs over HTTP."""

from __future__ import annotations

import pytest

UNKNOWN = "00000000-0000-0000-0000-000000000000"
KINDS = [("flow_run", "task_run"), ("task_run", "flow_run")]


@pytest.fixture
def new_run(new_flow_run, new_task_run):
    async def make(kind, state):
        return await (new_flow_run if kind == "flow_run" else new_task_run)(state)

    return make


@pytest.mark.parametrize(("kind", "other"), KINDS)
async def test_the_states_of_a_run_are_listed_and_read(api, ask, new_run, kind, other):
    run = await new_run(kind, "PENDING")
    await ask.post(f"/{kind}s/{run['id']}/set_state", {"state": {"type": "RUNNING"}})
    states = await ask.get(f"/{kind}_states/?{kind}_id={run['id']}")
    assert [state["type"] for state in states] == ["PENDING", "RUNNING"]
    assert states[0] == run["state"]
    assert await ask.get(f"/{kind}_states/{states[1]['id']}") == states[1]
    assert (await api.get(f"/{other}_states/{states[1]['id']}")).status_code == 404
    assert await ask.get(f"/{other}_states/?{other}_id={run['id']}") == []


@pytest.mark.parametrize(("kind", "other"), KINDS)
async def test_a_deleted_run_has_no_states(api, ask, new_run, kind, other):
    run = await new_run(kind, "PENDING")
    await ask.delete(f"/{kind}s/{run['id']}")
    assert await ask.get(f"/{kind}_states/?{kind}_id={run['id']}") == []
    response = await api.get(f"/{kind}_states/{run['state_id']}")
    detail = f"{kind.replace('_', ' ').capitalize()} state not found"
    assert (response.status_code, response.json()) == (404, {"detail": detail})


@pytest.mark.parametrize(("kind", "other"), KINDS)
async def test_whose_states_are_asked_for_must_be_said(api, kind, other):
    assert (await api.get(f"/{kind}_states/")).status_code == 422
    response = await api.get(f"/{kind}_states/?{kind}_id=x")
    assert response.status_code == 422
    assert response.json()["exception_detail"][0]["loc"] == ["query", f"{kind}_id"]

"""Flow runs over HTTP: created, found, changed, deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

UNKNOWN = "00000000-0000-0000-0000-000000000000"
NOT_FOUND = {"detail": "Flow run not found"}


def instant(text):
    return datetime.fromisoformat(text)


# --- Creating --------------------------------------------------------------------------------------------------


async def test_a_run_begins_pending_with_a_name_made_up(ask, new_flow):
    flow = await new_flow(labels={"team": "x"})
    run = await ask.post("/flow_runs/", {"flow_id": flow["id"]})
    assert (run["state_type"], run["state_name"], run["run_count"]) == ("PENDING", "Pending", 0)
    assert run["state"]["id"] == run["state_id"]
    assert run["state"]["state_details"]["flow_run_id"] == run["id"]
    assert len(run["name"].split("-")) == 2
    assert run["labels"] == {"team": "x", "prefect.flow.id": flow["id"]}
    assert run["job_variables"] == {}
    read = await ask.get(f"/flow_runs/{run['id']}")
    assert {**read, "estimated_start_time_delta": 0} == {**run, "estimated_start_time_delta": 0}


async def test_every_field_of_a_run_is_kept(ask, new_flow_run):
    fields = {
        "name": "my run",
        "flow_version": "v1",
        "parameters": {"x": [1, None, "ü"]},
        "context": {"c": 1},
        "tags": ["b", "a"],
        "deployment_id": str(uuid4()),
        "idempotency_key": "key",
        "job_variables": {"image": "y"},
    }
    run = await new_flow_run(**fields, empirical_policy={"retries": 2, "retry_delay": 3})
    assert {key: run[key] for key in fields} == fields
    assert (run["empirical_policy"]["retries"], run["empirical_policy"]["retry_delay"]) == (2, 3)


async def test_old_names_of_retries_are_understood(new_flow_run):
    run = await new_flow_run(empirical_policy={"max_retries": 2, "retry_delay_seconds": 5})
    assert (run["empirical_policy"]["retries"], run["empirical_policy"]["retry_delay"]) == (2, 5)


async def test_a_scheduled_run_is_expected_when_it_is_scheduled(new_flow_run):
    due = datetime.now(UTC) + timedelta(hours=1)
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
    run = await new_flow_run(state)
    assert instant(run["expected_start_time"]) == instant(run["next_scheduled_start_time"]) == due
    run = await new_flow_run("SCHEDULED")
    assert run["next_scheduled_start_time"] == run["state"]["state_details"]["scheduled_time"]


async def test_a_run_created_as_ended_started_when_it_ended(new_flow_run):
    run = await new_flow_run("COMPLETED")
    assert run["start_time"] == run["end_time"] == run["state"]["timestamp"]


@pytest.mark.parametrize("field", ["id", "idempotency_key"])
async def test_a_run_is_created_once(api, ask, new_flow, field):
    body = {"flow_id": (await new_flow())["id"], field: str(uuid4())}
    first, second = [await api.post("/flow_runs/", json={**body, "name": name}) for name in ("a", "b")]
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["id"] == first.json()["id"]
    assert second.json()["name"] == "a"
    assert await ask.post("/flow_runs/count") == 1


async def test_an_idempotency_key_holds_within_a_flow(new_flow_run):
    first, second = await new_flow_run(idempotency_key="k"), await new_flow_run(idempotency_key="k")
    assert first["id"] != second["id"]


async def test_a_run_of_an_unknown_flow_is_a_conflict(api):
    response = await api.post("/flow_runs/", json={"flow_id": UNKNOWN})
    assert response.status_code == 409
    assert response.json()["detail"].startswith("Data integrity conflict.")


async def test_a_run_below_an_unknown_task_run_is_a_conflict(api, new_flow):
    body = {"flow_id": (await new_flow())["id"], "parent_task_run_id": UNKNOWN}
    assert (await api.post("/flow_runs/", json=body)).status_code == 409


@pytest.mark.parametrize("kind", ["pool", "queue"])
async def test_a_run_for_an_unknown_pool_or_queue_is_refused(api, new_flow, kind):
    body = {"flow_id": (await new_flow())["id"], f"work_{kind}_name": "x"}
    response = await api.post("/flow_runs/", json=body)
    assert (response.status_code, response.json()) == (404, {"detail": f'Work {kind} "x" not found.'})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("flow_id", "x"),
        ("tags", "x"),
        ("parameters", []),
        ("state", {"type": "BAD"}),
        ("state", {"type": "PENDING", "created": "2026-01-01T00:00:00Z"}),
        ("labels", {"a": [1]}),
        ("name", "a\0b"),
        ("auto_scheduled", True),
    ],
)
async def test_what_is_no_run_is_refused_and_not_stored(api, ask, new_flow, field, value):
    body = {"flow_id": (await new_flow())["id"], field: value}
    response = await api.post("/flow_runs/", json=body)
    assert response.status_code == 422
    assert response.json()["exception_message"] == "Invalid request received."
    assert response.json()["exception_detail"][0]["loc"][0] == "body"
    assert await ask.post("/flow_runs/count") == 0


async def test_parameters_that_are_too_large_are_refused(api, new_flow, new_flow_run):
    large = {"x": "y" * 524_288}
    response = await api.post("/flow_runs/", json={"flow_id": (await new_flow())["id"], "parameters": large})
    assert response.status_code == 422
    [problem] = response.json()["exception_detail"]
    assert problem["loc"] == ["body", "parameters"]
    assert "524,288" in problem["msg"]
    run = await new_flow_run()
    assert (await api.patch(f"/flow_runs/{run['id']}", json={"parameters": large})).status_code == 422


# --- Changing --------------------------------------------------------------------------------------------------


async def test_what_is_given_of_a_run_is_changed(ask, new_flow_run):
    run = await new_flow_run(tags=["a"], parameters={"x": 1})
    changes = {"name": "other", "tags": ["b"], "flow_version": "2", "infrastructure_pid": "12"}
    await ask.patch(f"/flow_runs/{run['id']}", {**changes, "empirical_policy": {"retries": 1}})
    changed = await ask.get(f"/flow_runs/{run['id']}")
    assert {key: changed[key] for key in changes} == changes
    assert changed["empirical_policy"]["retries"] == 1
    assert changed["parameters"] == {"x": 1}
    await ask.patch(f"/flow_runs/{run['id']}", {"flow_version": None})
    assert (await ask.get(f"/flow_runs/{run['id']}"))["flow_version"] is None


@pytest.mark.parametrize("name", [None, ""])
async def test_a_run_does_not_lose_its_name(ask, new_flow_run, name):
    run = await new_flow_run(name="x")
    await ask.patch(f"/flow_runs/{run['id']}", {"name": name})
    assert len((await ask.get(f"/flow_runs/{run['id']}"))["name"].split("-")) == 2


@pytest.mark.parametrize(
    ("state", "detail"),
    [
        ("PENDING", "Job variables for a flow run in state PENDING cannot be updated"),
        ("SCHEDULED", "A deployment for the flow run could not be found"),
    ],
)
async def test_job_variables_are_refused_without_a_deployment(api, ask, new_flow_run, state, detail):
    run = await new_flow_run(state, name="x")
    response = await api.patch(f"/flow_runs/{run['id']}", json={"job_variables": {"a": 1}, "name": "y"})
    assert (response.status_code, response.json()) == (400, {"detail": detail})
    assert (await ask.get(f"/flow_runs/{run['id']}"))["name"] == "x"


async def test_labels_are_added(ask, new_flow_run):
    run = await new_flow_run(labels={"a": 1, "b": 2})
    await ask.patch(f"/flow_runs/{run['id']}/labels", {"b": "x", "c": 2.5})
    labels = (await ask.get(f"/flow_runs/{run['id']}"))["labels"]
    assert labels == {**run["labels"], "b": "x", "c": 2.5}


async def test_labels_that_are_none_are_refused(api, new_flow_run):
    run = await new_flow_run()
    response = await api.patch(f"/flow_runs/{run['id']}/labels", json={"a": [1]})
    assert response.status_code == 422
    assert response.json()["exception_detail"][0]["loc"] == ["body"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_unknown_run_is_not_found(api, method):
    response = await api.request(method, f"/flow_runs/{UNKNOWN}", json={} if method == "PATCH" else None)
    assert (response.status_code, response.json()) == (404, NOT_FOUND)


async def test_labels_of_an_unknown_run_are_not_found(api):
    response = await api.patch(f"/flow_runs/{UNKNOWN}/labels", json={"a": 1})
    assert response.status_code == 404
    assert UNKNOWN in response.json()["exception_message"]


# --- Lists -----------------------------------------------------------------------------------------------------


async def test_the_newest_runs_come_first(ask, new_flow_run):
    runs = [await new_flow_run(name=name) for name in "abc"]
    assert [run["id"] for run in await ask.post("/flow_runs/filter")] == [run["id"] for run in runs[::-1]]
    page = await ask.post("/flow_runs/filter", {"sort": "NAME_ASC", "limit": 1, "offset": 1})
    assert [run["name"] for run in page] == ["b"]


async def test_runs_that_wait_or_go_on_come_last_where_others_are_sorted_by_it(ask, new_flow_run):
    soon, later = [
        {"type": "SCHEDULED", "state_details": {"scheduled_time": f"2030-01-0{day}T00:00:00Z"}}
        for day in (1, 2)
    ]
    for name, state in {"later": later, "none": "PENDING", "soon": soon, "over": "COMPLETED"}.items():
        await new_flow_run(state, name=name)

    async def names(sort):
        return [run["name"] for run in await ask.post("/flow_runs/filter", {"sort": sort})]

    assert (await names("NEXT_SCHEDULED_START_TIME_ASC"))[:2] == ["soon", "later"]
    assert (await names("END_TIME_DESC"))[0] == "over"
    assert (await names("START_TIME_DESC"))[:2] == ["later", "soon"]
    assert (await names("START_TIME_ASC"))[2:] == ["soon", "later"]
    assert (await names("EXPECTED_START_TIME_DESC"))[:2] == ["later", "soon"]


async def test_runs_are_found_by_what_they_are(ask, new_flow, new_flow_run):
    flow = await new_flow()
    failed = await new_flow_run("FAILED", flow_id=flow["id"], name="nightly", tags=["a", "b"])
    running = await new_flow_run("RUNNING", name="hourly", tags=["b"])
    due = {"type": "SCHEDULED", "name": "Late"}
    late = await new_flow_run(due, name="daily", flow_version="7", idempotency_key="k")

    async def found(**body):
        runs = {run["id"] for run in await ask.post("/flow_runs/filter", body)}
        assert await ask.post("/flow_runs/count", body) == len(runs)
        return {run["name"] for run in (failed, running, late) if run["id"] in runs}

    assert await found(flow_runs={"name": {"like_": "LY"}}) == {"nightly", "hourly", "daily"}
    assert await found(flow_runs={"name": {"any_": ["hourly"]}}) == {"hourly"}
    assert await found(flow_runs={"state": {"type": {"any_": ["FAILED", "RUNNING"]}}}) == {
        "nightly",
        "hourly",
    }
    assert await found(flow_runs={"state": {"type": {"not_any_": ["FAILED"]}}}) == {"hourly", "daily"}
    assert await found(flow_runs={"state": {"name": {"any_": ["Late"]}}}) == {"daily"}
    assert await found(flow_runs={"tags": {"all_": ["a", "b"]}}) == {"nightly"}
    assert await found(flow_runs={"tags": {"any_": ["a", "b"]}}) == {"nightly", "hourly"}
    assert await found(flow_runs={"tags": {"is_null_": True}}) == {"daily"}
    assert await found(flow_runs={"start_time": {"is_null_": True}}) == {"daily"}
    assert await found(flow_runs={"end_time": {"is_null_": False}}) == {"nightly"}
    assert await found(flow_runs={"flow_version": {"any_": ["7"]}}) == {"daily"}
    assert await found(flow_runs={"idempotency_key": {"any_": ["k"]}}) == {"daily"}
    assert await found(flow_runs={"deployment_id": {"is_null_": True}}) == {"nightly", "hourly", "daily"}
    assert await found(flow_runs={"expected_start_time": {"before_": failed["expected_start_time"]}}) == {
        "nightly"
    }
    assert await found(flows={"id": {"any_": [flow["id"]]}}) == {"nightly"}
    assert await found(flows={"name": {"any_": [flow["name"]]}}, flow_runs={"tags": {"all_": ["b"]}}) == {
        "nightly"
    }
    assert await found(task_runs={}) == set()
    assert await found(deployments={}) == set()


async def test_pages_of_runs(ask, new_flow_run):
    runs = [await new_flow_run() for _ in range(3)]
    page = await ask.post("/flow_runs/paginate", {"limit": 2, "page": 2})
    assert [run["id"] for run in page.pop("results")] == [runs[0]["id"]]
    assert page == {"count": 3, "limit": 2, "pages": 2, "page": 2}


async def test_a_list_is_not_longer_than_the_setting_says(make_app, connect):
    small = connect(make_app({"server.api.default_limit": 2}))
    flow = (await small.post("/flows/", json={"name": "f"})).json()
    for _ in range(3):
        await small.post("/flow_runs/", json={"flow_id": flow["id"]})
    assert len((await small.post("/flow_runs/filter")).json()) == 2
    refused = await small.post("/flow_runs/filter", json={"limit": 3})
    assert refused.status_code == 422
    assert refused.json() == {"detail": "Invalid limit: must be less than or equal to 2."}


# --- Deleting --------------------------------------------------------------------------------------------------


async def test_a_deleted_run_is_gone_and_its_deletion_recorded(api, ask, store, new_flow_run):
    run = await new_flow_run(name="x")
    await ask.delete(f"/flow_runs/{run['id']}")
    response = await api.get(f"/flow_runs/{run['id']}")
    assert (response.status_code, response.json()) == (404, NOT_FOUND)
    recorded = store.read(
        lambda conn: conn.row("SELECT event, resource_id FROM event WHERE event IS NOT NULL")
    )
    assert tuple(recorded) == ("prefect.flow-run.deleted", f"prefect.flow-run.{UUID(run['id'])}")


async def test_the_runs_of_a_filter_are_deleted_at_once(ask, new_flow_run):
    failed = [await new_flow_run("FAILED") for _ in range(3)]
    kept = await new_flow_run("COMPLETED")
    wanted = {"state": {"type": {"any_": ["FAILED"]}}}
    answer = await ask.post("/flow_runs/bulk_delete", {"flow_runs": wanted, "limit": 2})
    assert len(answer["deleted"]) == 2
    assert set(answer["deleted"]) < {run["id"] for run in failed}
    await ask.post("/flow_runs/bulk_delete", {"flow_runs": wanted})
    assert [run["id"] for run in await ask.post("/flow_runs/filter")] == [kept["id"]]


# --- Figures ---------------------------------------------------------------------------------------------------


async def test_lateness_is_an_average(ask, new_flow_run):
    assert await ask.post("/flow_runs/lateness") is None
    await new_flow_run("COMPLETED")
    assert await ask.post("/flow_runs/lateness") == 0
    due = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    await new_flow_run({"type": "SCHEDULED", "state_details": {"scheduled_time": due}})
    assert 1800 <= await ask.post("/flow_runs/lateness") < 1900
    completed = {"state": {"type": {"any_": ["COMPLETED"]}}}
    assert await ask.post("/flow_runs/lateness", {"flow_runs": completed}) == 0


async def test_the_history_counts_by_state_in_intervals(ask, new_flow_run):
    start = datetime.now(UTC) - timedelta(minutes=30)
    for state in ("COMPLETED", "FAILED", "FAILED"):
        await new_flow_run(state)
    body = {
        "history_start": start.isoformat(),
        "history_end": (start + timedelta(hours=2)).isoformat(),
        "history_interval_seconds": 3600,
        "flow_runs": {"state": {"type": {"any_": ["FAILED"]}}},
    }
    first, second = await ask.post("/flow_runs/history", body)
    assert [(state["state_name"], state["count_runs"]) for state in first["states"]] == [("Failed", 2)]
    assert second["states"] == []


# --- Parameters that are null --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/flow_runs/filter", "/flows/filter", "/task_runs/filter"])
async def test_a_parameter_that_is_null_is_as_good_as_left_out(ask, path):
    assert await ask.post(path, {"sort": None, "limit": None, "offset": None}) == []


async def test_a_wrong_parameter_beside_null_is_still_named(api):
    response = await api.post("/flow_runs/filter", json={"sort": None, "limit": "x"})
    assert response.status_code == 422
    assert response.json()["exception_detail"][0]["loc"] == ["body", "limit"]

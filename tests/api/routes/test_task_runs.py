"""Task runs over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

UNKNOWN = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
async def flow_run(new_flow_run):
    return await new_flow_run("RUNNING")


@pytest.fixture
def propose(api):
    async def make(run, kind, *, force=False, **fields):
        state = {"type": kind, **fields}
        return await api.post(f"/task_runs/{run['id']}/set_state", json={"state": state, "force": force})

    return make


# --- Creating --------------------------------------------------------------------------------------------------


async def test_a_run_begins_pending_with_a_name_made_up(ask, flow_run, new_task_run):
    run = await new_task_run(flow_run_id=flow_run["id"])
    assert (run["state_type"], run["run_count"], len(run["name"].split("-"))) == ("PENDING", 0, 2)
    details = run["state"]["state_details"]
    assert (details["flow_run_id"], details["task_run_id"]) == (flow_run["id"], run["id"])
    own = {"prefect.flow.id": flow_run["flow_id"], "prefect.flow-run.id": flow_run["id"]}
    assert run["labels"] == own
    read = await ask.get(f"/task_runs/{run['id']}")
    assert {**read, "estimated_start_time_delta": 0} == {**run, "estimated_start_time_delta": 0}


async def test_every_field_of_a_run_is_kept(flow_run, new_task_run):
    fields = {
        "id": str(uuid4()),
        "name": "n",
        "flow_run_id": flow_run["id"],
        "task_key": "k",
        "dynamic_key": "7",
        "task_version": "v",
        "cache_key": "c",
        "tags": ["b", "a"],
        "task_inputs": {
            "x": [{"input_type": "task_run", "id": UNKNOWN}, {"input_type": "flow_run", "id": UNKNOWN}],
            "y": [{"input_type": "constant", "type": "int"}, {"input_type": "parameter", "name": "p"}],
        },
    }
    policy = {"retries": 2, "retry_delay": [1, 2]}
    run = await new_task_run(**fields, empirical_policy=policy)
    assert {key: run[key] for key in fields} == fields
    assert {key: run["empirical_policy"][key] for key in policy} == policy


async def test_a_scheduled_run_says_when_it_is_due(ask, new_task_run):
    due = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2030-01-01T00:00:00Z"}}
    run = await new_task_run(due)
    read = await ask.get(f"/task_runs/{run['id']}")
    assert run["next_scheduled_start_time"] == read["next_scheduled_start_time"] == "2030-01-01T00:00:00Z"
    assert read["expected_start_time"] == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize("loose", [True, False])
async def test_a_run_is_created_once_for_its_keys(api, ask, flow_run, loose):
    body = {"task_key": "k", "dynamic_key": "0", "flow_run_id": None if loose else flow_run["id"]}
    first, second = [await api.post("/task_runs/", json={**body, "name": name}) for name in ("a", "b")]
    assert (first.status_code, second.status_code) == (201, 200)
    assert (second.json()["id"], second.json()["name"]) == (first.json()["id"], "a")
    other = await ask.post("/task_runs/", {**body, "dynamic_key": "1"})
    assert other["id"] != first.json()["id"]


async def test_a_run_is_created_once_for_its_id(api):
    body = {"task_key": "k", "id": str(uuid4())}
    first, second = [await api.post("/task_runs/", json={**body, "dynamic_key": key}) for key in "ab"]
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["dynamic_key"] == "a"


async def test_a_run_of_an_unknown_flow_run_is_a_conflict(api):
    body = {"task_key": "k", "dynamic_key": "0", "flow_run_id": UNKNOWN}
    assert (await api.post("/task_runs/", json=body)).status_code == 409


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("task_key", None),
        ("dynamic_key", 5),
        ("cache_key", "x" * 2001),
        ("task_inputs", {"x": [{"input_type": "wish"}]}),
        ("colour", 1),
    ],
)
async def test_what_is_no_run_is_refused(api, ask, field, value):
    body = {"task_key": "k", "dynamic_key": "0", field: value}
    assert (await api.post("/task_runs/", json=body)).status_code == 422
    assert await ask.post("/task_runs/count") == 0


# --- Changing --------------------------------------------------------------------------------------------------


async def test_a_run_is_renamed(ask, new_task_run):
    run = await new_task_run(name="a")
    await ask.patch(f"/task_runs/{run['id']}", {})
    assert (await ask.get(f"/task_runs/{run['id']}"))["name"] == "a"
    await ask.patch(f"/task_runs/{run['id']}", {"name": "b"})
    assert (await ask.get(f"/task_runs/{run['id']}"))["name"] == "b"
    await ask.patch(f"/task_runs/{run['id']}", {"name": None})
    assert len((await ask.get(f"/task_runs/{run['id']}"))["name"].split("-")) == 2


@pytest.mark.parametrize(
    ("method", "detail"),
    [("GET", "Task not found"), ("PATCH", "Task run not found"), ("DELETE", "Task run not found")],
)
async def test_an_unknown_run_is_not_found(api, method, detail):
    response = await api.request(method, f"/task_runs/{UNKNOWN}", json={} if method == "PATCH" else None)
    assert (response.status_code, response.json()) == (404, {"detail": detail})


async def test_states_are_proposed(ask, flow_run, new_task_run, propose):
    run = await new_task_run(flow_run_id=flow_run["id"])
    accepted = await propose(run, "RUNNING")
    assert (accepted.status_code, accepted.json()["status"]) == (201, "ACCEPT")
    assert (await propose(run, "COMPLETED")).status_code == 201
    rejected = await propose(run, "FAILED")
    assert (rejected.status_code, rejected.json()["status"]) == (200, "REJECT")
    read = await ask.get(f"/task_runs/{run['id']}")
    assert (read["state_type"], read["run_count"]) == ("COMPLETED", 1)
    assert (await propose(run, "FAILED", force=True)).json()["status"] == "ACCEPT"


async def test_a_task_does_not_start_outside_a_running_flow_run(new_flow_run, new_task_run, propose):
    flow_run = await new_flow_run("PENDING")
    response = await propose(await new_task_run(flow_run_id=flow_run["id"]), "RUNNING")
    assert (response.status_code, response.json()["status"]) == (200, "ABORT")


async def test_a_failed_run_with_retries_left_is_scheduled(flow_run, new_task_run, propose):
    run = await new_task_run(
        "RUNNING", flow_run_id=flow_run["id"], empirical_policy={"retries": 1, "retry_delay": 0}
    )
    verdict = (await propose(run, "FAILED")).json()
    assert (verdict["status"], verdict["state"]["name"]) == ("REJECT", "AwaitingRetry")


async def test_states_of_an_unknown_run_are_not_found(api):
    response = await api.post(f"/task_runs/{UNKNOWN}/set_state", json={"state": {"type": "RUNNING"}})
    assert response.status_code == 404
    assert UNKNOWN in response.json()["exception_message"]


# --- Subflows --------------------------------------------------------------------------------------------------


async def test_a_tracking_run_has_the_states_of_its_subflow_run(ask, flow_run, new_flow_run, new_task_run):
    tracker = await new_task_run(flow_run_id=flow_run["id"])
    child = await new_flow_run(parent_task_run_id=tracker["id"])
    assert child["state"]["state_details"]["task_run_id"] == tracker["id"]
    await ask.post(f"/flow_runs/{child['id']}/set_state", {"state": {"type": "RUNNING"}})
    await ask.post(f"/flow_runs/{child['id']}/set_state", {"state": {"type": "FAILED", "message": "m"}})
    read = await ask.get(f"/task_runs/{tracker['id']}")
    assert (read["state_type"], read["state"]["message"]) == ("FAILED", "m")
    details = read["state"]["state_details"]
    assert (details["child_flow_run_id"], details["flow_run_id"]) == (child["id"], flow_run["id"])
    read = await ask.get(f"/flow_runs/{child['id']}")
    assert read["state"]["state_details"]["task_run_id"] == tracker["id"]


async def test_subflow_runs_are_found_by_their_parents(ask, flow_run, new_flow_run, new_task_run):
    tracker, other = [await new_task_run(flow_run_id=flow_run["id"]) for _ in range(2)]
    child = await new_flow_run(parent_task_run_id=tracker["id"])

    async def found(noun, body):
        return {run["id"] for run in await ask.post(f"/{noun}/filter", body)}

    below = {"parent_flow_run_id": {"any_": [flow_run["id"]]}}
    assert await found("flow_runs", {"flow_runs": below}) == {child["id"]}
    below = {"parent_task_run_id": {"any_": [tracker["id"]]}}
    assert await found("flow_runs", {"flow_runs": below}) == {child["id"]}
    assert await found("task_runs", {"task_runs": {"subflow_runs": {"exists_": True}}}) == {tracker["id"]}
    assert await found("task_runs", {"task_runs": {"subflow_runs": {"exists_": False}}}) == {other["id"]}


async def test_a_subflow_run_outlives_its_parent(ask, api, flow_run, new_flow_run, new_task_run):
    tracker = await new_task_run(flow_run_id=flow_run["id"])
    child = await new_flow_run(parent_task_run_id=tracker["id"])
    await ask.delete(f"/flow_runs/{flow_run['id']}")
    assert (await api.get(f"/task_runs/{tracker['id']}")).status_code == 404
    assert (await ask.get(f"/flow_runs/{child['id']}"))["parent_task_run_id"] is None


# --- Lists -----------------------------------------------------------------------------------------------------


async def test_runs_are_found_by_what_they_are(ask, flow_run, new_task_run):
    inside = await new_task_run("COMPLETED", flow_run_id=flow_run["id"], name="inside", tags=["a", "b"])
    loose = await new_task_run("SCHEDULED", name="loose")

    async def found(**body):
        runs = {run["name"] for run in await ask.post("/task_runs/filter", body)}
        assert await ask.post("/task_runs/count", body) == len(runs)
        return runs

    assert await found() == {"inside", "loose"}
    assert await found(task_runs={"id": {"any_": [inside["id"], loose["id"]]}}) == {"inside", "loose"}
    assert await found(task_runs={"flow_run_id": {}}) == {"inside"}
    assert await found(task_runs={"flow_run_id": {"is_null_": True}}) == {"loose"}
    assert await found(task_runs={"flow_run_id": {"any_": [flow_run["id"]]}}) == {"inside"}
    assert await found(task_runs={"name": {"like_": "SID"}}) == {"inside"}
    assert await found(task_runs={"tags": {"all_": ["a"]}}) == {"inside"}
    assert await found(task_runs={"state": {"type": {"any_": ["SCHEDULED"]}}}) == {"loose"}
    assert await found(task_runs={"end_time": {"is_null_": True}}) == {"loose"}
    assert await found(task_runs={"start_time": {"before_": inside["start_time"]}}) == {"inside"}
    assert await found(flow_runs={"id": {"any_": [flow_run["id"]]}}) == {"inside"}
    assert await found(flows={}) == {"inside"}


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("ID_DESC", "cba"),
        ("NAME_ASC", "abc"),
        ("NAME_DESC", "cba"),
        ("EXPECTED_START_TIME_ASC", "acb"),
        ("EXPECTED_START_TIME_DESC", "bca"),
        ("NEXT_SCHEDULED_START_TIME_ASC", "acb"),
        ("END_TIME_DESC", "acb"),
    ],
)
async def test_runs_are_sorted(ask, new_task_run, sort, names):
    await new_task_run("COMPLETED", name="a")
    for name, day in (("b", 2), ("c", 1)):
        due = {"type": "SCHEDULED", "state_details": {"scheduled_time": f"2030-01-0{day}T00:00:00Z"}}
        await new_task_run(due, name=name)
    assert "".join(run["name"] for run in await ask.post("/task_runs/filter", {"sort": sort})) == names


async def test_pages_of_runs(ask, new_task_run):
    runs = [await new_task_run() for _ in range(3)]
    page = await ask.post("/task_runs/paginate", {"limit": 2, "page": 2})
    assert [run["id"] for run in page.pop("results")] == [runs[0]["id"]]
    assert page == {"count": 3, "limit": 2, "pages": 2, "page": 2}


async def test_limits_are_limited(api):
    response = await api.post("/task_runs/filter", json={"limit": 201})
    assert response.status_code == 422
    assert response.json() == {"detail": "Invalid limit: must be less than or equal to 200."}


async def test_a_deleted_run_is_gone(ask, api, flow_run, new_task_run):
    run, kept = [await new_task_run(flow_run_id=flow_run["id"]) for _ in range(2)]
    await ask.delete(f"/task_runs/{run['id']}")
    assert (await api.get(f"/task_runs/{run['id']}")).status_code == 404
    assert await ask.get(f"/task_runs/{kept['id']}")


# --- Histories -------------------------------------------------------------------------------------------------


async def test_the_history_counts_by_state_in_intervals(ask, new_task_run):
    start = datetime(2030, 1, 1, tzinfo=UTC)
    for minutes in (1, 2, 61):
        due = (start + timedelta(minutes=minutes)).isoformat()
        await new_task_run({"type": "SCHEDULED", "state_details": {"scheduled_time": due}})
    span = {"history_start": start.isoformat(), "history_end": (start + timedelta(hours=3)).isoformat()}
    history = await ask.post("/task_runs/history", {**span, "history_interval_seconds": 3600})
    assert [sum(state["count_runs"] for state in bar["states"]) for bar in history] == [2, 1, 0]
    assert history[0]["interval_start"] == "2030-01-01T00:00:00Z"
    assert history[0]["interval_end"] == history[1]["interval_start"] == "2030-01-01T01:00:00Z"
    assert history[1]["states"] == [
        {
            "state_type": "SCHEDULED",
            "state_name": "Scheduled",
            "count_runs": 1,
            "sum_estimated_run_time": 0.0,
            "sum_estimated_lateness": 0.0,
        }
    ]


@pytest.mark.parametrize(
    ("start", "end", "seconds", "intervals"),
    [
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z", 60, 0),
        ("2030-01-02T00:00:00Z", "2030-01-01T00:00:00Z", 60, 0),
        ("2030-01-01T00:00:00Z", "2030-01-01T00:01:01Z", 60, 2),
        ("2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z", 1, 500),
        ("9999-12-31T00:00:00Z", "9999-12-31T23:59:59Z", 3e9, 0),
    ],
)
async def test_a_history_has_as_many_intervals_as_fit(ask, start, end, seconds, intervals):
    body = {"history_start": start, "history_end": end, "history_interval_seconds": seconds}
    assert len(await ask.post("/task_runs/history", body)) == intervals


async def test_intervals_are_a_second_or_longer(api):
    body = {"history_start": "2030-01-01T00:00:00Z", "history_end": "2030-01-02T00:00:00Z"}
    response = await api.post("/task_runs/history", json={**body, "history_interval_seconds": 0.5})
    assert response.status_code == 422

"""What the web page asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

UNKNOWN = "00000000-0000-0000-0000-000000000000"


def scheduled(day):
    return {"type": "SCHEDULED", "state_details": {"scheduled_time": f"2030-01-0{day}T00:00:00Z"}}


async def test_the_next_run_of_each_flow(ask, new_flow, new_flow_run):
    busy, idle = await new_flow(), await new_flow()
    await new_flow_run(scheduled(2), flow_id=busy["id"])
    first = await new_flow_run(scheduled(1), flow_id=busy["id"])
    await new_flow_run("PENDING", flow_id=idle["id"])
    runs = await ask.post("/ui/flows/next-runs", {"flow_ids": [busy["id"], idle["id"]]})
    assert runs[idle["id"]] is None
    assert runs[busy["id"]] == {
        "id": first["id"],
        "flow_id": busy["id"],
        "name": first["name"],
        "state_name": "Scheduled",
        "state_type": "SCHEDULED",
        "next_scheduled_start_time": "2030-01-01T00:00:00Z",
    }


async def test_flows_have_no_deployments(ask, new_flow):
    flow = await new_flow()
    assert await ask.post("/ui/flows/count-deployments", {"flow_ids": [flow["id"]]}) == {flow["id"]: 0}


async def test_task_runs_are_counted_by_flow_run_without_subflows(ask, new_flow_run, new_task_run):
    run = await new_flow_run("RUNNING")
    await new_task_run(flow_run_id=run["id"])
    tracker = await new_task_run(flow_run_id=run["id"])
    await new_flow_run(parent_task_run_id=tracker["id"])
    counts = await ask.post("/ui/flow_runs/count-task-runs", {"flow_run_ids": [run["id"], UNKNOWN]})
    assert counts == {run["id"]: 1, UNKNOWN: 0}


@pytest.mark.parametrize(
    "path", ["/ui/flows/next-runs", "/ui/flows/count-deployments", "/ui/flow_runs/count-task-runs"]
)
async def test_ids_are_needed_and_limited(api, path):
    assert (await api.post(path, json={})).status_code == 422
    field = "flow_run_ids" if "flow_runs" in path else "flow_ids"
    assert (await api.post(path, json={field: [UNKNOWN] * 201})).status_code == 422
    assert (await api.post(path, json={field: []})).json() == {}


async def test_flow_runs_are_points_of_a_diagram(ask, new_flow_run):
    later, sooner = await new_flow_run(scheduled(2)), await new_flow_run(scheduled(1))
    over = await new_flow_run("COMPLETED")
    points = await ask.post("/ui/flow_runs/history")
    assert [point["id"] for point in points] == [later["id"], sooner["id"], over["id"]]
    assert points[0] == {
        "id": later["id"],
        "state_type": "SCHEDULED",
        "timestamp": "2030-01-02T00:00:00Z",
        "duration": 0.0,
        "lateness": 0.0,
    }
    page = await ask.post("/ui/flow_runs/history", {"sort": "START_TIME_ASC", "limit": 1, "offset": 1})
    assert [point["id"] for point in page] == [sooner["id"]]


async def test_a_run_that_should_have_started_is_late(ask, new_flow_run):
    due = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    await new_flow_run({"type": "SCHEDULED", "state_details": {"scheduled_time": due}})
    [point] = await ask.post("/ui/flow_runs/history")
    assert 3600 <= point["lateness"] < 3700


async def test_task_runs_are_counted_by_state(ask, new_task_run):
    for state in ("COMPLETED", "COMPLETED", "FAILED"):
        await new_task_run(state)
    counts = await ask.post("/ui/task_runs/count")
    assert {state: count for state, count in counts.items() if count} == {"COMPLETED": 2, "FAILED": 1}
    assert len(counts) == 9


async def test_the_dashboard_counts_how_task_runs_ended(ask, new_task_run):
    runs = [await new_task_run(state) for state in ("COMPLETED", "CANCELLED", "FAILED", "CRASHED", "RUNNING")]
    start = datetime.fromisoformat(runs[0]["start_time"]) - timedelta(minutes=30)
    span = {"after_": start.isoformat(), "before_": (start + timedelta(hours=1)).isoformat()}
    bars = await ask.post("/ui/task_runs/dashboard/counts", {"task_runs": {"start_time": span}})
    assert len(bars) == 20
    assert bars[10] == {"completed": 2, "failed": 2}
    assert sum(bar["completed"] + bar["failed"] for bar in bars) == 4


async def test_the_dashboard_must_be_told_from_when_on(api):
    response = await api.post("/ui/task_runs/dashboard/counts", json={"task_runs": {}})
    assert response.status_code == 422
    assert response.json() == {"detail": "task_runs.start_time.after_ is required"}


async def test_a_task_run_has_the_name_of_its_flow_run(api, ask, new_flow_run, new_task_run):
    flow_run = await new_flow_run("RUNNING", name="the flow run")
    inside, loose = await new_task_run(flow_run_id=flow_run["id"]), await new_task_run()
    assert (await ask.get(f"/ui/task_runs/{inside['id']}"))["flow_run_name"] == "the flow run"
    read = await ask.get(f"/ui/task_runs/{loose['id']}")
    assert read.pop("flow_run_name") is None
    assert read["id"] == loose["id"]
    response = await api.get(f"/ui/task_runs/{UNKNOWN}")
    assert (response.status_code, response.json()) == (404, {"detail": "Task not found"})

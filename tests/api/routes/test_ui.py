"""What the web page asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

UNKNOWN = "00000000-0000-0000-0000-000000000000"
TOP = {"flow_runs": {"parent_task_run_id": {"is_null_": True}}}


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
    "path",
    [
        "/ui/flows/next-runs",
        "/ui/flows/last-runs",
        "/ui/flows/count-deployments",
        "/ui/flow_runs/count-task-runs",
    ],
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


# --- Flows -----------------------------------------------------------------------------------------------------


async def test_the_last_runs_of_each_flow(api, ask, new_flow, new_flow_run):
    flow, idle = await new_flow(), await new_flow()
    older = await new_flow_run("COMPLETED", flow_id=flow["id"])
    newer = await new_flow_run("RUNNING", flow_id=flow["id"])
    await new_flow_run(scheduled(1), flow_id=flow["id"])
    runs = await ask.post("/ui/flows/last-runs", {"flow_ids": [flow["id"], idle["id"]], "runs": 5})
    assert runs[idle["id"]] == []
    assert [run["id"] for run in runs[flow["id"]]] == [newer["id"], older["id"]]
    assert runs[flow["id"]][1] == {
        "id": older["id"],
        "name": older["name"],
        "state_type": "COMPLETED",
        "state_name": "Completed",
        "timestamp": older["start_time"],
        "duration": 0.0,
    }
    runs = await ask.post("/ui/flows/last-runs", {"flow_ids": [flow["id"]], "runs": 1})
    assert [run["id"] for run in runs[flow["id"]]] == [newer["id"]]


@pytest.mark.parametrize("runs", [0, 51, "many"])
async def test_how_many_last_runs_is_limited(api, runs):
    response = await api.post("/ui/flows/last-runs", json={"flow_ids": [], "runs": runs})
    assert response.status_code == 422


async def test_flows_that_fail(ask, new_flow, new_flow_run):
    flow = await new_flow()
    await new_flow_run("COMPLETED", flow_id=flow["id"])
    failed = await new_flow_run({"type": "FAILED", "message": "no such file"}, flow_id=flow["id"])
    await new_flow_run("COMPLETED")
    assert await ask.post("/ui/flows/failing", {"since": "2020-01-01T00:00:00Z"}) == [
        {
            "flow_id": flow["id"],
            "flow_name": flow["name"],
            "failed": 1,
            "ended": 2,
            "last": {
                "id": failed["id"],
                "name": failed["name"],
                "state_name": "Failed",
                "end_time": failed["end_time"],
                "message": "no such file",
            },
        }
    ]
    before = {"since": "2020-01-01T00:00:00Z", "until": "2021-01-01T00:00:00Z", "limit": 1}
    assert await ask.post("/ui/flows/failing", before) == []


@pytest.mark.parametrize(
    "body", [{}, {"since": "yesterday"}, {"since": "2020-01-01T00:00:00Z", "limit": 201}]
)
async def test_flows_that_fail_must_be_asked_for_from_when_on(api, body):
    assert (await api.post("/ui/flows/failing", json=body)).status_code == 422


async def test_the_grid_of_a_flow(ask, new_flow, new_flow_run, new_task_run):
    flow = await new_flow()
    run = await new_flow_run("RUNNING", flow_id=flow["id"])
    task = await new_task_run("FAILED", flow_run_id=run["id"], task_key="load-1a2b3c4d")
    grid = await ask.get(f"/ui/flows/{flow['id']}/grid?runs=1")
    wanted = (
        "id", "name", "state_type", "state_name", "created", "expected_start_time", "start_time", "end_time"
    )  # fmt: skip
    assert grid == {
        "flow_runs": [{name: run[name] for name in wanted}],
        "tasks": [["load-1a2b3c4d", "load"]],
        "cells": [[0, 0, {"FAILED": 1}, 0.0, task["id"]]],
    }
    empty = await new_flow()
    assert await ask.get(f"/ui/flows/{empty['id']}/grid") == {"flow_runs": [], "tasks": [], "cells": []}


async def test_there_is_no_grid_of_no_flow_nor_of_no_runs(api, new_flow):
    response = await api.get(f"/ui/flows/{UNKNOWN}/grid")
    assert (response.status_code, response.json()) == (404, {"detail": "Flow not found"})
    flow = await new_flow()
    for runs in ("0", "101", "all"):
        assert (await api.get(f"/ui/flows/{flow['id']}/grid", params={"runs": runs})).status_code == 422


# --- Flow runs -------------------------------------------------------------------------------------------------


async def test_flow_runs_are_counted_by_state(ask, new_flow_run, new_task_run):
    tracker = await new_task_run()
    for state in ("COMPLETED", "COMPLETED", "RUNNING"):
        await new_flow_run(state)
    await new_flow_run("COMPLETED", parent_task_run_id=tracker["id"])
    counts = await ask.post("/ui/flow_runs/count-by-state")
    assert {state: count for state, count in counts.items() if count} == {"COMPLETED": 3, "RUNNING": 1}
    assert len(counts) == 9
    counts = await ask.post("/ui/flow_runs/count-by-state", TOP)
    assert {state: count for state, count in counts.items() if count} == {"COMPLETED": 2, "RUNNING": 1}
    assert await ask.post("/flow_runs/count", TOP) == 3


async def test_states_over_time(ask, new_flow_run):
    now = datetime.now(UTC)
    for state in ("COMPLETED", "FAILED", "FAILED"):
        await new_flow_run(state)
    await new_flow_run(scheduled(1))
    since, until = now - timedelta(minutes=30), now + timedelta(minutes=30)
    span = {"since": since.isoformat(), "until": until.isoformat(), "buckets": 2}
    found = await ask.post("/ui/flow_runs/states-over-time", {**TOP, **span})
    assert found["counts"] == {"COMPLETED": [0, 1], "FAILED": [0, 2]}
    assert found["seconds"] == 1800.0
    assert [datetime.fromisoformat(found[name]) for name in ("since", "until")] == [since, until]
    until_now = await ask.post("/ui/flow_runs/states-over-time", {"since": since.isoformat()})
    assert len(until_now["counts"]["FAILED"]) == 60


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
        {"since": "2026-01-02T00:00:00Z", "until": "2026-01-02T00:00:00Z"},
        {"since": "9999-01-01T00:00:00Z"},
        {"since": "2026-01-01T00:00:00Z", "buckets": 0},
        {"since": "2026-01-01T00:00:00Z", "buckets": 201},
    ],
)
async def test_states_over_time_need_a_span_with_intervals(api, body):
    assert (await api.post("/ui/flow_runs/states-over-time", json=body)).status_code == 422


async def test_any_span_has_states(ask, new_flow_run):
    await new_flow_run("COMPLETED")
    span = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59.999999Z", "buckets": 200}
    found = await ask.post("/ui/flow_runs/states-over-time", span)
    assert sum(found["counts"]["COMPLETED"]) == 1
    shortest = {"since": "2026-01-01T00:00:00.000000Z", "until": "2026-01-01T00:00:00.000001Z"}
    assert (await ask.post("/ui/flow_runs/states-over-time", shortest))["counts"] == {}


async def test_the_timeline_of_a_flow_run(ask, new_flow_run, new_task_run):
    run = await new_flow_run("RUNNING")
    path = f"/ui/flow_runs/{run['id']}/timeline"
    empty = await ask.get(path)
    assert (empty["id"], empty["total"], empty["is_whole"]) == ([], 0, True)
    first = await new_task_run("COMPLETED", flow_run_id=run["id"], task_key="load-1a2b3c4d")
    changed = await ask.get(f"{path}?after={empty['cursor']}")
    second = await new_task_run(
        "PENDING",
        flow_run_id=run["id"],
        task_inputs={"x": [{"input_type": "task_run", "id": first["id"]}]},
    )
    assert (changed["id"], changed["tasks"]) == ([first["id"]], [["load-1a2b3c4d", "load"]])
    whole = await ask.get(path)
    assert whole["id"] == [first["id"], second["id"]]
    assert whole["states"] == [["COMPLETED", "Completed"], ["PENDING", "Pending"]]
    assert whole["inputs"] == [[], [first["id"]]]
    assert second["id"] in (await ask.get(f"{path}?after={changed['cursor']}"))["id"]


@pytest.mark.parametrize("after", ["", "x", "1", "1-", "-1-1", "1-1-1", "1e3-1", "99999999999999999999-1"])
async def test_a_timeline_goes_on_behind_a_cursor_only(api, new_flow_run, after):
    run = await new_flow_run("RUNNING")
    response = await api.get(f"/ui/flow_runs/{run['id']}/timeline", params={"after": after})
    assert response.status_code == 422


async def test_there_is_no_timeline_of_no_flow_run(api):
    response = await api.get(f"/ui/flow_runs/{UNKNOWN}/timeline")
    assert (response.status_code, response.json()) == (404, {"detail": "Flow run not found"})
    assert (await api.get("/ui/flow_runs/none/timeline")).status_code == 404

"""Graphs of flow runs over HTTP."""

from __future__ import annotations

import pytest

UNKNOWN = "00000000-0000-0000-0000-000000000000"


def of_tasks(*runs):
    return [{"input_type": "task_run", "id": run["id"]} for run in runs]


@pytest.fixture
async def flow_run(new_flow_run):
    return await new_flow_run("RUNNING")


@pytest.fixture
def step(flow_run, new_task_run):
    """Makes a task run of the flow run that takes the results of others."""

    async def make(name, *inputs, state="COMPLETED", **more):
        task_inputs = {"x": of_tasks(*inputs), "y": of_tasks(*inputs), **more}
        return await new_task_run(state, name=name, flow_run_id=flow_run["id"], task_inputs=task_inputs)

    return make


def edges(node, kind):
    return [edge["id"] for edge in node[kind]]


async def test_nodes_are_runs_and_edges_are_inputs(ask, flow_run, step):
    first, second = await step("first"), await step("second")
    third = await step("third", first, second, state="RUNNING")
    graph = await ask.get(f"/flow_runs/{flow_run['id']}/graph-v2")
    assert [node[0] for node in graph["nodes"]] == [first["id"], second["id"], third["id"]]
    nodes = dict(graph["nodes"])
    assert edges(nodes[third["id"]], "parents") == [first["id"], second["id"]]
    assert edges(nodes[first["id"]], "children") == [third["id"]]
    assert graph["root_node_ids"] == [first["id"], second["id"]]
    assert {key: nodes[third["id"]][key] for key in ("kind", "label", "state_type", "end_time")} == {
        "kind": "task-run",
        "label": "third",
        "state_type": "RUNNING",
        "end_time": None,
    }
    assert (graph["start_time"], graph["end_time"]) == (flow_run["start_time"], None)
    assert [state["name"] for state in graph["states"]] == ["Running"]
    assert graph["artifacts"] == []


async def test_subflow_runs_stand_in_place_of_their_tracking_task_runs(ask, flow_run, step, new_flow_run):
    before, tracker = await step("before"), None
    tracker = await step("tracker", before, state="PENDING")
    child = await new_flow_run("RUNNING", parent_task_run_id=tracker["id"], name="sub")
    after = await step("after", tracker, state="PENDING")
    graph = await ask.get(f"/flow_runs/{flow_run['id']}/graph-v2")
    node = dict(graph["nodes"])[child["id"]]
    flow = await ask.get(f"/flows/{child['flow_id']}")
    assert (node["kind"], node["label"]) == ("flow-run", f"{flow['name']} / sub")
    assert (edges(node, "parents"), edges(node, "children")) == ([before["id"]], [after["id"]])
    assert len(graph["nodes"]) == 3


async def test_a_task_run_is_drawn_inside_the_one_that_called_it(ask, flow_run, step):
    caller = await step("caller", state="RUNNING")
    called = await step("called", __parents__=of_tasks(caller))
    graph = await ask.get(f"/flow_runs/{flow_run['id']}/graph-v2")
    node = dict(graph["nodes"])[called["id"]]
    assert (edges(node, "encapsulating"), edges(node, "parents")) == ([caller["id"]], [])
    assert graph["root_node_ids"] == [caller["id"], called["id"]]


async def test_what_takes_results_from_elsewhere_is_a_root(ask, flow_run, step, new_task_run):
    stranger = await new_task_run("COMPLETED")
    alone = await step("alone", stranger)
    graph = await ask.get(f"/flow_runs/{flow_run['id']}/graph-v2")
    assert graph["root_node_ids"] == [alone["id"]]


async def test_what_has_ended_before_is_left_out(ask, flow_run, step):
    old = await step("old")
    recent = await step("recent", old)
    since = recent["end_time"]
    graph = await ask.get(f"/flow_runs/{flow_run['id']}/graph-v2?since={since}")
    assert [node[0] for node in graph["nodes"]] == [recent["id"]]
    assert edges(graph["nodes"][0][1], "parents") == [old["id"]]
    assert graph["root_node_ids"] == []


@pytest.mark.parametrize("kind", ["graph", "graph-v2"])
async def test_graphs_are_limited(make_app, connect, flow_run, step, kind):
    small = connect(make_app({"server.flow_run_graph.max_nodes": 1}))
    path = f"/flow_runs/{flow_run['id']}/{kind}"
    await step("first")
    assert (await small.get(path)).status_code == 200
    await step("second")
    response = await small.get(path)
    assert response.status_code == 400
    assert response.json() == {"detail": f"The graph of flow run {flow_run['id']} has more than 1 nodes."}


@pytest.mark.parametrize("kind", ["graph", "graph-v2"])
async def test_an_unknown_run_has_no_graph(api, kind):
    response = await api.get(f"/flow_runs/{UNKNOWN}/{kind}")
    assert response.status_code == 404
    assert UNKNOWN in response.json()["exception_message"]


async def test_dependencies_are_listed_by_task_run(ask, flow_run, step):
    first = await step("first")
    second = await step("second", first)
    one, two = await ask.get(f"/flow_runs/{flow_run['id']}/graph")
    assert (one["id"], one["upstream_dependencies"]) == (first["id"], [])
    assert (two["id"], two["upstream_dependencies"]) == (second["id"], of_tasks(first))
    assert two["state"] == second["state"]
    assert two["untrackable_result"] is False


async def test_a_run_without_tasks_has_an_empty_graph(ask, new_flow_run):
    run = await new_flow_run()
    graph = await ask.get(f"/flow_runs/{run['id']}/graph-v2")
    assert (graph["nodes"], graph["root_node_ids"], graph["start_time"]) == ([], [], None)
    assert await ask.get(f"/flow_runs/{run['id']}/graph") == []


async def test_since_must_be_a_time(api, flow_run):
    assert (await api.get(f"/flow_runs/{flow_run['id']}/graph-v2?since=yesterday")).status_code == 422

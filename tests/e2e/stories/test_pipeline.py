"""What one flow of an unmodified Prefect client does, feature by feature, is what the server shows of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from ..prefect_client import Account
from ..servers import Api, Row, eventually


class Pipeline(NamedTuple):
    """The recorded runs of `prefect_scripts/pipeline.py`."""

    run: Row
    task_runs: list[Row]
    child: Row
    grandchild: Row

    def named(self, name: str) -> list[Row]:
        """The flow's task runs of one name, in the order in which they were created."""
        return [run for run in self.task_runs if run["name"] == name]

    def task_run(self, name: str) -> Row:
        """The flow's only task run of that name."""
        (run,) = self.named(name)
        return run


@pytest.fixture(scope="module")
def pipeline(stories: dict[str, Account], api: Api) -> Pipeline:
    """The runs of that script, as they are recorded."""
    ids = {told["name"]: told["id"] for told in stories["pipeline"].ended("flow-run").values()}
    run, child, grandchild = (
        api.get(f"/flow_runs/{ids[name]}") for name in ("pipeline-of-5", "child-1", "grandchild-of-1")
    )
    return Pipeline(run, api.task_runs_of(run["id"]), child, grandchild)


@pytest.fixture(scope="module")
def history(api: Api) -> Callable[[Row], list[str]]:
    """The names of the states that a task run went through."""
    return lambda run: [state["name"] for state in api.task_states(run["id"])]


def test_a_task_that_fails_twice_is_tried_three_times(
    pipeline: Pipeline, history: Callable[[Row], list[str]]
) -> None:
    flaky = pipeline.task_run("flaky")

    assert history(flaky) == [
        "Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed",
    ]  # fmt: skip
    assert flaky["run_count"] == 3
    assert flaky["empirical_policy"]["retries"] == 3
    assert flaky["empirical_policy"]["retry_delay"] == 0.05


def test_a_retry_is_scheduled_after_its_delay(pipeline: Pipeline, api: Api) -> None:
    states = api.task_states(pipeline.task_run("flaky")["id"])

    for waiting, trying in zip(states[2::2], states[3::2], strict=False):
        assert waiting["type"] == "SCHEDULED"
        assert waiting["timestamp"] <= waiting["state_details"]["scheduled_time"] <= trying["timestamp"]


def test_a_task_that_was_done_before_is_cached_with_the_first_result(
    pipeline: Pipeline, history: Callable[[Row], list[str]]
) -> None:
    first, second = pipeline.named("look-up-a")

    assert history(first) == ["Pending", "Running", "Completed"]
    assert history(second) == ["Pending", "Running", "Cached"]
    assert second["state"]["type"] == "COMPLETED"
    assert first["state"]["data"]["storage_key"] == second["state"]["data"]["storage_key"]


def test_mapped_tasks_have_the_task_run_whose_result_they_were_mapped_over_as_input(
    pipeline: Pipeline,
) -> None:
    extract = pipeline.task_run("extract-5")
    scaled = [pipeline.task_run(f"scale-{number}-by-10") for number in range(5)]

    assert len({run["task_key"] for run in scaled}) == 1
    assert len({run["dynamic_key"] for run in scaled}) == 5
    for run in scaled:
        assert run["task_inputs"] == {
            "number": [{"input_type": "task_run", "id": extract["id"]}],
            "factor": [],
        }
    assert {each["id"] for each in pipeline.task_run("total")["task_inputs"]["numbers"]} == {
        run["id"] for run in scaled
    }


def test_a_task_that_fails_keeps_its_error_and_those_that_need_it_do_not_run(
    pipeline: Pipeline, history: Callable[[Row], list[str]]
) -> None:
    failed = pipeline.task_run("hopeless")
    (dependent,) = [run for run in pipeline.task_runs if run["task_key"].startswith("dependent-")]

    assert history(failed) == ["Pending", "Running", "Failed"]
    assert failed["state"]["message"] == "Task run encountered an exception ValueError: no hope"
    assert history(dependent) == ["Pending", "NotReady"]
    assert (dependent["state"]["type"], dependent["run_count"], dependent["start_time"]) == (
        "PENDING",
        0,
        None,
    )
    assert history(pipeline.task_run("tolerant")) == ["Pending", "Running", "Completed"]


def test_tags_are_those_of_the_script_the_flow_and_the_task(pipeline: Pipeline, api: Api) -> None:
    assert set(pipeline.run["tags"]) == {"e2e", "pipeline"}
    assert set(pipeline.task_run("extract-5")["tags"]) == {"e2e", "pipeline", "nightly", "extract"}
    assert set(pipeline.task_run("flaky")["tags"]) == {"e2e", "pipeline"}

    tagged = api.task_runs(task_runs={"tags": {"all_": ["nightly", "e2e"]}})
    assert [run["id"] for run in tagged] == [pipeline.task_run("extract-5")["id"]]
    tagged_runs = api.flow_runs(flow_runs={"tags": {"all_": ["pipeline"]}})
    assert {run["id"] for run in tagged_runs} == {
        run["id"] for run in (pipeline.run, pipeline.child, pipeline.grandchild)
    }


def test_parameters_and_names_are_those_of_the_call(pipeline: Pipeline) -> None:
    assert (pipeline.run["name"], pipeline.run["parameters"]) == (
        "pipeline-of-5",
        {"count": 5, "label": "first"},
    )
    assert (pipeline.child["name"], pipeline.child["parameters"]) == ("child-1", {"number": 1})


def test_subflows_have_a_parent_two_levels_up(pipeline: Pipeline, api: Api) -> None:
    tracking = pipeline.task_run("child-0")
    (below,) = [run for run in api.task_runs_of(pipeline.child["id"]) if run["name"] == "grandchild-0"]

    assert pipeline.run["parent_task_run_id"] is None
    assert pipeline.child["parent_task_run_id"] == tracking["id"]
    assert pipeline.grandchild["parent_task_run_id"] == below["id"]
    assert [state["name"] for state in api.task_states(tracking["id"])] == [
        "Pending",
        "Pending",
        "Running",
        "Completed",
    ]
    children = api.flow_runs(flow_runs={"parent_flow_run_id": {"any_": [pipeline.run["id"]]}})
    assert [run["id"] for run in children] == [pipeline.child["id"]]


def test_runs_without_a_parent_can_be_told_from_subflow_runs(pipeline: Pipeline, api: Api) -> None:
    tagged = {"tags": {"all_": ["pipeline"]}}

    top = api.flow_runs(flow_runs={**tagged, "parent_task_run_id": {"is_null_": True}})
    subflows = api.task_runs(flow_runs=tagged, task_runs={"subflow_runs": {"exists_": True}})

    assert [run["id"] for run in top] == [pipeline.run["id"]]
    assert [run["name"] for run in subflows] == ["child-0", "grandchild-0"]


def test_a_flow_run_is_found_by_its_task_runs(pipeline: Pipeline, api: Api) -> None:
    found = api.flow_runs(
        task_runs={"name": {"any_": ["hopeless"]}}, flow_runs={"name": {"like_": "pipeline"}}
    )

    assert [run["id"] for run in found] == [pipeline.run["id"]]


def test_prints_are_logged(pipeline: Pipeline, api: Api) -> None:
    logs = api.logs(logs={"flow_run_id": {"any_": [pipeline.run["id"]]}, "task_run_id": {"is_null_": True}})

    assert [log["level"] for log in logs if log["message"] == "found A A B"] == [20]


def test_logs_can_be_had_by_level_and_task_run(pipeline: Pipeline, api: Api) -> None:
    flaky = pipeline.task_run("flaky")
    warnings = {"task_run_id": {"any_": [flaky["id"]]}, "level": {"ge_": 30, "le_": 30}}

    assert [log["message"] for log in api.logs(logs=warnings)] == ["attempt 1", "attempt 2", "attempt 3"]


def test_the_graph_has_every_run_and_what_it_depends_on(pipeline: Pipeline, api: Api) -> None:
    graph = api.get(f"/flow_runs/{pipeline.run['id']}/graph-v2")
    nodes = dict(graph["nodes"])
    extract, total = pipeline.task_run("extract-5"), pipeline.task_run("total")
    scaled = {pipeline.task_run(f"scale-{number}-by-10")["id"] for number in range(5)}

    started = {run["id"] for run in pipeline.task_runs if run["start_time"] and run["name"] != "child-0"}
    assert started | {pipeline.child["id"]} <= nodes.keys()
    assert nodes[pipeline.child["id"]]["kind"] == "flow-run"
    assert scaled <= {child["id"] for child in nodes[extract["id"]]["children"]}
    assert {parent["id"] for parent in nodes[total["id"]]["parents"]} == scaled


def test_events_tell_the_history_of_a_task_run(pipeline: Pipeline, api: Api) -> None:
    flaky = pipeline.task_run("flaky")
    states = api.task_states(flaky["id"])

    def events() -> list[Row]:
        resource = {"id": [f"prefect.task-run.{flaky['id']}"]}
        found = api.post("/events/filter", {"filter": {"resource": resource, "order": "ASC"}, "limit": 50})[
            "events"
        ]
        assert len(found) == len(states)
        return found

    found = eventually(events)
    assert [event["id"] for event in found] == [state["id"] for state in states]
    assert [event["event"] for event in found] == [f"prefect.task-run.{state['name']}" for state in states]
    assert [event["follows"] for event in found] == [None, *(state["id"] for state in states[:-1])]


def test_events_tell_the_history_of_a_flow_run(pipeline: Pipeline, api: Api) -> None:
    def events() -> list[Row]:
        name = {"name": [f"prefect.flow-run.{state}" for state in ("Pending", "Running", "Completed")]}
        resource = {"id": [f"prefect.flow-run.{pipeline.run['id']}"]}
        query = {"filter": {"resource": resource, "event": name, "order": "ASC"}}
        found = api.post("/events/filter", query)["events"]
        assert len(found) == 3
        return found

    states = api.flow_states(pipeline.run["id"])
    assert [event["id"] for event in eventually(events)] == [state["id"] for state in states]

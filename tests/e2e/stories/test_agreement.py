"""What the server has recorded is what the client saw, run by run, state by state and line by line."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, NamedTuple

import pytest

from ..prefect_client import Account
from ..servers import Api, Row

FINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


class Story(NamedTuple):
    """A script that has run, and what is recorded of it."""

    account: Account
    flow_runs: dict[str, Row]
    task_runs: dict[str, Row]
    logs: list[Row]


@pytest.fixture(scope="module", params=["pipeline", "asynchronous", "endings"])
def story(request: pytest.FixtureRequest, stories: dict[str, Account], api: Api) -> Story:
    """One of the scripts that have run, and all that is recorded of it."""
    account = stories[request.param]
    of_script = {"id": {"any_": list(account.entered("flow-run"))}}
    return Story(
        account,
        {run["id"]: run for run in api.flow_runs(flow_runs=of_script)},
        {run["id"]: run for run in api.task_runs(flow_runs=of_script)},
        api.logs(logs={"flow_run_id": of_script["id"]}),
    )


def subflow_runs(story: Story) -> list[Row]:
    return [run for run in story.flow_runs.values() if run["parent_task_run_id"]]


def states_of(story: Story, api: Api) -> list[tuple[Row, list[Row]]]:
    """Every run with its states."""
    of_flows = [(run, api.flow_states(run["id"])) for run in story.flow_runs.values()]
    return of_flows + [(run, api.task_states(run["id"])) for run in story.task_runs.values()]


def ending(run: Row, told: Row) -> Row:
    """What is recorded of that which was told about the end of a run."""
    state = run["state"]
    # A state without a message travels in an event with an empty one.
    message = state["message"] or None
    recorded = {
        **run,
        "tags": sorted(run["tags"]),
        "kind": told["kind"],
        "state_id": state["id"],
        "message": message,
    }
    return {name: recorded[name] for name in told}


def test_every_flow_run_is_there_as_its_client_saw_it_end(story: Story) -> None:
    told = story.account.ended("flow-run")

    assert story.flow_runs.keys() == story.account.entered("flow-run").keys()
    assert {id: ending(story.flow_runs[id], each) for id, each in told.items()} == told


def test_every_task_run_is_there_as_its_client_saw_it_end(story: Story) -> None:
    told = story.account.ended("task-run")

    assert {id: ending(story.task_runs[id], each) for id, each in told.items()} == told


def test_there_are_no_task_runs_but_those_of_the_client_and_one_for_each_subflow(story: Story) -> None:
    others = story.task_runs.keys() - story.account.ended("task-run").keys()

    assert others == {run["parent_task_run_id"] for run in subflow_runs(story)}


def test_flows_have_the_names_that_the_client_gave_them(story: Story, api: Api) -> None:
    for told in story.account.facts("flow"):
        assert api.get(f"/flows/{told['id']}")["name"] == told["name"]


def test_a_run_has_been_running_as_often_as_its_code_was_entered(story: Story, api: Api) -> None:
    entered = story.account.entered("flow-run") + story.account.entered("task-run")
    cached = {id for id, run in story.task_runs.items() if run["state"]["name"] == "Cached"}
    tracking = {run["parent_task_run_id"] for run in subflow_runs(story)}

    for run, states in states_of(story, api):
        running = sum(state["type"] == "RUNNING" for state in states)
        assert run["run_count"] == running, run["name"]
        if run["id"] not in cached | tracking:
            assert running == entered[run["id"]], run["name"]


def test_states_are_in_order_from_pending_to_what_the_run_shows(story: Story, api: Api) -> None:
    for run, states in states_of(story, api):
        timestamps = [state["timestamp"] for state in states]
        assert states[0]["type"] == "PENDING"
        assert timestamps == sorted(timestamps)
        assert len({state["id"] for state in states}) == len(states)
        assert states[-1]["id"] == run["state_id"] == run["state"]["id"]
        assert (run["state_type"], run["state_name"]) == (states[-1]["type"], states[-1]["name"])
        assert not [state["name"] for state in states[:-1] if state["type"] in FINAL]


def test_times_of_a_run_fit_its_states(story: Story, api: Api) -> None:
    for run, states in states_of(story, api):
        began = [state["timestamp"] for state in states if state["type"] == "RUNNING"]
        assert run["start_time"] == (began[0] if began else None), run["name"]
        assert run["end_time"] == (states[-1]["timestamp"] if states[-1]["type"] in FINAL else None), run[
            "name"
        ]
        assert (run["total_run_time"] > 0) == bool(began), run["name"]


def test_a_subflow_run_is_tracked_by_a_task_run_of_its_parent(story: Story, api: Api) -> None:
    for run in subflow_runs(story):
        tracking = story.task_runs[run["parent_task_run_id"]]
        child_states, states = api.flow_states(run["id"]), api.task_states(tracking["id"])

        assert tracking["flow_run_id"] in story.flow_runs
        assert [state["name"] for state in states] == ["Pending", *(state["name"] for state in child_states)]
        assert tracking["state"]["state_details"]["child_flow_run_id"] == run["id"]
        assert run["state"]["state_details"]["task_run_id"] == tracking["id"]
        assert api.flow_runs(flow_runs={"parent_task_run_id": {"any_": [tracking["id"]]}}) == [run]


def test_all_that_was_logged_is_there_once(story: Story) -> None:
    recorded = Counter(
        (log["flow_run_id"], log["task_run_id"], log["level"], log["message"]) for log in story.logs
    )

    assert recorded == Counter(story.account.log_lines)


def test_lines_of_a_run_are_in_the_order_in_which_they_were_logged(story: Story) -> None:
    told: dict[Any, list[str]] = defaultdict(list)
    recorded: dict[Any, list[str]] = defaultdict(list)
    for flow_run_id, task_run_id, _, message in story.account.log_lines:
        told[flow_run_id, task_run_id].append(message)
    for log in story.logs:
        recorded[log["flow_run_id"], log["task_run_id"]].append(log["message"])

    assert recorded == told


SORTS = {
    "flow_runs": ("START_TIME_ASC", lambda run: run["start_time"]),
    "task_runs": ("EXPECTED_START_TIME_ASC", lambda run: run["expected_start_time"]),
    "logs": ("TIMESTAMP_ASC", lambda log: log["timestamp"]),
}


@pytest.mark.parametrize("noun", SORTS)
def test_lists_are_in_order_of_time(story: Story, api: Api, noun: str) -> None:
    sort, time_of = SORTS[noun]
    runs = {"flow_runs": {"id": {"any_": list(story.flow_runs)}}}
    body = {"logs": {"flow_run_id": {"any_": list(story.flow_runs)}}} if noun == "logs" else runs
    rising = [time_of(row) for row in api.filter(noun, {**body, "sort": sort})]
    falling = [time_of(row) for row in api.filter(noun, {**body, "sort": sort.replace("ASC", "DESC")})]

    assert rising == sorted(rising)
    assert falling == rising[::-1]


def test_counts_are_those_of_the_lists(story: Story, api: Api) -> None:
    runs = {"flow_runs": {"id": {"any_": list(story.flow_runs)}}}

    assert api.post("/flow_runs/count", runs) == len(story.flow_runs)
    assert api.post("/task_runs/count", runs) == len(story.task_runs)
    for type, count in Counter(run["state_type"] for run in story.task_runs.values()).items():
        assert (
            api.post("/task_runs/count", {**runs, "task_runs": {"state": {"type": {"any_": [type]}}}})
            == count
        )


def test_one_run_reads_as_it_does_in_a_list(story: Story, api: Api) -> None:
    for run in story.flow_runs.values():
        assert without_estimates(api.get(f"/flow_runs/{run['id']}")) == without_estimates(run)
    for run in story.task_runs.values():
        assert without_estimates(api.get(f"/task_runs/{run['id']}")) == without_estimates(run)


def without_estimates(run: Row) -> Row:
    """A run, less what depends on when it is read."""
    return {name: value for name, value in run.items() if not name.startswith("estimated_")}

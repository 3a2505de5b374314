"""The commands `prefect` and `headrace` show the runs of an unmodified Prefect client as the client saw them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..prefect_client import Account, PrefectClient
from ..servers import Api, Row, Server, clean_environment

OLDEST = 500
"""More runs than there are."""


@pytest.fixture(scope="module")
def pipeline(stories: dict[str, Account]) -> Account:
    """What `prefect_scripts/pipeline.py` says of itself."""
    return stories["pipeline"]


def told_states(stories: dict[str, Account], kind: str) -> dict[str, str]:
    """The state types that the scripts saw their runs end in, by id."""
    return {
        id: told["state_type"] for account in stories.values() for id, told in account.ended(kind).items()
    }


def as_command_shows(recorded: Row, shown: Row) -> Row:
    """What is recorded under the names that a command shows, its state aside."""
    return {
        name: recorded[name] for name in shown.keys() & recorded.keys() - {"state"} if not estimated(name)
    }


def estimated(name: str) -> bool:
    """Whether a field depends on when it is read."""
    return name.startswith("estimated_")


def without_estimates(shown: Row) -> Row:
    return {name: value for name, value in shown.items() if not estimated(name)}


# --- prefect ---------------------------------------------------------------------------------------------------


def test_prefect_flow_run_ls_lists_every_run(
    stories: dict[str, Account], prefect: PrefectClient, api: Api
) -> None:
    listed = prefect.json("flow-run", "ls", "--limit", "200")
    told = told_states(stories, "flow-run")

    assert [run["id"] for run in listed] == [
        run["id"] for run in api.flow_runs(sort="EXPECTED_START_TIME_DESC")
    ]
    assert {run["id"]: run["state"]["type"] for run in listed if run["id"] in told} == told


def test_prefect_flow_run_ls_prints_a_table(stories: dict[str, Account], prefect: PrefectClient) -> None:
    rows = [
        line.split("│")[1:-1] for line in prefect.command("flow-run", "ls", "--state", "Crashed").splitlines()
    ]
    cells = [[cell.strip() for cell in row][1:4] for row in rows if row]

    assert cells == [["crashes", "crashes", "CRASHED"]]


def test_prefect_flow_run_inspect_shows_what_is_recorded(
    pipeline: Account, prefect: PrefectClient, api: Api
) -> None:
    shown = prefect.json("flow-run", "inspect", pipeline.flow_run_id)
    recorded = api.get(f"/flow_runs/{pipeline.flow_run_id}")

    assert {"name", "parameters", "tags", "run_count", "start_time", "end_time", "state_name"} <= shown.keys()
    assert (shown["state"]["id"], shown["state"]["type"]) == (recorded["state"]["id"], "COMPLETED")
    assert {**as_command_shows(recorded, shown), "state": shown["state"]} == without_estimates(shown)


def test_prefect_flow_run_logs_prints_what_was_logged(pipeline: Account, prefect: PrefectClient) -> None:
    printed = prefect.command("flow-run", "logs", pipeline.flow_run_id)
    told = [line for line in pipeline.log_lines if line[0] == pipeline.flow_run_id]

    assert len(told) > 20
    for _, _, _, message in told:
        assert message.splitlines()[0] in printed
    assert printed.count("attempt 3\n") == 1
    assert "CRITICAL | Flow run 'pipeline-of-5' - ends\n" in printed


def test_prefect_task_run_ls_lists_every_run(stories: dict[str, Account], prefect: PrefectClient) -> None:
    listed = prefect.json("task-run", "ls", "--limit", "200")
    told = told_states(stories, "task-run")

    assert {run["id"]: run["state"]["type"] for run in listed if run["id"] in told} == told


def test_prefect_task_run_inspect_shows_what_is_recorded(
    pipeline: Account, prefect: PrefectClient, api: Api
) -> None:
    (id,) = [told["id"] for told in pipeline.ended("task-run").values() if told.get("name") == "flaky"]
    shown, recorded = prefect.json("task-run", "inspect", id), api.get(f"/task_runs/{id}")

    assert (shown["run_count"], shown["state"]["id"]) == (3, recorded["state"]["id"])
    assert {**as_command_shows(recorded, shown), "state": shown["state"]} == without_estimates(shown)


def test_prefect_task_run_inspect_of_a_run_that_is_not_there_says_so(prefect: PrefectClient) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"

    assert f"Task run '{nobody}' not found!" in prefect.command("task-run", "inspect", nobody, status=1)


# --- headrace --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["of the API", "of the database"])
def headrace(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Callable[..., Any]:
    """What a `headrace` command gives as JSON: one that asks the server, and one that reads the server's database beside it."""
    variables = {"HEADRACE_HOME": str(tmp_path)}
    if request.param == "of the API" or server.database is None:
        variables["HEADRACE_API_URL"] = server.url
    else:
        variables["HEADRACE_SERVER_DATABASE_CONNECTION_URL"] = server.database

    def run(*words: str) -> Any:
        done = subprocess.run(
            [Path(sys.executable).with_name("headrace"), *words, "--output", "json"],
            env={**clean_environment(), **variables}, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_headrace_flow_run_ls_lists_every_run(
    stories: dict[str, Account], headrace: Callable[..., Any], api: Api
) -> None:
    listed = headrace("flow-run", "ls", "--limit", str(OLDEST))
    told = told_states(stories, "flow-run")

    assert [run["id"] for run in listed] == [
        run["id"] for run in api.flow_runs(sort="EXPECTED_START_TIME_DESC")
    ]
    assert {run["id"]: run["state_type"] for run in listed if run["id"] in told} == told


def test_headrace_flow_run_inspect_shows_the_run_and_its_history(
    pipeline: Account, headrace: Callable[..., Any], api: Api
) -> None:
    shown = headrace("flow-run", "inspect", pipeline.flow_run_id)
    states = api.flow_states(pipeline.flow_run_id)

    assert (shown["name"], shown["flow_name"], shown["state_name"]) == (
        "pipeline-of-5",
        "pipeline",
        "Completed",
    )
    assert [state["id"] for state in shown["state_history"]] == [state["id"] for state in states]
    assert shown["task_run_counts"] == {"COMPLETED": 13, "FAILED": 1, "PENDING": 1}
    assert [run["name"] for run in shown["subflow_runs"]] == ["child-1"]


def test_headrace_flow_run_logs_shows_what_was_logged(
    pipeline: Account, headrace: Callable[..., Any]
) -> None:
    shown = headrace("flow-run", "logs", pipeline.flow_run_id)
    told = [
        (level, message) for run_id, _, level, message in pipeline.log_lines if run_id == pipeline.flow_run_id
    ]

    assert sorted((log["level"], log["message"]) for log in shown) == sorted(told)


def test_headrace_task_run_inspect_shows_the_run_and_its_history(
    pipeline: Account, headrace: Callable[..., Any], api: Api
) -> None:
    (id,) = [told["id"] for told in pipeline.ended("task-run").values() if told.get("name") == "flaky"]
    shown = headrace("task-run", "inspect", id)

    assert (shown["name"], shown["state_name"], shown["run_count"]) == ("flaky", "Completed", 3)
    assert [state["id"] for state in shown["state_history"]] == [state["id"] for state in api.task_states(id)]

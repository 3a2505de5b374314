"""A server or a script is killed in mid-flow: nothing that was acknowledged is lost, and what lives goes on.

The invariant checker goes over every history that these tests leave, see `conftest.py`.
"""

from __future__ import annotations

from collections import Counter

from .conftest import Stage, assert_recorded
from .prefect_client import Account
from .servers import Api, eventually

ENDLESS = 1_000_000
STEPS = 300
"""Tasks of the flow; more events than the client keeps before it asks whether they have arrived (700)."""


def assert_whole(account: Account, api: Api, steps: int) -> None:
    """All of a flow that has run to its end is there."""
    run = api.get(f"/flow_runs/{account.flow_run_id}")
    task_runs = api.task_runs_of(account.flow_run_id)

    assert run["state_name"] == "Completed"
    assert [task_run["name"] for task_run in task_runs] == [f"step-{number}" for number in range(steps)]
    assert {task_run["state_name"] for task_run in task_runs} == {"Completed"}
    for task_run in task_runs[:: steps // 10]:
        names = [state["name"] for state in api.task_states(task_run["id"])]
        assert names == ["Pending", "Running", "Completed"]


def test_a_flow_whose_server_is_killed_again_and_again_is_recorded_whole(stage: Stage) -> None:
    script = stage.prefect.start("in_turn", STEPS)
    for steps in (STEPS // 6, STEPS // 2, 5 * STEPS // 6):
        script.wait_for("task-run-ended", steps)
        stage.server.kill()
        stage.server.start()
    account = script.finish()

    eventually(lambda: assert_recorded(account, stage.api))
    assert_whole(account, stage.api, STEPS)
    # A client that was cut off does not know whether its lines have arrived, and sends them again: without an id of their own.
    recorded = Counter((log["task_run_id"], log["message"]) for log in stage.api.logs())
    told = Counter((task_run_id, message) for _, task_run_id, _, message in account.log_lines)
    assert recorded.keys() == told.keys()
    assert recorded >= told


def test_what_a_killed_server_had_shown_is_there_when_it_is_back(stage: Stage) -> None:
    script = stage.prefect.start("in_turn", ENDLESS)
    script.wait_for("task-run-ended", STEPS // 4)

    def shown() -> dict[str, str]:
        found = {run["id"]: run["state_id"] for run in stage.api.task_runs()}
        assert found
        return found

    before, logged = eventually(shown), {log["id"] for log in stage.api.logs()}
    stage.server.kill()
    stage.server.start()

    assert before.keys() <= {run["id"] for run in stage.api.task_runs()}
    assert logged <= {log["id"] for log in stage.api.logs()}
    for id, state_id in before.items():
        assert state_id in {state["id"] for state in stage.api.task_states(id)}
    script.kill()


def test_a_script_that_is_killed_leaves_what_it_had_sent(stage: Stage) -> None:
    script = stage.prefect.start("in_turn", ENDLESS)
    script.wait_for("task-run-ended", STEPS // 10)
    eventually(lambda: _assert_some_completed(stage.api))
    account = script.kill()

    run = stage.api.get(f"/flow_runs/{account.flow_run_id}")
    assert (run["state_name"], run["end_time"]) == ("Running", None)
    eventually(lambda: _assert_first_steps(account, stage.api))


def _assert_first_steps(account: Account, api: Api) -> None:
    """What is there are the first steps of the flow; only the last of them may be unfinished."""
    *task_runs, last = api.task_runs_of(account.flow_run_id)
    assert [task_run["name"] for task_run in task_runs] == [
        f"step-{number}" for number in range(len(task_runs))
    ]
    assert {task_run["state_name"] for task_run in task_runs} == {"Completed"}
    assert last["state_name"] in ("Pending", "Running", "Completed")


def _assert_some_completed(api: Api) -> None:
    assert api.post("/task_runs/count", {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}) > 0


def test_the_run_of_a_killed_script_can_be_cancelled_and_deleted(stage: Stage) -> None:
    script = stage.prefect.start("in_turn", ENDLESS)
    script.wait_for("task-run-ended", 1)
    id = script.kill().flow_run_id

    stage.prefect.command("flow-run", "cancel", id)
    assert stage.api.get(f"/flow_runs/{id}")["state_name"] == "Cancelling"
    done = {"state": {"type": "CANCELLED", "name": "Cancelled"}}
    assert stage.api.post(f"/flow_runs/{id}/set_state", done)["status"] == "ACCEPT"
    assert [state["name"] for state in stage.api.flow_states(id)] == [
        "Pending",
        "Running",
        "Cancelling",
        "Cancelled",
    ]

    stage.prefect.command("flow-run", "delete", id)
    assert stage.api.flow_runs() == []

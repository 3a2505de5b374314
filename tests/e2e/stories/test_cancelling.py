"""Flow runs that are cancelled with the `prefect` command."""

from __future__ import annotations

from pathlib import Path

from ..conftest import Stage, assert_recorded
from ..prefect_client import Account, PrefectClient
from ..servers import Api, eventually

ENDLESS = 1_000_000


def test_a_running_flow_ends_as_it_was_told_to(stage: Stage, tmp_path: Path) -> None:
    script = stage.prefect.start("in_turn", ENDLESS, tmp_path / "stop")
    script.wait_for("task-run-ended", 5)
    id = script.account.flow_run_id
    stage.prefect.command("flow-run", "cancel", id)
    (tmp_path / "stop").touch()
    account = script.finish()

    # A script has nobody who would stop it. It comes to its end, and its Completed is refused.
    assert account.ended("flow-run")[id]["state_name"] == "Cancelling"
    assert [state["name"] for state in stage.api.flow_states(id)] == ["Pending", "Running", "Cancelling"]
    eventually(lambda: assert_recorded(account, stage.api))


def test_a_run_that_nobody_has_begun_is_cancelled_at_once(
    stories: dict[str, Account], prefect: PrefectClient, api: Api
) -> None:
    flow = api.post("/flows/", {"name": "waiting"})
    run = api.post("/flow_runs/", {"flow_id": flow["id"], "state": {"type": "SCHEDULED"}})

    prefect.command("flow-run", "cancel", run["id"])

    assert [state["name"] for state in api.flow_states(run["id"])] == ["Scheduled", "Cancelled"]


def test_a_run_that_has_ended_cannot_be_cancelled(
    stories: dict[str, Account], prefect: PrefectClient, api: Api
) -> None:
    id = stories["pipeline"].flow_run_id

    prefect.command("flow-run", "cancel", id, status=1)

    assert api.get(f"/flow_runs/{id}")["state_name"] == "Completed"

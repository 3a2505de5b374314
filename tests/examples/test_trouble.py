"""The examples that meet trouble: timeouts, retries, and a service that fails and stalls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_what_hangs_is_timed_out_wherever_it_hangs(
    example: Callable[..., Any], recorded: Callable[[], Any]
) -> None:
    ended = example("timeouts.py")

    assert "The flow returned 'in time'" in ended.out
    assert "coroutine: TimedOut" in ended.out
    for line in ("called: TimedOut", "submitted: TimedOut", "subflow: TimedOut", "caught: "):
        assert line in ended.err
    runs = recorded()
    assert runs.flow_states() == {
        "timeouts": "Completed",
        "slow-report": "TimedOut",
        "slow-service": "Completed",
    }
    tasks = runs.task_states()
    assert (tasks["hang", "TimedOut"], tasks["hang_in_steps", "TimedOut"]) == (2, 1)
    assert (tasks["hang_waiting", "TimedOut"], tasks["hurry", "Completed"]) == (1, 1)


def test_what_failed_is_tried_as_often_as_told(
    example: Callable[..., Any], recorded: Callable[[], Any]
) -> None:
    ended = example("retries.py")

    assert "Tries: {'steady': 3, 'patient': 4, 'polite': 2, 'refused': 1}" in ended.out
    assert "The flow was run 2 times" in ended.out
    runs = recorded()
    counts = {run["task_key"].partition("-")[0]: run["run_count"] for run in runs.task_runs}
    assert counts == {"steady": 3, "patient": 4, "polite": 2, "refused": 1}
    assert runs.task_states()["refused", "Failed"] == 1
    assert {run["flow_name"]: run["run_count"] for run in runs.flow_runs} == {"retries": 1, "retried flow": 2}


def test_every_repository_is_ranked_although_the_service_fails_and_stalls(
    example: Callable[..., Any], recorded: Callable[[], Any]
) -> None:
    ended = example("stars.py", "--stall-seconds", "1.5")

    assert "Ranked 20 repositories" in ended.out
    runs = recorded()
    assert runs.flow_states() == {"stars": "Completed"}
    fetches = [run for run in runs.task_runs if run["name"].startswith("stars of ")]
    assert {run["state_name"] for run in fetches} == {"Completed"}
    assert len(fetches) == 20
    assert max(run["run_count"] for run in fetches) > 1, "the service gave no trouble"


def test_the_stars_pipeline_leaves_out_what_it_cannot_have(
    example: Callable[..., Any], recorded: Callable[[], Any]
) -> None:
    ended = example("stars.py", "--failures", "1", "--stalls", "0")

    assert "Ranked 0 repositories" in ended.out
    assert recorded().flow_states() == {"stars": "Completed"}

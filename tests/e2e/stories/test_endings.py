"""The flows of `prefect_scripts/endings.py` fail, are tried again, crash, or say how they ended: the server shows every step."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ..prefect_client import Account
from ..servers import Api, Row

WRONG = "Flow run encountered an exception: "


@pytest.fixture(scope="module")
def endings(stories: dict[str, Account]) -> Account:
    """What that script says of itself."""
    return stories["endings"]


@pytest.fixture
def run(endings: Account, api: Api) -> Callable[[str], Row]:
    """The flow run of a name."""
    ids = {told["name"]: told["id"] for told in endings.facts("flow-run-began")}
    return lambda name: api.get(f"/flow_runs/{ids[name]}")


@pytest.mark.parametrize(
    ("name", "history"),
    [
        ("raises", [("Failed", WRONG + "ValueError: raised in the flow")]),
        ("task-fails", [("Failed", WRONG + "RuntimeError: broken task")]),
        (
            "retried",
            [
                ("AwaitingRetry", WRONG + "ConnectionError: attempt 1"),
                ("Running", None),
                ("AwaitingRetry", WRONG + "ConnectionError: attempt 2"),
                ("Running", None),
                ("Completed", None),
            ],
        ),
        (
            "retried-in-vain",
            [
                ("AwaitingRetry", WRONG + "ConnectionError: always"),
                ("Running", None),
                ("Failed", WRONG + "ConnectionError: always"),
            ],
        ),
        ("crashes", [("Crashed", "Execution was aborted by Python system exit call.")]),
        ("says-cancelled", [("Cancelled", "thought better of it")]),
        ("says-enough", [("Enough", "did enough")]),
    ],
)
def test_a_flow_run_shows_how_it_went(
    run: Callable[[str], Row], api: Api, name: str, history: list[tuple[str, str | None]]
) -> None:
    states = api.flow_states(run(name)["id"])

    assert [(state["name"], state["message"]) for state in states] == [
        ("Pending", None),
        ("Running", None),
        *history,
    ]


@pytest.mark.parametrize(
    ("name", "type", "run_count"),
    [
        ("raises", "FAILED", 1),
        ("retried", "COMPLETED", 3),
        ("retried-in-vain", "FAILED", 2),
        ("crashes", "CRASHED", 1),
        ("says-cancelled", "CANCELLED", 1),
        ("says-enough", "COMPLETED", 1),
    ],
)
def test_a_flow_run_ends_with_the_type_of_its_state(
    run: Callable[[str], Row], name: str, type: str, run_count: int
) -> None:
    ended = run(name)

    assert (ended["state_type"], ended["run_count"]) == (type, run_count)
    assert ended["end_time"] == ended["state"]["timestamp"]


def test_flow_runs_are_counted_by_the_type_of_their_state(endings: Account, api: Api) -> None:
    ids = list(endings.entered("flow-run"))

    counts = {
        type: api.post(
            "/flow_runs/count", {"flow_runs": {"id": {"any_": ids}, "state": {"type": {"any_": [type]}}}}
        )
        for type in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED", "RUNNING")
    }

    assert counts == {"COMPLETED": 2, "FAILED": 3, "CRASHED": 1, "CANCELLED": 1, "RUNNING": 0}

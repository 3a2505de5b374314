"""Events as an unmodified Prefect client emits them, hears them and finds them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ..prefect_client import Account, PrefectClient
from ..servers import Api, Row, eventually


@pytest.fixture(scope="module")
def heard(prefect: PrefectClient) -> Account:
    """What a client has heard while a flow ran and emitted events."""
    return prefect.run("listening")


def labels(event: Row) -> dict[str, Any]:
    return {name: value for name, value in event["resource"].items() if name != "prefect.resource.id"}


def around(event: Row) -> set[tuple[str, str | None]]:
    """The roles and names of what else was involved."""
    return {(each["prefect.resource.role"], each.get("prefect.resource.name")) for each in event["related"]}


def named(account: Account, name: str) -> list[Row]:
    return [event for event in account.facts("heard") if event["event"] == name]


def test_a_listener_hears_everything_once(heard: Account) -> None:
    events = [event for event in heard.facts("heard") if event["event"] != "prefect.flow-run.heartbeat"]
    assert Counter(event["event"] for event in events) == {
        "prefect.flow-run.Pending": 1,
        "prefect.flow-run.Running": 1,
        "prefect.flow-run.Completed": 1,
        "prefect.task-run.Pending": 3,
        "prefect.task-run.Running": 3,
        "prefect.task-run.Completed": 3,
        "e2e.opened": 1,
        "e2e.sold": 3,
        "e2e.closed": 1,
        "e2e.last": 1,
    }
    assert len({event["id"] for event in events}) == len(events)


def test_a_chain_of_states_is_a_chain_of_events(heard: Account) -> None:
    pending, running, completed = (
        named(heard, f"prefect.flow-run.{name}")[0] for name in ("Pending", "Running", "Completed")
    )
    assert [event["follows"] for event in (pending, running, completed)] == [
        None,
        pending["id"],
        running["id"],
    ]
    ended = heard.ended("flow-run")[heard.flow_run_id]
    assert completed["id"] == ended["state_id"]
    states = {event["id"] for event in named(heard, "prefect.task-run.Completed")}
    assert states == {ended["state_id"] for ended in heard.ended("task-run").values()}
    (closed,), (opened,) = named(heard, "e2e.closed"), named(heard, "e2e.opened")
    assert closed["follows"] == opened["id"]


def test_a_flow_runs_event_says_what_clients_expect(heard: Account) -> None:
    (event,) = named(heard, "prefect.flow-run.Running")
    assert labels(event) == {
        "prefect.resource.name": "day-in-north",
        "prefect.run-count": "1",
        "prefect.state-message": "",
        "prefect.state-name": "Running",
        "prefect.state-timestamp": event["occurred"].replace("Z", "+00:00"),
        "prefect.state-type": "RUNNING",
    }
    assert around(event) == {("flow", "day"), ("tag", None)}
    assert event["payload"] == {
        "intended": {"from": "PENDING", "to": "RUNNING"},
        "initial_state": {"type": "PENDING", "name": "Pending"},
        "validated_state": {"type": "RUNNING", "name": "Running"},
    }


def test_a_task_runs_event_says_what_clients_expect(heard: Account) -> None:
    for event in named(heard, "prefect.task-run.Completed"):
        assert labels(event) == {
            "prefect.resource.name": event["payload"]["task_run"]["name"],
            "prefect.run-count": "1",
            "prefect.state-message": "",
            "prefect.state-name": "Completed",
            "prefect.state-timestamp": event["occurred"].replace("Z", "+00:00"),
            "prefect.state-type": "COMPLETED",
            "prefect.orchestration": "client",
        }
        assert around(event) == {("flow", "day"), ("flow-run", "day-in-north"), ("tag", None)}
        payload = event["payload"]
        assert payload["intended"] == {"from": "RUNNING", "to": "COMPLETED"}
        assert payload["initial_state"]["type"] == "RUNNING"
        assert payload["validated_state"]["type"] == "COMPLETED"
        assert set(payload["task_run"]["tags"]) == {"till", "north"}
        assert payload["task_run"]["run_count"] == 1


def test_an_emitted_event_says_where_it_happened(heard: Account) -> None:
    sold = named(heard, "e2e.sold")
    assert sorted(event["payload"]["number"] for event in sold) == [0, 1, 2]
    for event in sold:
        assert event["resource"] == {"prefect.resource.id": "shop.north", "prefect.resource.name": "North"}
        number = event["payload"]["number"]
        assert around(event) == {
            ("flow-run", "day-in-north"),
            ("task-run", f"sell-{number}"),
            ("flow", "day"),
            ("tag", None),
        }


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        ({"resource": {"id": ["shop.north"]}, "event": {"exclude_name": ["e2e.last"]}}, {"e2e.opened", "e2e.sold", "e2e.closed"}),
        ({"related": {"role": ["task-run"]}, "event": {"prefix": ["e2e."]}}, {"e2e.sold"}),
        ({"resource": {"labels": {"prefect.resource.name": "day-in-*"}}, "event": {"prefix": ["prefect.flow-run.C"]}}, {"prefect.flow-run.Completed"}),
        ({"related": {"id": ["prefect.tag.till"]}, "event": {"name": ["prefect.task-run.Running"]}}, {"prefect.task-run.Running"}),
    ],
)  # fmt: skip
def test_what_was_heard_is_found_by_the_same_filters(
    heard: Account, api: Api, filter: Row, names: set[str]
) -> None:
    expected = {event["id"] for event in heard.facts("heard") if event["event"] in names}

    def found() -> None:
        page = api.post("/events/filter", {"filter": filter})
        assert {event["id"] for event in page["events"]} == expected
        assert page["total"] == len(expected)

    eventually(found)


def test_all_events_of_a_flow_run_are_found_by_it(heard: Account, api: Api) -> None:
    resource = {"id": [f"prefect.flow-run.{heard.flow_run_id}"]}
    expected = {event["id"] for event in heard.facts("heard") if event["event"] != "e2e.last"}

    def found() -> None:
        page = api.post("/events/filter", {"filter": {"any_resource": resource, "order": "ASC"}, "limit": 50})
        assert {event["id"] for event in page["events"]} == expected

    eventually(found)

"""`emit_event`: what is recorded, with what around it, and where."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

import headrace
from headrace import tags
from headrace.client.local import get_store
from headrace.engine.session import current_session
from headrace.events import Event, RelatedResource, Resource, emit_event
from headrace.store.events import read_events
from headrace.task_runners import ProcessPoolTaskRunner

SHOP = {"prefect.resource.id": "shop.north", "prefect.resource.name": "North"}


def recorded(name):
    """The recorded events of that name."""
    current_session().recorder.drain().result()
    found = get_store().read(lambda conn: read_events(conn, limit=None))
    return [stored.event for stored in found if stored.name == name]


def roles(event):
    return [(each.role, each.get("prefect.resource.name")) for each in event.related]


def test_an_event_is_recorded_as_it_is_returned(configure):
    given = emit_event(
        "orders.arrived",
        SHOP,
        occurred=datetime(2026, 1, 1, 12),
        related=[{"prefect.resource.id": "customer.2", "prefect.resource.role": "buyer"}],
        payload={"orders": 7},
        id=uuid4(),
        something="newer",
    )
    (event,) = recorded("orders.arrived")
    assert given.occurred == datetime(2026, 1, 1, 12, tzinfo=UTC)
    for field in ("id", "event", "occurred", "resource", "related", "payload", "follows"):
        assert getattr(event, field) == getattr(given, field)
    assert (event.resource.id, event.resource.name) == ("shop.north", "North")
    assert event.received is not None


def test_what_is_not_given_is_made_up(configure):
    before = datetime.now(UTC)
    event = emit_event("e", SHOP)
    assert before <= event.occurred <= datetime.now(UTC)
    assert (event.related, event.payload, event.follows) == ([], {}, None)
    assert recorded("e")[0].id == event.id


def test_resources_may_be_objects(configure):
    role = RelatedResource({"prefect.resource.id": "c", "prefect.resource.role": "buyer"})
    emit_event("e", Resource(SHOP), related=[role])
    (event,) = recorded("e")
    assert (event.resource, event.related) == (SHOP, [role])


@pytest.mark.parametrize(
    ("apart", "follows"), [(0, True), (299, True), (-299, True), (300, False), (-301, False)]
)
def test_an_event_follows_another_when_they_are_close_in_time(configure, apart, follows):
    first = emit_event("first", SHOP)
    second = emit_event("second", SHOP, occurred=first.occurred + timedelta(seconds=apart), follows=first)
    assert second.follows == (first.id if follows else None)
    assert recorded("second")[0].follows == second.follows


def test_what_cannot_be_json_is_recorded_as_text(configure):
    emit_event("e", SHOP, payload={"set": {1}, "exception": ValueError("x"), "time": timedelta(seconds=1)})
    (event,) = recorded("e")
    assert event.payload == {"set": [1], "exception": "x", "time": "PT1S"}


@pytest.mark.parametrize(
    ("resource", "related", "message"),
    [
        ({}, None, "The resource {} lacks the label 'prefect.resource.id'"),
        ({"prefect.resource.id": ""}, None, "lacks the label 'prefect.resource.id'"),
        ({"prefect.resource.id": 7}, None, "The label 'prefect.resource.id' of a resource is 7"),
        ({**SHOP, "n": 1}, None, "The label 'n' of a resource is 1; labels and their values must be texts"),
        (
            SHOP,
            [{"prefect.resource.id": "x"}],
            "The related resource .* lacks the label 'prefect.resource.role'",
        ),
    ],
)
def test_resources_that_nobody_could_read_are_refused(configure, resource, related, message):
    with pytest.raises(ValueError, match=message):
        emit_event("e", resource, related=related)
    assert recorded("e") == []


# --- In runs ---------------------------------------------------------------------------------------------------


def test_in_a_flow_its_run_and_flow_and_tags_are_involved(colour, home):
    def shop():
        emit_event("e", SHOP)

    with tags("b", "a"):
        colour.run(colour.flow(shop, name="shop", flow_run_name="north"))
    (event,) = recorded("e")
    assert roles(event) == [("flow-run", "north"), ("flow", "shop"), ("tag", None), ("tag", None)]
    assert [each.id for each in event.related[2:]] == ["prefect.tag.a", "prefect.tag.b"]
    run_id = event.resource_in_role["flow-run"].prefect_object_id("prefect.flow-run")
    assert run_id.version == 7
    assert event.find_resource_label("related:flow:prefect.resource.name") == "shop"


def test_in_a_task_its_run_is_involved_too(colour, home):
    def sell():
        emit_event(
            "e", SHOP, related=[{"prefect.resource.id": "prefect.tag.x", "prefect.resource.role": "mine"}]
        )

    selling = colour.task(sell, task_run_name="sell it", tags=["x", "y"])
    colour.run(colour.flow_calling(selling, flow_run_name="north"))
    (event,) = recorded("e")
    assert roles(event) == [
        ("mine", None),  # as it was given, and not a second time as a tag
        ("flow-run", "north"),
        ("task-run", "sell it"),
        ("flow", "calling"),
        ("tag", None),
    ]
    assert event.related[-1].id == "prefect.tag.y"


def test_in_a_task_outside_flows_only_that_is_involved(colour, home):
    colour.run(colour.task(lambda: emit_event("e", SHOP), name="alone", task_run_name="alone"))
    (event,) = recorded("e")
    assert roles(event) == [("task-run", "alone")]


def test_events_are_recorded_when_the_flow_has_ended(colour, home):
    def many():
        for number in range(500):
            emit_event("many", SHOP, payload={"number": number})

    colour.run(colour.flow(many))
    found = get_store().read(lambda conn: read_events(conn, limit=None))
    numbers = [stored.event.payload["number"] for stored in found if stored.name == "many"]
    assert numbers == list(range(500))


@headrace.task
def emit_elsewhere():
    emit_event("elsewhere", SHOP)


def test_a_task_in_another_process_emits_too(home):
    @headrace.flow(task_runner=ProcessPoolTaskRunner(max_workers=1), flow_run_name="north")
    def here():
        emit_elsewhere.submit().result()

    here()
    (event,) = recorded("elsewhere")
    assert roles(event)[0] == ("flow-run", "north")


def test_labels_of_events_can_be_asked_for():
    event = Event(
        event="e",
        resource={"prefect.resource.id": "r", "a": "1"},
        related=[
            {"prefect.resource.id": "x", "prefect.resource.role": "one", "b": "2"},
            {"prefect.resource.id": "y", "prefect.resource.role": "one"},
        ],
    )
    assert event.find_resource_label("a") == "1"
    assert event.find_resource_label("b") is None
    assert event.find_resource_label("related:one:b") == "2"
    assert event.find_resource_label("related:one:a") is None
    assert event.find_resource_label("related:two:b") is None
    assert [each.id for each in event.involved_resources] == ["r", "x", "y"]
    assert [each.id for each in event.resources_in_role["one"]] == ["x", "y"]
    with pytest.raises(ValueError, match="'r' is no 'prefect.flow'"):
        event.resource.prefect_object_id("prefect.flow")

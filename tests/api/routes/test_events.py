"""Events over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from headrace.core.ids import uuid7
from headrace.schema.base import encode
from headrace.store.lists.task_runs import read_task_runs

NOW = datetime.now(UTC)


def event(name="my.event", second=0, resource="r", **fields):
    return {
        "id": str(uuid7()),
        "occurred": (NOW + timedelta(seconds=second - 100)).isoformat(),
        "event": name,
        "resource": {"prefect.resource.id": resource},
        **fields,
    }


def names(page):
    return [each["event"] for each in page["events"]]


async def listed(ask, filter=None, **options):
    body = options if filter is None else {"filter": filter, **options}
    return await ask.post("/events/filter", body)


@pytest.fixture
async def five(api):
    events = [event(f"e.{number}", number) for number in range(5)]
    assert (await api.post("/events", json=events)).status_code == 204


# --- Reporting -------------------------------------------------------------------------------------------------


async def test_events_are_stored_once_and_come_back(api, ask):
    full = event(
        "full",
        related=[{"prefect.resource.id": "s", "prefect.resource.role": "t"}],
        payload={"a": [1, None, {"b": "ü"}]},
        follows=str(uuid4()),
        unknown="ignored",
    )
    for _ in range(2):
        assert (await api.post("/events", json=[full, event("other", 1)])).status_code == 204
    page = await listed(ask, {"event": {"name": ["full"]}})
    (stored,) = page["events"]
    for key in ("id", "event", "resource", "related", "payload", "follows"):
        assert stored[key] == full[key]
    assert datetime.fromisoformat(stored["occurred"]) == datetime.fromisoformat(full["occurred"])
    assert stored["received"].endswith("Z")
    assert (page["total"], page["next_page"]) == (1, None)


async def test_reports_of_task_runs_become_task_runs(api, store, reports):
    life = reports("Pending", "Running", "Completed", start=NOW)
    response = await api.post("/events", content=encode(life))
    assert response.status_code == 204
    (run,) = store.read(read_task_runs)
    assert run.state_id == life[-1].id


async def test_an_empty_list_is_fine(api):
    assert (await api.post("/events", json=[])).status_code == 204


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        ({"event": "e"}, "resource"),
        (event(id="x"), "id"),
        (event(occurred="yesterday"), "occurred"),
        (event(occurred="0001-01-01T00:00:00+14:00"), ""),
        (event(related=[{"prefect.resource.id": "r"}]), ""),
        (event("n" * 1025), ""),
        (event(resource={"a": "b"}), ""),
    ],
)
async def test_a_bad_event_is_refused_with_all_that_came_with_it(api, ask, bad, place):
    response = await api.post("/events", json=[event("good"), bad])
    assert response.status_code == 422
    assert response.json()["exception_detail"][0]["loc"][:2] == ["body", 1]
    assert place in str(response.json()["exception_detail"][0]["loc"])
    assert (await listed(ask))["total"] == 0


async def test_one_event_alone_is_no_list_of_events(api):
    response = await api.post("/events", json=event())
    assert response.status_code == 422
    assert response.json()["exception_detail"][0]["type"] == "list_type"


async def test_an_event_that_is_too_large_is_refused(api, ask):
    response = await api.post("/events", json=[event(payload={"x": "y" * 1_500_000})])
    assert response.status_code == 413
    assert "at most 1500000 are allowed" in response.json()["detail"]
    assert (await listed(ask))["total"] == 0


# --- Pages -----------------------------------------------------------------------------------------------------


async def test_the_newest_come_first_unless_the_filter_says_otherwise(ask, five):
    assert names(await listed(ask)) == ["e.4", "e.3", "e.2", "e.1", "e.0"]
    assert names(await listed(ask, {"order": "ASC"})) == ["e.0", "e.1", "e.2", "e.3", "e.4"]
    assert names(await ask.post("/events/filter")) == ["e.4", "e.3", "e.2", "e.1", "e.0"]


async def test_each_page_names_the_next(api, ask, five):
    page = await listed(ask, {"event": {"prefix": ["e."]}, "order": "ASC"}, limit=2)
    pages = [page]
    while page["next_page"]:
        assert page["next_page"].startswith("http://headrace.test/api/events/filter/next?page-token=")
        response = await api.get(page["next_page"])
        assert response.status_code == 200
        page = response.json()
        pages.append(page)
    assert [names(each) for each in pages] == [["e.0", "e.1"], ["e.2", "e.3"], ["e.4"]]
    assert {each["total"] for each in pages} == {5}


async def test_pages_stay_what_they_were_while_events_arrive(api, ask, five):
    first = await listed(ask, limit=3)
    await api.post("/events", json=[event("late", 200)])
    second = (await api.get(first["next_page"])).json()
    assert names(first) + names(second) == ["e.4", "e.3", "e.2", "e.1", "e.0"]


async def test_a_page_that_is_just_full_is_the_last(ask, five):
    assert (await listed(ask, limit=5))["next_page"] is None
    assert (await listed(ask, limit=0)) == {"events": [], "total": 5, "next_page": None}


async def test_tokens_that_this_server_has_not_made_are_refused(api, ask, five):
    address = (await listed(ask, limit=2))["next_page"]
    url = httpx.URL(address)
    token = url.params["page-token"]
    for changed in (token[:-4] + "AAAA", "A" + token[1:], token[:40], "zzz", "", "ü", "%00"):
        response = await api.get("/events/filter/next", params={"page-token": changed})
        assert (response.status_code, response.json()) == (403, {"detail": "Forbidden"})
    assert (await api.get("/events/filter/next")).status_code == 422


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"limit": 51}, "out_of_range"),
        ({"limit": -1}, "out_of_range"),
        ({"filter": {"foo": 1}}, "extra_forbidden"),
        ({"filter": {"order": "UP"}}, "enum"),
        ({"filter": {"event": {"name": "one"}}}, "list_type"),
        ({"filter": {"occurred": {"since": "x"}}}, "datetime_parsing"),
        ({"filter": {"text": {"query": "x" * 201}}}, "length"),
        ({"filter": {"related": {"resources_in_roles": [["a"]]}}}, None),
    ],
)
async def test_a_filter_that_does_not_fit_is_refused(api, body, kind):
    response = await api.post("/events/filter", json=body)
    assert response.status_code == 422
    assert kind in (None, response.json()["exception_detail"][0]["type"])


async def test_the_filter_that_prefects_client_sends_is_understood(ask, five):
    whole = {
        "occurred": {
            "since": (NOW - timedelta(hours=1)).isoformat(),
            "until": (NOW + timedelta(days=365)).isoformat(),
        },
        "event": {"prefix": ["e."], "exclude_prefix": None, "name": None, "exclude_name": ["e.1"]},
        "resource": {"id": ["r"], "id_prefix": None, "labels": None, "distinct": False},
        "related": None,
        "any_resource": [{"id": ["r"], "id_prefix": None, "labels": {"prefect.resource.id": ["r*", "!s"]}}],
        "id": {"id": []},
        "text": None,
        "order": "ASC",
    }
    assert names(await listed(ask, whole)) == ["e.0", "e.2", "e.3", "e.4"]


async def test_transitions_are_among_the_events(ask, new_flow_run):
    run = await new_flow_run("RUNNING")
    resource = f"prefect.flow-run.{run['id']}"
    page = await listed(ask, {"resource": {"id": [resource]}, "order": "ASC"})
    assert names(page)[-1] == "prefect.flow-run.Running"
    running = page["events"][-1]
    assert running["resource"]["prefect.resource.name"] == run["name"]
    assert running["id"] == run["state"]["id"]
    roles = {each["prefect.resource.role"]: each["prefect.resource.id"] for each in running["related"]}
    assert roles["flow"] == f"prefect.flow.{run['flow_id']}"
    found = await listed(ask, {"related": {"id": [roles["flow"]], "role": ["flow"]}})
    assert found["total"] == page["total"]


# --- Counts ----------------------------------------------------------------------------------------------------


async def test_events_are_counted_by_what_clients_ask(api, ask):
    events = [event("a", 0, "x"), event("b", 1, "x"), event("b", 2, "y"), event("b", 3, "x")]
    await api.post("/events", json=events)
    since, until = NOW - timedelta(seconds=100), NOW - timedelta(seconds=97)
    body = {"filter": {"occurred": {"since": since.isoformat(), "until": until.isoformat()}}}
    by_name = await ask.post("/events/count-by/event", body)
    assert [(each["value"], each["label"], each["count"]) for each in by_name] == [
        ("b", "b", 3),
        ("a", "a", 1),
    ]
    assert datetime.fromisoformat(by_name[0]["start_time"]) == since + timedelta(seconds=1)
    assert datetime.fromisoformat(by_name[0]["end_time"]) == until
    by_resource = await ask.post("/events/count-by/resource", body)
    assert [(each["value"], each["count"]) for each in by_resource] == [("x", 3), ("y", 1)]
    by_day = await ask.post("/events/count-by/day", body)
    assert sum(each["count"] for each in by_day) == 4
    by_time = await ask.post("/events/count-by/time", {**body, "time_unit": "second", "time_interval": 0.5})
    assert sum(each["count"] for each in by_time) == 4
    assert len(by_time) in (7, 8)


async def test_counts_that_cannot_be_are_refused(api):
    span = {"occurred": {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}}
    response = await api.post("/events/count-by/time", json={"filter": span, "time_unit": "second"})
    assert response.status_code == 422
    assert "86401 buckets" in response.json()["detail"]
    response = await api.post("/events/count-by/colour", json={"filter": {}})
    assert response.status_code == 422
    assert response.json()["exception_detail"][0]["loc"] == ["path", "countable"]
    assert (await api.post("/events/count-by/time", json={})).status_code == 422
    assert (
        await api.post("/events/count-by/time", json={"filter": {}, "time_interval": 0})
    ).status_code == 422


@pytest.mark.parametrize("year", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("unit", ["week", "second"])
async def test_buckets_at_the_ends_of_time_are_cut(ask, year, unit):
    body = {"filter": {"occurred": {"since": year, "until": year}}, "time_unit": unit}
    (bucket,) = await ask.post("/events/count-by/time", body)
    start, at, end = map(datetime.fromisoformat, (bucket["start_time"], year, bucket["end_time"]))
    assert start <= at <= end

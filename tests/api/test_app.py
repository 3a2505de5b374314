"""What holds for all routes: other origins, collections, measuring and logging."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from datetime import timedelta
from uuid import uuid4

import pytest
from litestar import Router, get, post
from prometheus_client.parser import text_string_to_metric_families

from headrace.api import app as application
from headrace.api.access_log import LOGGER
from headrace.core.states import StateType
from headrace.schema.base import now
from headrace.schema.runs import FlowRun
from headrace.schema.states import State
from headrace.store import flow_runs, flows

# --- other origins -----------------------------------------------------------------------------------------------

ORIGIN = {"Origin": "https://page.test"}


async def test_browsers_may_call_from_anywhere(api):
    assert (await api.get("/hello", headers=ORIGIN)).headers["access-control-allow-origin"] == "*"
    preflight = await api.options(
        "/admin/storage",
        headers={
            **ORIGIN,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "prefect-csrf-token",
        },
    )
    assert preflight.status_code < 300
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    assert "prefect-csrf-token" in preflight.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize("path", ["/version", "/nothing"])
async def test_browsers_can_read_why_they_were_refused(make_app, connect, path):
    api = connect(make_app({"server.api.auth_string": "a:b"}))
    response = await api.get(path, headers=ORIGIN)
    assert response.status_code >= 400
    assert response.headers["access-control-allow-origin"] == "*"


async def test_a_preflight_needs_no_credentials(make_app, connect):
    api = connect(make_app({"server.api.auth_string": "a:b", "server.api.csrf_protection_enabled": True}))
    response = await api.options("/version", headers={**ORIGIN, "Access-Control-Request-Method": "GET"})
    assert response.status_code < 300


async def test_origins_can_be_chosen(make_app, connect):
    api = connect(make_app({"server.api.cors_allowed_origins": "https://page.test, https://other.test"}))
    allowed = await api.get("/hello", headers=ORIGIN)
    assert allowed.headers["access-control-allow-origin"] == "https://page.test"
    refused = await api.get("/hello", headers={"Origin": "https://evil.test"})
    assert "access-control-allow-origin" not in refused.headers


# --- collections -------------------------------------------------------------------------------------------------


@pytest.fixture
def things(monkeypatch, make_app, connect):
    """A client of an application with a collection, `/things/`."""

    @get("/")
    async def listed() -> list[str]:
        return ["a"]

    @post("/")
    async def made() -> str:
        return "made"

    @get("/count")
    async def count() -> int:
        return 1

    routers = [Router(path="/things", route_handlers=[listed, made, count])]
    monkeypatch.setattr(application, "_routers", lambda: routers)
    return connect(make_app())


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("POST", 201)])
async def test_a_collection_has_a_slash_at_its_end(things, method, status):
    response = await things.request(method, "/things?limit=1&x=%20")
    assert response.status_code == 307
    assert response.headers["location"] == "/api/things/?limit=1&x=%20"
    followed = await things.request(method, "/things?limit=1", follow_redirects=True)
    assert followed.status_code == status


async def test_what_is_no_collection_is_answered_where_it_is(things):
    assert (await things.get("/things/count")).json() == 1


# --- metrics -----------------------------------------------------------------------------------------------------


async def samples(api):
    """The metrics by name and labels."""
    response = await api.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_requests_are_counted_by_route_and_not_by_path(api):
    for _ in range(3):
        await api.get("/version")
    await api.get(f"/{uuid4()}")
    await api.get(f"/{uuid4()}")
    found = await samples(api)
    name = "headrace_http_request_duration_seconds_count"
    assert found[(name, "GET", "/api/version", "200")] == 3
    assert found[(name, "GET", "(none)", "404")] == 2


async def test_the_traffic_of_the_store_is_shown(api):
    await api.put("/admin/storage", json={"default_result_storage_block_id": str(uuid4())})
    found = await samples(api)
    assert found[("headrace_ledger_queue_depth",)] == 0
    assert found[("headrace_ledger_commit_seconds_count",)] == 1
    assert found[("headrace_ledger_batch_size_bucket", "1.0")] == 1
    assert found[("headrace_ledger_batch_size_sum",)] == 1
    assert found[("headrace_read_seconds_count",)] == 2
    assert found[("headrace_event_lag_seconds_count",)] == 0


async def test_how_long_events_took_to_their_commit_is_shown(api):
    event = {"event": "fired", "resource": {"prefect.resource.id": "cannon"}, "id": str(uuid4())}
    late, early = now() - timedelta(seconds=100), now() + timedelta(seconds=100)
    events = [
        {**event, "occurred": late.isoformat()},
        {**event, "id": str(uuid4()), "occurred": early.isoformat()},
    ]
    await api.post("/events", json=events)
    found = await samples(api)
    assert found[("headrace_event_lag_seconds_count",)] == 2
    assert found[("headrace_event_lag_seconds_bucket", "0.001")] == 1, "from a clock that is ahead"
    assert 100 <= found[("headrace_event_lag_seconds_sum",)] < 200


async def test_runs_are_counted_by_state(api, store, recorded_at):
    def create(conn):
        flow = flows.read_or_create_flow(conn, "f", now=recorded_at)
        for kind in (StateType.PENDING, StateType.PENDING, StateType.SCHEDULED):
            run = FlowRun(flow_id=flow.id, state=State(type=kind))
            flow_runs.create_flow_run(conn, run, now=recorded_at)

    store.write(create)
    found = await samples(api)
    counts = {key[1]: value for key, value in found.items() if key[0] == "headrace_flow_runs"}
    assert counts == {**dict.fromkeys(StateType, 0), "PENDING": 2, "SCHEDULED": 1}
    assert found[("headrace_task_runs", "RUNNING")] == 0


async def test_others_can_show_values(app, api):
    app.state["metrics"].add_gauge("subscribers", "Who listens.", lambda: 7)
    assert (await samples(api))[("headrace_subscribers",)] == 7


async def test_metrics_can_be_switched_off(make_app, connect):
    response = await connect(make_app({"server.metrics_enabled": False})).get("/metrics")
    assert response.status_code == 404
    assert "HEADRACE_SERVER_METRICS_ENABLED" in response.json()["detail"]


# --- the access log ----------------------------------------------------------------------------------------------


@pytest.fixture
def lines():
    """What the access log writes."""

    class Kept(logging.Handler):
        def __init__(self):
            super().__init__()
            self.lines = []

        def emit(self, record):
            self.lines.append(json.loads(record.getMessage()))

    handler, level = Kept(), LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    yield handler.lines
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(level)


async def test_each_request_is_a_line_of_json(api, lines):
    await api.get("/version?secret=1", headers={"Authorization": "Bearer secret"})
    await api.get("/nothing/secret")
    (first, second) = lines
    assert set(first) == {"time", "method", "path", "status", "ms", "bytes", "client"}
    assert (first["method"], first["path"], first["status"]) == ("GET", "/api/version", 200)
    assert (first["bytes"], first["client"]) == (7, "127.0.0.1")
    assert first["ms"] > 0
    assert (second["path"], second["status"]) == ("(none)", 404)
    assert "secret" not in json.dumps(lines)


async def test_nothing_is_written_when_nobody_wants_it(api, lines):
    LOGGER.setLevel(logging.WARNING)
    await api.get("/version")
    assert lines == []


# --- what it takes -----------------------------------------------------------------------------------------------


def test_the_server_loads_nothing_that_it_does_not_need():
    code = (
        "import sys, headrace.api.serve; from headrace.api.app import create_app; "
        "from headrace.settings import get_current_settings; from headrace.store.store import Store; "
        "create_app(Store.open('sqlite://'), get_current_settings()); "
        "print({'pydantic', 'attr', 'prometheus_client', 'httpx', 'jinja2', 'cyclopts', 'rich', 'alembic', 'psycopg'}"
        " & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"

"""`/api/ui/changes`: that something has changed, said at most every tenth of a second, and of what."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from headrace.api import feed, outflow
from headrace.schema.events import Event
from headrace.schema.logs import Log
from headrace.store.records import record

PATIENCE = 60.0

on_both_databases = pytest.mark.parametrize("target", ["sqlite", "postgres"], indirect=True)


async def watch(socket, of, run_id=None):
    wanted = {"of": of} if run_id is None else {"of": of, "id": run_id}
    await socket.send(json.dumps({"type": "filter", "filter": wanted}))
    assert await said(socket) == {"type": "watching"}


async def said(socket):
    return json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))


async def heard(socket, run_id):
    """Wait until it is said that a flow run has changed."""
    while (ids := (await said(socket))["flow_run_ids"]) is not None and run_id not in ids:
        pass


async def nothing_more(socket):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(socket.recv(), 0.5)


async def create(client: httpx.AsyncClient, kind="flow_runs", **fields):
    if kind == "flow_runs":
        fields["flow_id"] = (await client.post("/flows/", json={"name": "f"})).json()["id"]
    return (await client.post(f"/{kind}/", json=fields)).json()["id"]


async def propose(client, kind, run_id, state):
    await client.post(f"/{kind}/{run_id}/set_state", json={"state": {"type": state}})


def emit(store):
    happened = Event(event="custom", resource={"prefect.resource.id": "r"})
    store.write(lambda conn: record(conn, [happened], received=datetime.now(UTC)))


def log(store, **ids):
    line = Log(name="n", level=20, message="m", timestamp=datetime.now(UTC), **ids)
    store.write(lambda conn: record(conn, [line]))


@on_both_databases
async def test_flow_runs_that_change_are_named(server):
    async with server.socket("/ui/changes") as socket, server.http() as client:
        await watch(socket, "flow-runs")
        first = await create(client)
        await heard(socket, first)
        second = await create(client)
        await propose(client, "flow_runs", second, "RUNNING")
        await heard(socket, second)


@on_both_databases
async def test_who_watches_a_flow_run_hears_of_it_and_its_task_runs_alone(server):
    async with server.socket("/ui/changes") as socket, server.http() as client:
        run, other = await create(client), await create(client)
        await watch(socket, "flow-run", run)
        await propose(client, "flow_runs", other, "RUNNING")
        await create(client, "task_runs", task_key="t", dynamic_key="0", flow_run_id=run)
        assert await said(socket) == {"type": "changes", "flow_run_ids": [run]}
        await nothing_more(socket)
        await propose(client, "flow_runs", run, "RUNNING")
        await heard(socket, run)


async def test_who_watches_a_task_run_hears_of_that_alone(server):
    async with server.socket("/ui/changes") as socket, server.http() as client:
        run = await create(client)
        await propose(client, "flow_runs", run, "RUNNING")
        keys = {"task_key": "t", "flow_run_id": run}
        task, other = [await create(client, "task_runs", dynamic_key=key, **keys) for key in "ab"]
        await watch(socket, "task-run", task)
        await propose(client, "task_runs", other, "RUNNING")
        await nothing_more(socket)
        await propose(client, "task_runs", task, "RUNNING")
        await heard(socket, run)


@on_both_databases
async def test_deletions_are_heard_of_by_those_who_watch_what_is_gone(server):
    async with server.http() as client:
        run, other = await create(client), await create(client)
        task = await create(client, "task_runs", task_key="t", dynamic_key="0", flow_run_id=run)
        async with (
            server.socket("/ui/changes") as all_runs,
            server.socket("/ui/changes") as flow_run,
            server.socket("/ui/changes") as task_run,
        ):
            await watch(all_runs, "flow-runs")
            await watch(flow_run, "flow-run", run)
            await watch(task_run, "task-run", task)
            await client.delete(f"/flow_runs/{other}")
            await heard(all_runs, other)
            await nothing_more(flow_run)
            await client.delete(f"/task_runs/{task}")
            assert (await said(task_run))["type"] == "changes"
            await client.delete(f"/flow_runs/{run}")
            await heard(all_runs, run)
            await heard(flow_run, run)


@pytest.mark.parametrize("resource", ["r", "prefect.flow-run.x", "prefect.flow.4", "prefect.flow-run."])
async def test_a_deletion_of_what_is_no_run_is_an_event_like_others(server, store, resource):
    gone = Event(event="prefect.flow-run.deleted", resource={"prefect.resource.id": resource})
    async with server.socket("/ui/changes") as events, server.socket("/ui/changes") as runs:
        await watch(events, "events")
        await watch(runs, "flow-runs")
        await asyncio.to_thread(store.write, lambda conn: record(conn, [gone], received=datetime.now(UTC)))
        assert await said(events) == {"type": "changes", "flow_run_ids": []}
        await nothing_more(runs)


async def test_who_watches_events_hears_of_those_that_belong_to_no_run_as_well(server, store):
    async with server.socket("/ui/changes") as socket:
        await watch(socket, "events")
        await asyncio.to_thread(emit, store)
        assert await said(socket) == {"type": "changes", "flow_run_ids": []}


@on_both_databases
async def test_who_watches_log_lines_hears_of_those_of_the_run_alone(server, store):
    run, task = uuid4(), uuid4()
    async with server.socket("/ui/changes") as flow_run, server.socket("/ui/changes") as task_run:
        await watch(flow_run, "flow-run-logs", str(run))
        await watch(task_run, "task-run-logs", str(task))
        await asyncio.to_thread(log, store, flow_run_id=uuid4())
        await asyncio.to_thread(log, store, flow_run_id=run)
        await heard(flow_run, str(run))
        await nothing_more(task_run)
        await asyncio.to_thread(log, store, flow_run_id=run, task_run_id=task)
        await heard(task_run, str(run))


async def test_many_changes_are_said_at_once(server, store):
    async with server.socket("/ui/changes") as socket:
        await watch(socket, "events")
        for _ in range(300):
            await asyncio.to_thread(emit, store)
        messages = 0
        with pytest.raises(TimeoutError):
            while True:
                await asyncio.wait_for(socket.recv(), 1)
                messages += 1
    assert 1 <= messages < 100


async def test_more_flow_runs_than_fit_are_not_named(server, monkeypatch):
    monkeypatch.setattr(outflow, "MOST_IDS", 1)
    monkeypatch.setattr(outflow, "CHANGES_PAUSE", 1.0)
    async with server.socket("/ui/changes") as socket, server.http() as client:
        await watch(socket, "flow-runs")
        for _ in range(3):
            await create(client)
        await said(socket)  # the first is said at once
        while (await said(socket))["flow_run_ids"] is not None:
            await create(client)
            await create(client)


async def test_who_is_slow_is_told_that_anything_may_have_changed(server, store, monkeypatch):
    monkeypatch.setattr(feed, "KEPT_ITEMS", 5)
    monkeypatch.setattr(outflow, "CHANGES_PAUSE", 1.0)
    async with server.socket("/ui/changes") as socket:
        await watch(socket, "flow-run", str(uuid4()))
        for _ in range(60):
            await asyncio.to_thread(emit, store)
        message = await said(socket)
    assert message == {"type": "changes", "flow_run_ids": None}


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({}, "missing required field `of`"),
        ({"of": "weather"}, "Invalid enum value 'weather'"),
        ({"of": "flow-run"}, "'flow-run' needs the id of a run"),
        ({"of": "events", "id": str(uuid4())}, "'events' takes no id"),
        ({"of": "flow-run", "id": "seven"}, "Invalid UUID"),
        ({"of": "events", "until": 1}, "unknown field `until`"),
    ],
)
async def test_what_cannot_be_watched_is_refused(server, wanted, problem):
    async with server.socket("/ui/changes") as socket:
        await socket.send(json.dumps({"type": "filter", "filter": wanted}))
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1002
    assert problem in closed.value.rcvd.reason

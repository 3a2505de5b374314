"""`/api/events/in`: who may report, what becomes of reports, and what a pong says."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.schema.base import encode
from headrace.store.events import read_events
from headrace.store.lists.task_runs import read_task_runs
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

PATIENCE = 60.0

on_both_databases = pytest.mark.parametrize("target", ["sqlite", "postgres"], indirect=True)


def event(name="my.event", **fields):
    made = {
        "id": str(uuid7()),
        "occurred": "2026-01-01T12:00:00Z",
        "event": name,
        "resource": {"prefect.resource.id": "r"},
        "related": [],
        "payload": {},
        "follows": None,
    }
    return json.dumps({**made, **fields})


async def pong(socket):
    await asyncio.wait_for(await socket.ping(), PATIENCE)


async def end(socket):
    """Why the server closes the connection."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await asyncio.wait_for(socket.recv(), PATIENCE)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


def names(store):
    return [stored.name for stored in store.read(lambda conn: read_events(conn, limit=None))]


# --- Who may report --------------------------------------------------------------------------------------------


async def test_a_client_shows_its_credentials_first(server):
    async with server.socket("/events/in", handshake=False) as socket:
        assert socket.subprotocol == "prefect"
        await pong(socket)  # clients ping before anything else
        await socket.send('{"type":"auth","token":null}')
        assert json.loads(await socket.recv()) == {"type": "auth_success"}


@pytest.mark.parametrize("first", ['{"type":"event"}', "{", "[]", '"auth"', "1", b"\x00", '{"type":null}'])
async def test_anything_else_first_ends_the_connection(server, first):
    async with server.socket("/events/in", handshake=False) as socket:
        await socket.send(first)
        assert await end(socket) == (1008, "Expected 'auth' message")


@pytest.mark.parametrize(
    ("token", "answer"),
    [
        ("user:secret", "auth_success"),
        ("user:guess", "Invalid token"),
        (["user:secret"], "Invalid token"),
        ("", "Auth required but no token provided"),
        (None, "Auth required but no token provided"),
    ],
)
async def test_the_secret_is_asked_for_where_there_is_one(serve, token, answer):
    server = serve({"server.api.auth_string": "user:secret"})
    async with server.socket("/events/in", handshake=False) as socket:
        await socket.send(json.dumps({"type": "auth", "token": token}))
        if answer == "auth_success":
            assert json.loads(await socket.recv()) == {"type": answer}
        else:
            assert await end(socket) == (1008, answer)


async def test_old_clients_without_the_subprotocol_need_no_handshake(server, store):
    async with server.socket("/events/in", handshake=False, subprotocols=None) as socket:
        assert socket.subprotocol is None
        await socket.send(event("old"))
        await pong(socket)
    assert names(store) == ["old"]


async def test_old_clients_are_refused_where_there_is_a_secret(serve):
    server = serve({"server.api.auth_string": "user:secret"})
    with pytest.raises(InvalidStatus, match="403"):
        async with server.socket("/events/in", handshake=False, subprotocols=None):
            pass


# --- What becomes of reports -----------------------------------------------------------------------------------


@on_both_databases
async def test_events_are_stored_once_with_the_time_of_their_receipt(server, store):
    twice = event("twice", payload={"a": 1}, follows=str(uuid7()), unknown=True)
    async with server.socket("/events/in") as socket:
        for text in (twice, event("once"), twice):
            await socket.send(text)
        await pong(socket)
    first, second = (stored.event for stored in store.read(read_events))
    assert (first.event, second.event) == ("twice", "once")
    assert (first.payload, first.received > first.occurred) == ({"a": 1}, True)


@on_both_databases
async def test_reports_of_task_runs_become_task_runs(server, store, reports):
    life = reports("Pending", "Running", "Completed", name="t-7")
    async with server.socket("/events/in") as socket:
        for each in life:
            await socket.send(encode(each).decode())
        await pong(socket)
        (run,) = store.read(read_task_runs)
    assert (run.name, run.state_type, run.state_id) == ("t-7", StateType.COMPLETED, life[-1].id)


async def test_a_report_that_cannot_be_understood_is_kept_as_an_event(server, store, reports, caplog):
    (strange,) = reports("Pending")
    del strange.payload["task_run"]
    async with server.socket("/events/in") as socket:
        await socket.send(encode(strange).decode())
        await pong(socket)
    (stored,) = (stored.event for stored in store.read(read_events))
    assert (stored.event, stored.payload) == ("prefect.task-run.Pending", strange.payload)
    assert store.read(read_task_runs) == []
    assert "missing required field `task_run`" in caplog.text


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "Invalid event: Input data was truncated"),
        ("[]", "Invalid event: Expected `object`, got `array`"),
        (b"\x00", "Invalid event: Messages must be texts, this one is binary."),
        ('{"event":"e"}', "Invalid event: Object missing required field `resource`"),
        (event(id="x"), "Invalid event: Invalid UUID - at `$.id`"),
        (event(occurred="0001-01-01T00:00:00+14:00"), "Invalid event: "),
        (event(resource={"a": "b"}), "Invalid event: a resource needs the label 'prefect.resource.id'"),
        (event(resource={"prefect.resource.id": 1}), "Invalid event: Expected `str`, got `int`"),
        (event("n" * 1025), "Invalid event: The name has 1025 characters; at most 1024 are allowed."),
        (
            event(resource={"prefect.resource.id": "r", **{str(n): "" for n in range(500)}}),
            "Invalid event: A resource has 501 labels; at most 500 are allowed.",
        ),
        (
            event(related=[{"prefect.resource.id": "r", "prefect.resource.role": "r"}] * 101),
            "Invalid event: There are 101 related resources; at most 100 are allowed.",
        ),
        ("[" * 100_000, "Invalid event: "),
    ],
)
async def test_a_malformed_event_ends_the_connection_and_spares_those_before_it(server, store, bad, reason):
    async with server.socket("/events/in") as socket:
        for message in (event("good"), event("fine"), bad, event("late")):
            await socket.send(message)
        code, why = await end(socket)
    assert code == 1007
    assert why.startswith(reason)
    assert names(store) == ["good", "fine"]


async def test_an_event_that_is_too_large_loses_its_payload(server, store, caplog):
    async with server.socket("/events/in") as socket:
        await socket.send(event("large", payload={"x": "y" * 1_500_000}))
        await socket.send(event("small"))
        await pong(socket)
    large, small = (stored.event for stored in store.read(read_events))
    assert small.event == "small"
    assert "more than the 1500000 that an event may have" in large.payload["headrace.omitted"]
    assert "(large) is too large" in caplog.text


@on_both_databases
async def test_many_clients_at_once(server, store):
    async def client(number):
        async with server.socket("/events/in") as socket:
            for count in range(100):
                await socket.send(event(f"{number}-{count}"))
            await pong(socket)

    await asyncio.gather(*(client(number) for number in range(10)))
    stored = names(store)
    assert len(stored) == 1000
    for number in range(10):  # in order for each client
        assert [name for name in stored if name.startswith(f"{number}-")] == [
            f"{number}-{n}" for n in range(100)
        ]


# --- What a pong says ------------------------------------------------------------------------------------------


@on_both_databases
async def test_a_pong_comes_after_the_commit_of_what_was_sent_before_its_ping(server, store):
    release = hold_up(store)
    async with server.socket("/events/in") as socket:
        early = await socket.ping()
        await asyncio.wait_for(early, PATIENCE)  # nothing before it
        await socket.send(event("first"))
        first = await socket.ping()
        await socket.send(event("second"))
        second = await socket.ping()
        async with server.socket("/events/in") as other:
            await pong(other)  # only those who wait for a commit wait
        assert not first.done()
        assert not second.done()
        release()
        await asyncio.wait_for(second, PATIENCE)
        assert first.done()
        assert names(store) == ["first", "second"]


@on_both_databases
async def test_the_answer_to_a_close_comes_after_the_commit_of_what_was_sent_before_it(server, store):
    release = hold_up(store)
    async with server.socket("/events/in") as socket:
        await socket.send(event("last"))
        closing = asyncio.create_task(socket.close())
        async with server.socket("/events/in") as other:
            await pong(other)
        assert not closing.done()
        release()
        await asyncio.wait_for(closing, PATIENCE)
        assert socket.close_code == 1000
    assert names(store) == ["last"]


def hold_up(store):
    """Keep the store from writing until the function that is returned is called."""
    held, go = threading.Event(), threading.Event()

    def wait(conn):
        held.set()
        assert go.wait(PATIENCE)

    store.submit(wait)
    assert held.wait(PATIENCE)
    return go.set


@on_both_databases
async def test_what_arrives_while_a_commit_is_under_way_is_committed_together(server, store):
    commits = []
    async with server.socket("/events/in") as socket:
        release = hold_up(store)
        await socket.send(event("0"))
        leave = store.after_commit(lambda: commits.append(1))
        for number in range(1, 500):
            await socket.send(event(str(number)))
        async with server.socket("/events/in") as other:  # by then all of it is read
            await pong(other)
        release()
        await pong(socket)
        leave()
    assert names(store) == [str(number) for number in range(500)]
    assert len(commits) < 20


async def test_a_store_that_fails_ends_the_connection_and_answers_no_ping(serve, tmp_path, caplog, store):
    server = serve()
    async with server.socket("/events/in") as socket:
        await socket.send(event("fine"))
        await pong(socket)
        store.write(lambda conn: conn.execute("ALTER TABLE event RENAME TO elsewhere"))
        await socket.send(event("lost"))
        ping = await socket.ping()
        code, reason = await end(socket)
        assert (code, reason) == (1011, "The events could not be stored (500); send them again.")
        with pytest.raises(ConnectionClosed):
            await ping
    store.write(lambda conn: conn.execute("ALTER TABLE elsewhere RENAME TO event"))
    assert "could not be stored" in caplog.text


async def test_under_another_protocol_events_are_taken_too_but_nothing_is_answered_for(
    serve, store, eventually
):
    server = serve(ws="websockets-sansio")
    async with server.socket("/events/in") as socket:
        for number in range(5):
            await socket.send(event(str(number)))
    await eventually(lambda: names(store) == [str(number) for number in range(5)])


@on_both_databases
async def test_nothing_that_was_answered_for_is_lost_when_the_server_is_killed(
    server_process, target, reports
):
    """A client that sends again what it has no pong for, as Prefect's does, ends up with every event stored once."""
    draw = random.Random(7)
    lives = [reports("Pending", "Running", "AwaitingRetry", "Retrying", "Completed") for _ in range(60)]
    unconfirmed = [each for life in lives for each in life]
    for _ in range(3):
        confirmed = await report_until_it_dies(server_process, unconfirmed, draw.randrange(20, 120))
        with Store.open(target) as store:
            stored = {kept.event.id for kept in store.read(lambda conn: read_events(conn, limit=None))}
        assert {each.id for each in unconfirmed[:confirmed]} <= stored
        del unconfirmed[:confirmed]
        server_process.start()
    async with server_process.socket("/events/in") as socket:
        for each in unconfirmed:
            await socket.send(encode(each).decode())
        await pong(socket)
    assert server_process.terminate() == 0
    with Store.open(target) as store:
        assert_history(store)
        runs = store.read(lambda conn: read_task_runs(conn, limit=None))
        assert len(runs) == 60
        assert {run.state_type for run in runs} == {StateType.COMPLETED}


async def report_until_it_dies(server, events, death):
    """Kill the server when `death` events are sent. Returns how many it has answered for before."""
    confirmed = 0
    with suppress(ConnectionClosed):
        async with server.socket("/events/in") as socket:
            for count, each in enumerate(events):
                if count == death:
                    server.kill()
                await socket.send(encode(each).decode())
                if count % 7 == 0:
                    await pong(socket)
                    confirmed = count + 1
    return confirmed

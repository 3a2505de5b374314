"""`/api/events/out`: what a client that listens is sent, and what becomes of one that is slow, lost, or wrong."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from websockets.exceptions import ConnectionClosed

from headrace.core.ids import uuid7
from headrace.schema.base import encode
from headrace.schema.events import Event
from headrace.store.records import record

PATIENCE = 60.0

on_both_databases = pytest.mark.parametrize("target", ["sqlite", "postgres"], indirect=True)


def event(name, **fields):
    return Event(**{"event": name, "resource": {"prefect.resource.id": "r"}, **fields})


def write(store, *events):
    made = [event(each) if isinstance(each, str) else each for each in events]
    store.write(lambda conn: record(conn, made, received=datetime.now(UTC)))


async def subscribe(socket, filter=None, **options):
    since = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    wanted = {"occurred": {"since": since}} if filter is None else filter
    await socket.send(json.dumps({"type": "filter", "filter": wanted, **options}))


async def received(socket, count):
    messages = []
    async with asyncio.timeout(PATIENCE):
        while len(messages) < count:
            messages.append(json.loads(await socket.recv()))
            assert messages[-1]["type"] == "event"
    return messages


def names(messages):
    return [message["event"]["event"] for message in messages]


async def end(socket):
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            await asyncio.wait_for(socket.recv(), PATIENCE)
    return closed.value.rcvd.code, closed.value.rcvd.reason


# --- What is sent ----------------------------------------------------------------------------------------------


@on_both_databases
async def test_events_that_are_stored_come_first_and_then_those_that_are_committed(server, store, reports):
    life = reports("Pending", "Running", start=datetime.now(UTC))
    write(
        store,
        event("b", occurred=datetime.now(UTC)),
        event("a", occurred=datetime.now(UTC) - timedelta(seconds=9)),
    )
    async with server.socket("/events/out") as socket:
        await subscribe(socket)
        assert names(await received(socket, 2)) == ["a", "b"]  # in the order of time
        write(store, "c")
        async with server.http() as client:
            await client.post("/events", content=encode(life), headers={"content-type": "application/json"})
        messages = await received(socket, 3)
    assert names(messages) == ["c", "prefect.task-run.Pending", "prefect.task-run.Running"]
    assert messages[-1]["event"]["id"] == str(life[-1].id)
    assert messages[-1]["event"]["received"].endswith("Z")


async def test_only_what_the_filter_lets_pass_is_sent(server, store):
    write(store, "x.1", "y.1")
    async with server.socket("/events/out") as socket:
        await subscribe(
            socket, {"event": {"prefix": ["x."]}, "resource": {"labels": {"prefect.resource.id": "r*"}}}
        )
        assert names(await received(socket, 1)) == ["x.1"]
        write(store, "y.2", event("x.other", resource={"prefect.resource.id": "s"}), "x.2")
        assert names(await received(socket, 1)) == ["x.2"]


async def test_nothing_that_is_stored_is_sent_to_who_wants_only_news(server, store):
    write(store, "old")
    async with server.socket("/events/out") as socket:
        await subscribe(socket, {}, backfill=False)
        async with server.socket("/events/out") as other:
            await subscribe(other, {})
            await received(other, 1)  # by now the first one listens
        write(store, "new")
        assert names(await received(socket, 1)) == ["new"]


async def test_what_is_long_past_is_not_sent(serve, store):
    server = serve({"server.events.maximum_websocket_backfill": timedelta(minutes=5)})
    now = datetime.now(UTC)
    for minutes in (30, 4):
        write(store, event(f"{minutes} minutes", occurred=now - timedelta(minutes=minutes)))
    async with server.socket("/events/out") as socket:
        await subscribe(socket, {"occurred": {"since": (now - timedelta(hours=1)).isoformat()}})
        assert names(await received(socket, 1)) == ["4 minutes"]


async def test_a_stream_ends_nowhere_unless_its_filter_says_so(server, store):
    now = datetime.now(UTC)
    async with server.socket("/events/out") as open_ended, server.socket("/events/out") as limited:
        await subscribe(open_ended, {"occurred": {"since": now.isoformat()}})
        await subscribe(limited, {"occurred": {"until": (now + timedelta(hours=1)).isoformat()}})
        write(
            store,
            event("late", occurred=now + timedelta(days=9)),
            event("soon", occurred=now + timedelta(seconds=9)),
        )
        assert sorted(names(await received(open_ended, 2))) == ["late", "soon"]
        assert names(await received(limited, 1)) == ["soon"]


@on_both_databases
async def test_none_is_missing_and_none_comes_twice_where_the_past_meets_the_present(server, store):
    done = threading.Event()

    def go_on_writing():
        for number in range(400):
            write(store, str(number))
            if number == 100:
                done.set()

    writer = threading.Thread(target=go_on_writing)
    writer.start()
    await asyncio.to_thread(done.wait, PATIENCE)
    async with server.socket("/events/out") as socket:
        await subscribe(socket)
        found = names(await received(socket, 400))
    writer.join()
    assert sorted(map(int, found)) == list(range(400))


async def test_pages_of_the_past_are_no_limit_to_it(serve, store):
    server = serve({"server.events.websocket_backfill_page_size": 7})
    write(store, *(str(number) for number in range(50)))
    async with server.socket("/events/out") as socket:
        await subscribe(socket)
        assert sorted(map(int, names(await received(socket, 50)))) == list(range(50))


# --- Who comes back --------------------------------------------------------------------------------------------


@on_both_databases
async def test_a_client_that_says_where_it_was_goes_on_from_there(server, store):
    async with server.socket("/events/out") as socket:
        await subscribe(socket, {})
        write(store, "a", "b")
        first, _ = await received(socket, 2)
    long_ago = datetime.now(UTC) - timedelta(hours=9)
    write(store, event("c", occurred=long_ago), "d")
    async with server.socket("/events/out") as socket:
        await subscribe(socket, {"occurred": {"since": long_ago.isoformat()}}, after=first["cursor"])
        assert names(await received(socket, 3)) == ["b", "c", "d"]
        write(store, "e")
        assert names(await received(socket, 1)) == ["e"]


@pytest.mark.parametrize("place", ["", "x", "0", "0-99999", "9999999999-1", "-1--1"])
async def test_a_place_that_the_log_has_not_got_is_refused(server, store, place):
    write(store, "a")
    async with server.socket("/events/out") as socket:
        await subscribe(socket, {}, after=place)
        code, reason = await end(socket)
    assert code == 1002
    assert reason.startswith("Invalid filter: ")


# --- Who is slow, lost or wrong --------------------------------------------------------------------------------


async def test_a_client_that_is_slow_to_read_gets_everything_in_the_end(server, store):
    from websockets.asyncio.client import connect

    text = "y" * 20_000
    async with connect(
        f"ws{server.url[4:]}/events/out", subprotocols=["prefect"], max_queue=1, ping_timeout=None
    ) as socket:
        await socket.send('{"type":"auth","token":null}')
        await socket.recv()
        await subscribe(socket, {})
        for start in range(0, 1000, 100):  # 20 MB, more than what lies between the two
            write(store, *(event(str(number), payload={"x": text}) for number in range(start, start + 100)))
        async with server.socket("/events/out") as other:  # others are not held up
            await subscribe(other, {"event": {"name": ["last"]}}, backfill=False)
            write(store, "last")
            await received(other, 1)
        found = names(await received(socket, 1001))
    assert found == [*(str(number) for number in range(1000)), "last"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('{"type":"event"}', "Expected 'filter' message"),
        ("{", "Expected 'filter' message"),
        ("[]", "Expected 'filter' message"),
        (b"\x00", "Expected 'filter' message"),
        ('{"type":"filter"}', "Invalid filter: Object missing required field `filter`"),
        ('{"type":"filter","filter":[]}', "Invalid filter: Expected `object`, got `array` - at `$.filter`"),
        ('{"type":"filter","filter":{"foo":1}}', "Invalid filter: Object contains unknown field `foo`"),
        (
            '{"type":"filter","filter":{"event":{"name":1}}}',
            "Invalid filter: Expected `array | null`, got `int`",
        ),
        ('{"type":"filter","filter":{"occurred":{"since":"x"}}}', "Invalid filter: Invalid RFC3339"),
    ],
)
async def test_a_client_that_does_not_say_what_it_wants_is_sent_away(server, message, reason):
    async with server.socket("/events/out") as socket:
        await socket.send(message)
        code, why = await end(socket)
    assert code == 1002
    assert why.startswith(reason)


async def test_credentials_are_asked_for_where_there_are_any(serve):
    server = serve({"server.api.auth_string": "user:secret"})
    async with server.socket("/events/out", handshake=False) as socket:
        await socket.send('{"type":"auth","token":"guess"}')
        assert await end(socket) == (1008, "Invalid token")


async def test_a_stream_that_is_off_says_so(serve):
    server = serve({"server.events.stream_out_enabled": False})
    async with server.socket("/events/out") as socket:
        code, reason = await end(socket)
    assert code == 1008
    assert "off" in reason


async def test_a_client_that_leaves_is_forgotten(server, store):
    for _ in range(3):
        async with server.socket("/events/out") as socket:
            await subscribe(socket, {})
            await socket.send("whatever it says later is ignored")
            write(store, "a")
            await received(socket, 1)
    async with asyncio.timeout(PATIENCE):
        while store._ledger._listeners:
            await asyncio.sleep(0.01)


async def test_a_server_that_stops_tells_its_listeners(server_process):
    async with server_process.socket("/events/out") as socket:
        await subscribe(socket, {})
        async with server_process.http() as client:
            await client.post(
                "/events",
                content=encode(
                    [
                        {
                            "id": uuid7(),
                            "occurred": datetime.now(UTC),
                            "event": "e",
                            "resource": {"prefect.resource.id": "r"},
                        }
                    ]
                ),
                headers={"content-type": "application/json"},
            )
        await received(socket, 1)
        ending = asyncio.create_task(asyncio.to_thread(server_process.terminate))
        assert (await end(socket))[0] == 1012
        assert await ending == 0

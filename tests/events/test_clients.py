"""Clients that emit and listen, also when the server goes away and comes back."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from headrace import flow
from headrace.client import listening
from headrace.client.local import get_store
from headrace.events import Event, emit_event, get_events_client, get_events_subscriber
from headrace.events.clients import NullEventsClient, RecordingEventsClient
from headrace.events.filters import EventFilter, EventNameFilter
from headrace.exceptions import ConfigurationError, HeadraceException
from headrace.settings import temporary_settings
from headrace.store.events import read_events

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Attempts to connect follow each other at once."""
    monkeypatch.setattr(listening, "LONGEST_PAUSE", 0.0)


def made(name):
    return Event(event=name, resource={"prefect.resource.id": "r"})


def named(*prefixes):
    return EventFilter(event=EventNameFilter(prefix=list(prefixes)))


async def heard(subscriber, count):
    async with asyncio.timeout(PATIENCE):
        return [(await anext(subscriber)).event for _ in range(count)]


# --- Emitting --------------------------------------------------------------------------------------------------


async def test_what_is_emitted_is_stored_when_the_block_ends(server):
    async with get_events_client() as client:
        for number in range(50):
            await client.emit(made(f"e.{number}"))
    server.kill()
    assert [event.event for event in server.events()] == [f"e.{number}" for number in range(50)]


async def test_what_is_confirmed_is_stored_although_the_block_goes_on(server):
    async with get_events_client(checkpoint_every=3) as client:
        for number in range(7):
            await client.emit(made(f"e.{number}"))
        server.kill()
        assert {f"e.{number}" for number in range(6)} <= {event.event for event in server.events()}
        server.start()
    assert len(server.events()) == 7


async def test_a_server_that_is_killed_again_and_again_stores_every_event_once(server):
    emitted = [made(f"e.{number}") for number in range(300)]
    async with get_events_client(checkpoint_every=20, reconnection_attempts=1000) as client:
        for number, event in enumerate(emitted):
            if number in (50, 130, 131, 299):
                server.kill()
                server.start()
            await client.emit(event)
    assert Counter(event.id for event in server.events()) == Counter(event.id for event in emitted)


async def test_a_server_that_stays_away_is_an_error_that_counts_what_it_did_not_confirm(server):
    client = get_events_client(reconnection_attempts=2)
    await client.__aenter__()
    await client.emit(made("a"))
    server.kill()
    with pytest.raises(HeadraceException, match=r"no connection to ws://.*/events/in.* 2 event\(s\)"):
        async with asyncio.timeout(PATIENCE):
            await client.emit(made("b"))
            await client.__aexit__(None, None, None)


async def test_what_the_server_refuses_is_an_error(server):
    with pytest.raises(HeadraceException, match=r"refuses at ws://.*Invalid event: .*at most 1024"):
        async with get_events_client() as client:
            await client.emit(made("n" * 2000))
    assert server.events() == []


async def test_without_a_server_events_are_recorded_here(configure):
    async with get_events_client() as client:
        assert isinstance(client, RecordingEventsClient)
        await client.emit(made("here"))
    assert [stored.name for stored in get_store().read(read_events)] == ["here"]


async def test_nothing_is_emitted_where_nothing_is_to_be(configure):
    async with NullEventsClient() as client:
        await client.emit(made("nowhere"))
    assert get_store().read(read_events) == []


# --- Listening -------------------------------------------------------------------------------------------------


async def test_a_subscriber_is_given_what_happens(server):
    async with get_events_subscriber(named("e.")) as subscriber, get_events_client() as client:
        for name in ("e.1", "other", "e.2"):
            await client.emit(made(name))
        first = await asyncio.wait_for(anext(subscriber), PATIENCE)
        assert (first.event, first.resource.id) == ("e.1", "r")
        assert first.received is not None
        assert await heard(subscriber, 1) == ["e.2"]


async def test_a_subscriber_misses_nothing_and_hears_nothing_twice_when_the_server_is_killed(server):
    async with get_events_subscriber(named("e."), reconnection_attempts=1000) as subscriber:
        names = []
        async with get_events_client(reconnection_attempts=1000) as client:
            for round in range(3):
                for number in range(20):
                    await client.emit(made(f"e.{round}.{number}"))
                names += await heard(subscriber, 10)
                server.kill()
                server.start()
            await client.emit(made("e.last"))
        while names[-1] != "e.last":
            names += await heard(subscriber, 1)
    expected = [f"e.{round}.{number}" for round in range(3) for number in range(20)]
    assert names == [*expected, "e.last"]


async def test_a_subscriber_that_is_away_is_told_later_what_happened(server):
    async with get_events_subscriber(named("e."), reconnection_attempts=1000) as subscriber:
        async with get_events_client() as client:
            await client.emit(made("e.before"))
        assert await heard(subscriber, 1) == ["e.before"]
        server.kill()
        server.start()
        async with get_events_client() as client:
            await client.emit(made("e.meanwhile"))
        assert await heard(subscriber, 1) == ["e.meanwhile"]


async def test_a_server_that_stays_away_ends_a_subscription_with_an_error(server):
    async with get_events_subscriber(reconnection_attempts=2) as subscriber:
        server.kill()
        with pytest.raises(HeadraceException, match="no connection to ws://.*/events/out"):
            await heard(subscriber, 1)


async def test_a_server_that_stops_is_listened_to_again_when_it_is_back(server):
    async with get_events_subscriber(named("e."), reconnection_attempts=1000) as subscriber:
        server.terminate()
        server.start()
        async with get_events_client() as client:
            await client.emit(made("e.1"))
        assert await heard(subscriber, 1) == ["e.1"]


def test_a_subscription_needs_a_server(configure):
    with pytest.raises(ConfigurationError, match="No API is configured"):
        get_events_subscriber()


async def test_credentials_that_are_wrong_are_an_error_at_once(configure, tmp_path):
    from .conftest import Server

    server = Server(tmp_path / "server")
    configure(HEADRACE_HOME=str(tmp_path / "home"), PREFECT_SERVER_API_AUTH_STRING="user:secret")
    server.start()
    try:
        with temporary_settings({"api.url": server.url, "api.auth_string": "user:guess"}):
            with pytest.raises(HeadraceException, match="Invalid token"):
                async with get_events_subscriber():
                    pass
        with temporary_settings({"api.url": server.url, "api.auth_string": "user:secret"}):
            async with get_events_subscriber() as subscriber, get_events_client() as client:
                await client.emit(made("e"))
                assert await heard(subscriber, 1) == ["e"]
    finally:
        server.kill()


# --- emit_event ------------------------------------------------------------------------------------------------


async def test_what_runs_emit_reaches_the_server_and_those_who_listen_to_it(server, colour):
    async with get_events_subscriber(named("orders.")) as subscriber:

        def shop():
            emit_event("orders.arrived", {"prefect.resource.id": "shop"}, payload={"orders": 7})

        await asyncio.to_thread(colour.run, flow(colour.function(shop), flow_run_name="north"))
        event = await asyncio.wait_for(anext(subscriber), PATIENCE)
    assert event.payload == {"orders": 7}
    assert event.resource_in_role["flow-run"].name == "north"
    assert event.find_resource_label("related:flow:prefect.resource.name") == "shop"

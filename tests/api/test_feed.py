"""Followers of the logs: each gets all of it, in order, at its own pace."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from headrace.api import feed as feed_module
from headrace.api.bridge import Bridge
from headrace.api.feed import Feed
from headrace.schema.events import Event
from headrace.schema.logs import Log
from headrace.store.cursors import Cursor
from headrace.store.records import record
from headrace.store.store import Store, open_database

PATIENCE = 60.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["memory", "file", "postgres"])
def target(request, tmp_path):
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return "sqlite://" if request.param == "memory" else str(tmp_path / "s.db")


@pytest.fixture
def store(target):
    with Store.open(target) as opened:
        yield opened


@pytest.fixture
def feed(store):
    bridge = Bridge(store)
    yield Feed(bridge)
    bridge.close()


def write(store, *names):
    events = [Event(event=name, resource={"prefect.resource.id": "r"}, occurred=NOW) for name in names]
    store.write(lambda conn: record(conn, events))


async def names(tail, cursor, count):
    """The names of the next events behind a place."""
    found = []
    async with asyncio.timeout(PATIENCE):
        async for page in tail.follow(cursor):
            found += [stored.name for stored in page]
            if len(found) >= count:
                break
    return found


async def test_a_follower_is_given_what_is_committed_from_then_on(store, feed):
    write(store, "before")
    async with feed.events.opened() as end:
        write(store, "a", "b")
        assert await names(feed.events, end, 2) == ["a", "b"]
        following = asyncio.create_task(names(feed.events, end, 4))
        await asyncio.to_thread(write, store, "c", "d")
        assert await following == ["a", "b", "c", "d"]


async def test_followers_begin_where_they_want(store, feed):
    write(store, "a", "b")
    async with feed.events.opened() as end:
        assert await names(feed.events, Cursor.START, 2) == ["a", "b"]
        write(store, "c")
        assert await names(feed.events, end, 1) == ["c"]
        assert await names(feed.events, Cursor.START, 3) == ["a", "b", "c"]
        async with feed.events.opened() as later:
            write(store, "d")
            assert await names(feed.events, later, 1) == ["d"]
            assert await names(feed.events, end, 2) == ["c", "d"]


async def test_a_follower_that_is_slow_misses_nothing_and_nothing_is_kept_for_it(store, feed, monkeypatch):
    monkeypatch.setattr(feed_module, "KEPT_ITEMS", 20)
    expected = [str(number) for number in range(700)]
    async with feed.events.opened() as end:
        slow = feed.events.follow(end)
        write(store, "0")
        found = [stored.name for stored in await anext(slow)]
        for start in range(1, 700, 100):
            write(store, *expected[start : start + 100])
        assert (await names(feed.events, end, 700))[-1] == "699"  # another one keeps up
        assert len(feed.events._items) <= 20
        while len(found) < 700:
            page = await asyncio.wait_for(anext(slow), PATIENCE)
            assert len(page) <= feed_module.SHARE
            found += [stored.name for stored in page]
        await slow.aclose()
    assert found == expected


async def test_large_events_are_not_kept_in_any_number(store, feed, monkeypatch):
    monkeypatch.setattr(feed_module, "KEPT_SIZE", 1_000_000)
    resource = {"prefect.resource.id": "r"}
    async with feed.events.opened() as end:
        for number in range(30):
            large = Event(event=str(number), resource=resource, occurred=NOW, payload={"x": "y" * 100_000})
            store.write(lambda conn, large=large: record(conn, [large]))
        assert await names(feed.events, end, 30) == [str(number) for number in range(30)]
        assert len(feed.events._items) < 11


async def test_while_nobody_follows_nobody_looks(store, feed):
    def watches():
        return [thread for thread in threading.enumerate() if thread.name == "headrace-watch"]

    before = len(watches())
    async with feed.events.opened(), feed.logs.opened():
        write(store, "a")
        assert store._ledger._listeners
    async with asyncio.timeout(PATIENCE):
        while (
            len(watches()) > before or store._ledger._listeners
        ):  # the readers end with the next turn of the loop
            await asyncio.sleep(0)
    async with feed.events.opened() as end:
        write(store, "b")
        assert await names(feed.events, end, 1) == ["b"]


async def test_followers_see_what_other_stores_on_the_same_database_write(tmp_path, postgres_url):
    for target in (str(tmp_path / "s.db"), postgres_url):
        with Store.open(target) as store, Store.open(target) as other:
            bridge = Bridge(store)
            feed = Feed(bridge)
            async with feed.events.opened() as end:
                following = asyncio.create_task(names(feed.events, end, 2))
                await asyncio.to_thread(write, other, "a")
                await asyncio.to_thread(write, other, "b")
                assert await following == ["a", "b"]
            bridge.close()


async def test_what_a_strange_transaction_holds_back_comes_when_that_has_ended(postgres_url):
    strange = open_database(postgres_url).connect()
    with Store.open(postgres_url) as store:
        bridge = Bridge(store)
        feed = Feed(bridge)
        async with feed.events.opened() as end:
            strange.execute("BEGIN")
            strange.execute("CREATE TABLE strange (x integer)")  # takes a number
            following = asyncio.create_task(names(feed.events, end, 1))
            await asyncio.to_thread(write, store, "a")
            assert not following.done()
            strange.execute("ROLLBACK")  # of which nobody is told
            assert await following == ["a"]
        bridge.close()
    strange.close()


async def test_lines_of_transactions_that_commit_in_another_order_are_all_seen(postgres_url):
    first, second = (open_database(postgres_url).connect() for _ in range(2))
    with Store.open(postgres_url) as store:
        bridge = Bridge(store)
        feed = Feed(bridge)
        async with feed.logs.opened() as end:
            for conn in (first, second):
                conn.execute("BEGIN")
            for conn, message in ((first, "1"), (second, "2"), (first, "3")):
                record(conn, [Log(name="n", level=20, message=message, timestamp=NOW)])
            second.execute("COMMIT")
            first.execute("COMMIT")
            found = []
            async with asyncio.timeout(PATIENCE):
                async for page in feed.logs.follow(end):
                    found += [stored.log.message for stored in page]
                    if len(found) == 3:
                        break
            assert found == ["1", "3", "2"]
        bridge.close()
    for conn in (first, second):
        conn.close()


async def test_a_store_that_cannot_be_read_for_a_while_is_read_again(tmp_path, monkeypatch, caplog):
    from headrace.exceptions import StoreUnavailableError

    monkeypatch.setattr(feed_module, "RETRY_SECONDS", 0.0)
    with Store.open(tmp_path / "s.db") as store:
        bridge = Bridge(store)
        feed = Feed(bridge)
        source, failures = feed.events._source, [StoreUnavailableError("gone")] * 3

        def read(conn, after, limit):
            if failures:
                raise failures.pop()
            return source.read(conn, after, limit)

        feed.events._source = source._replace(read=read)
        async with feed.events.opened() as end:
            write(store, "a")
            assert await names(feed.events, end, 1) == ["a"]
        bridge.close()
    assert not failures
    assert "cannot be read: gone" in caplog.text

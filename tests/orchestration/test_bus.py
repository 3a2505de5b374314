"""Followers are woken by commits, whichever process made them."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from headrace.orchestration.bus import Bus
from headrace.schema.events import Event
from headrace.store.events import read_events
from headrace.store.records import record
from headrace.store.store import Store

WRITER = """
import sys
from headrace.schema.events import Event
from headrace.store.records import record
from headrace.store.store import Store
with Store.open(sys.argv[1]) as store:
    for line in sys.stdin:
        event = Event(event=line.strip(), resource={"prefect.resource.id": "r"})
        store.write(lambda conn: record(conn, [event]))
        print("written", flush=True)
"""


@pytest.fixture(params=["file", "postgres"])
def target(request, tmp_path):
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else str(tmp_path / "s.db")


@pytest.fixture
def store(target):
    with Store.open(target) as opened:
        yield opened


@pytest.fixture
def elsewhere(target):
    """Writes an event in another process."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def write(name):
        process.stdin.write(f"{name}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "written\n"

    yield write
    process.stdin.close()
    assert process.wait() == 0


class Follower:
    def __init__(self, store):
        self._store = store
        self._woken = threading.Event()
        self._seen = []

    def wake(self):
        self._woken.set()

    def until(self, name):
        """Reads whenever it is woken, until an event of that name is there."""
        while name not in self._seen:
            assert self._woken.wait(timeout=60), "nobody woke the follower"
            self._woken.clear()
            self._seen = [stored.name for stored in self._store.read(read_events)]


def write(store, name):
    store.write(lambda conn: record(conn, [Event(event=name, resource={"prefect.resource.id": "r"})]))


def test_a_commit_of_this_process_wakes_followers(store):
    bus, followers = Bus(store), [Follower(store), Follower(store)]
    leaves = [bus.follow(follower.wake) for follower in followers]
    for name in ("first", "second"):
        write(store, name)
        for follower in followers:
            follower.until(name)
    for leave in leaves:
        leave()


def test_a_commit_of_another_process_wakes_followers(store, elsewhere):
    follower = Follower(store)
    leave = Bus(store).follow(follower.wake)
    for name in ("first", "second"):
        elsewhere(name)
        follower.until(name)
    leave()


def test_a_store_in_memory_wakes_followers_too_but_not_for_queries():
    with Store.open("sqlite://") as store:
        woken = []
        leave = Bus(store).follow(lambda: woken.append(1))
        store.read(read_events)
        assert not woken
        write(store, "e")
        store.read(read_events)  # comes after whatever the commit wakes
        assert woken
        leave()


def test_who_has_left_is_not_woken_and_may_follow_again(store):
    bus, follower, woken = Bus(store), Follower(store), []
    leave = bus.follow(lambda: woken.append(1))
    leave()
    leave()
    stay = bus.follow(follower.wake)
    woken.clear()
    write(store, "e")
    follower.until("e")
    assert not woken
    stay()


def test_a_follower_that_fails_does_not_harm_others(store, caplog):
    bus, follower = Bus(store), Follower(store)

    def fail():
        raise RuntimeError("no")

    leaves = [bus.follow(follower.wake), bus.follow(fail)]
    write(store, "e")
    follower.until("e")
    write(store, "f")
    follower.until("f")
    for leave in leaves:
        leave()
    assert "failed" in caplog.text


def test_a_listener_whose_connection_is_lost_connects_again(postgres_url, caplog):
    with Store.open(postgres_url) as store, Store.open(postgres_url) as other:
        follower = Follower(store)
        leave = Bus(store).follow(follower.wake)
        write(other, "before")
        follower.until("before")
        ended = other.read(
            lambda conn: conn.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
            )
        )
        assert ended
        write(other, "after")
        follower.until("after")
        leave()

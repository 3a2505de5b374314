"""PostgreSQL goes away and comes back: writes and reads go through, once each, or say that they could not."""

from __future__ import annotations

import logging
import signal
import socket
import threading
import time
from urllib.parse import urlsplit

import psycopg
import pytest

from headrace.exceptions import StoreUnavailableError
from headrace.schema.runs import TaskRun
from headrace.store.lists.task_runs import count_task_runs
from headrace.store.records import record
from headrace.store.store import Store
from headrace.testing.invariants import assert_history


def put(key):
    return lambda conn: conn.execute("INSERT INTO meta VALUES (:key, 'x')", key=key)


def keys(store):
    found = store.read(lambda conn: conn.rows("SELECT key FROM meta ORDER BY key"))
    return [key for (key,) in found if key != "headrace_version"]


@pytest.fixture
def store(postgres_url):
    with Store.open(postgres_url) as opened:
        yield opened


@pytest.fixture
def cut(postgres_url):
    """Ends the connections of others to the database, as an administrator or a network does. Returns how many."""

    def terminate(condition="true"):
        with psycopg.connect(postgres_url, autocommit=True) as conn:
            ended = conn.execute(
                "SELECT pid, pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                f" WHERE datname = current_database() AND pid <> pg_backend_pid() AND {condition}"
            )
            return len(ended.fetchall())

    return terminate


def once(fn):
    """A command that calls `fn` the first time only."""
    called = []

    def command(conn):
        if not called:
            called.append(True)
            fn()

    return command


# --- Connections that are cut ----------------------------------------------------------------------------------


def test_a_write_whose_connection_was_cut_before_it_goes_through(store, cut, caplog):
    store.write(put("a"))
    assert cut() == 1
    with caplog.at_level(logging.WARNING, "headrace.store"):
        store.write(put("b"))
    assert keys(store) == ["a", "b"]
    assert "connecting again" in caplog.text


def test_a_transaction_whose_connection_is_cut_in_the_middle_is_done_again_from_the_start(store, cut):
    seen = []

    def command(conn):
        put("a")(conn)
        seen.append(conn.value("SELECT count(*) FROM meta WHERE key IN ('a', 'b')"))
        once_cut(conn)
        put("b")(conn)

    once_cut = once(cut)
    store.write(command)
    assert seen == [1, 1]
    assert keys(store) == ["a", "b"]


def test_a_batch_whose_connection_is_cut_is_committed_once(store, cut, life):
    go = threading.Event()
    held = store.submit(lambda conn: go.wait())
    batches = [life(TaskRun(task_key="t", dynamic_key=str(number))) for number in range(20)]
    futures = [store.submit(lambda conn, batch=batch: record(conn, batch)) for batch in batches]
    futures.insert(10, store.submit(once(cut)))
    go.set()
    for future in (held, *futures):
        future.result()
    assert store.read(count_task_runs) == 20
    assert store.read(lambda conn: conn.value("SELECT count(*) FROM event")) == 60
    assert_history(store)


def test_a_read_whose_connection_is_cut_is_done_again_and_sees_one_state(store, cut):
    store.write(put("a"))
    assert keys(store) == ["a"]
    assert cut() == 2
    assert keys(store) == ["a"]

    def query(conn):
        first = conn.value("SELECT count(*) FROM meta")
        once_cut(conn)
        return first, conn.value("SELECT count(*) FROM meta")

    once_cut = once(lambda: (cut(), store.write(put("b"))))
    assert store.read(query) == (3, 3)


def test_connections_that_are_cut_under_load_cost_nothing(store, cut):
    failures, stop = [], threading.Event()

    def work(number):
        try:
            for step in range(100_000):
                if stop.is_set():
                    return
                store.write(put(f"{number}-{step}"))
                assert f"{number}-{step}" in keys(store)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        cut()
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


# --- Answers that are lost -------------------------------------------------------------------------------------


class Wire:
    """A way to the server that passes everything on, until it is told to lose the answer to a commit."""

    def __init__(self, url):
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = url.replace(f":{parts.port}/", f":{self._listener.getsockname()[1]}/")
        self.loses = 0
        self.lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(self._server)
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()

    def _pass(self, client, server):
        """Requests and answers take turns, so one thread will do."""
        server.setblocking(True)
        answers = threading.Thread(target=self._answer, args=(server, client), daemon=True)
        answers.start()
        while data := _received(client):
            if self.loses and b"COMMIT" in data:
                self.loses -= 1
                self.lost += 1
                client.shutdown(socket.SHUT_RDWR)  # from here on nothing gets back
                server.sendall(data)
                break
            server.sendall(data)
        # The server ends the connection when it has worked off what it was sent.
        server.shutdown(socket.SHUT_WR)
        answers.join()
        client.close()
        server.close()

    def _answer(self, server, client):
        while data := _received(server):
            try:
                client.sendall(data)
            except OSError:  # nobody listens any more
                continue


def _received(peer):
    try:
        return peer.recv(65536)
    except OSError:
        return b""


@pytest.fixture
def wire(postgres_url):
    wire = Wire(postgres_url)
    yield wire
    wire.close()


def test_a_commit_whose_answer_was_lost_is_repeated_and_records_are_stored_once(wire, life):
    with Store.open(wire.url) as store:
        for number in range(3):
            wire.loses = 1
            steps = life(TaskRun(task_key="t", dynamic_key=str(number)))
            store.write(lambda conn, steps=steps: record(conn, steps))
        assert wire.lost == 3
        assert store.read(count_task_runs) == 3
        assert store.read(lambda conn: conn.value("SELECT count(*) FROM event")) == 9
        assert_history(store)


# --- A server that is away -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restarted", "crashed"])
def test_a_server_that_is_restarted_under_load_loses_nothing_that_it_has_acknowledged(
    postgres, store, life, how
):
    acknowledged, failures, stop = [], [], threading.Event()

    def work(number):
        try:
            while not stop.is_set():
                steps = life(TaskRun(task_key="t", dynamic_key=str(number)))
                store.write(lambda conn: record(conn, steps))
                acknowledged.append(steps[0].run.id)
                store.read(count_task_runs)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        postgres.stop(how)
        postgres.start()
        before = len(acknowledged)
        while len(acknowledged) == before and not failures:
            time.sleep(0.001)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.read(count_task_runs) == len(acknowledged) == len(set(acknowledged))
    assert_history(store)


def test_who_waits_is_told_when_the_server_stays_away_and_the_store_works_when_it_is_back(
    postgres, store, monkeypatch
):
    monkeypatch.setattr("headrace.store.postgres.PATIENCE", 0.0)
    store.write(put("before"))
    keys(store)
    attempts = []
    connect = psycopg.connect
    monkeypatch.setattr(psycopg, "connect", lambda *args, **kw: (attempts.append(1), connect(*args, **kw))[1])
    go = threading.Event()
    held = store.submit(lambda conn: go.wait())
    futures = [store.submit(put(str(number))) for number in range(100)]
    postgres.stop()
    try:
        go.set()
        for future in (held, *futures):
            with pytest.raises(StoreUnavailableError, match=r"test_\d+ cannot be used.*must run"):
                future.result()
        assert len(attempts) < 10, "each command has tried to connect"
        with pytest.raises(StoreUnavailableError):
            keys(store)
        with pytest.raises(StoreUnavailableError):
            store.write(put("meanwhile"))
    finally:
        postgres.start()
    store.write(put("after"))
    assert keys(store) == ["after", "before"]


def test_a_command_that_ends_every_connection_is_given_up(store, monkeypatch):
    monkeypatch.setattr("headrace.store.postgres.PATIENCE", 0.2)
    with pytest.raises(StoreUnavailableError, match="terminating connection"):
        store.write(lambda conn: conn.execute("SELECT pg_terminate_backend(pg_backend_pid())"))
    store.write(put("a"))
    assert keys(store) == ["a"]


# --- A server that refuses -------------------------------------------------------------------------------------


def failing(code, message):
    """A command that fails as PostgreSQL fails with that code."""
    return lambda conn: conn.execute(
        f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}', MESSAGE = '{message}'; END $$"
    )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("53100", "could not extend file: No space left on device"),
        ("53200", "out of memory"),
        ("58030", "could not read block"),
        ("57014", "canceling statement due to statement timeout"),
        ("55P03", "canceling statement due to lock timeout"),
    ],
)
def test_a_server_without_room_fails_the_write_and_later_ones_succeed(store, code, message):
    go = threading.Event()
    held = store.submit(lambda conn: go.wait())
    before, guilty, after = (
        store.submit(put("a")),
        store.submit(failing(code, message)),
        store.submit(put("b")),
    )
    go.set()
    held.result()
    before.result()
    after.result()
    with pytest.raises(StoreUnavailableError, match=f"{message}.*have room"):
        guilty.result()
    assert keys(store) == ["a", "b"]


def test_a_store_is_closed_while_the_server_is_away(postgres, postgres_url):
    store = Store.open(postgres_url)
    store.write(put("a"))
    keys(store)
    postgres.stop()
    store.close()
    postgres.start()
    with Store.open(postgres_url) as again:
        assert keys(again) == ["a"]

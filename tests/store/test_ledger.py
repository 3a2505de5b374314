"""The ledger: batches, blame, order, duties, and an end without loss."""

from __future__ import annotations

import logging
import re
import threading

import pytest

from headrace.core import failpoint
from headrace.exceptions import StoreUnavailableError
from headrace.store import ledger as ledger_module
from headrace.store import sqlite as sqlite_module
from headrace.store.store import Store


def put(key, value="x"):
    return lambda conn: conn.execute("INSERT INTO meta VALUES (:key, :value)", key=key, value=value)


def keys(store):
    found = store.read(lambda conn: conn.rows("SELECT key FROM meta ORDER BY key"))
    return [key for (key,) in found if key != "headrace_version"]


class Held:
    """Keeps the ledger busy until it is let go, so that what is submitted meanwhile makes one batch."""

    def __init__(self, store):
        self._go = threading.Event()
        entered = threading.Event()

        def hold(conn):
            entered.set()
            self._go.wait()

        self.future = store.submit(hold)
        entered.wait()

    def let_go(self):
        self._go.set()
        self.future.result()


@pytest.fixture
def transactions(monkeypatch):
    """How many commands each transaction of the ledger had."""
    sizes = []
    run_all = ledger_module._run_all

    def counted(commands, conn):
        sizes.append(len(commands))
        return run_all(commands, conn)

    monkeypatch.setattr(ledger_module, "_run_all", counted)
    return sizes


def test_a_write_returns_what_its_command_returns(store):
    assert store.write(lambda conn: conn.value("SELECT 41 + 1")) == 42


def test_what_waits_is_committed_as_one_transaction(store, transactions):
    held = Held(store)
    futures = [store.submit(put(f"{number:02}")) for number in range(20)]
    held.let_go()
    for future in futures:
        future.result()
    assert transactions == [1, 20]
    assert len(keys(store)) == 20


def test_a_batch_is_bounded(store, transactions, monkeypatch):
    monkeypatch.setattr(ledger_module, "MAX_BATCH", 3)
    held = Held(store)
    futures = [store.submit(put(str(number))) for number in range(7)]
    held.let_go()
    for future in futures:
        future.result()
    assert transactions == [1, 3, 3, 1]


def test_only_the_guilty_command_of_a_batch_sees_its_error(store):
    held = Held(store)
    before, guilty, after = store.submit(put("a")), store.submit(put("a")), store.submit(put("b"))
    held.let_go()
    before.result()
    after.result()
    with pytest.raises(Exception, match="(?i)unique"):
        guilty.result()
    assert keys(store) == ["a", "b"]


def test_a_failed_command_leaves_nothing_behind(store):
    def half(conn):
        put("half")(conn)
        raise RuntimeError("and no further")

    with pytest.raises(RuntimeError, match="and no further"):
        store.write(half)
    assert keys(store) == []


def test_commands_are_carried_out_in_order(store):
    seen = []
    futures = [store.submit(lambda conn, number=number: seen.append(number)) for number in range(100)]
    for future in futures:
        future.result()
    assert seen == list(range(100))


def test_success_is_told_after_the_commit(target):
    with Store.open(target) as store, Store.open(target) as other:
        future = store.submit(put("a"))
        told = []
        future.add_done_callback(lambda done: told.append(keys(other)))
        future.result()
    assert told == [["a"]]


def test_a_command_that_was_cancelled_while_it_waited_is_not_carried_out(store):
    held = Held(store)
    future = store.submit(put("a"))
    assert future.cancel()
    held.let_go()
    assert keys(store) == []


def test_a_command_that_writes_to_its_own_ledger_is_told_so(store):
    with pytest.raises(RuntimeError, match="use the connection"):
        store.write(lambda conn: store.write(put("a")))


def test_the_error_of_a_failing_commit_reaches_the_caller_and_nothing_was_written(store):
    failpoint.arm("ledger.before_commit=nth:1:raise")
    try:
        with pytest.raises(OSError, match=r"ledger\.before_commit"):
            store.write(put("a"))
        assert failpoint.fired("ledger.before_commit") == 1
    finally:
        failpoint.disarm()
    assert keys(store) == []
    store.write(put("a"))
    assert keys(store) == ["a"]


# --- Duties ----------------------------------------------------------------------------------------------------


def test_a_duty_is_done_again_and_again_until_it_is_cancelled(store):
    done = threading.Semaphore(0)
    cancel = store.every(0.001, lambda conn: done.release())
    for _ in range(3):
        assert done.acquire(timeout=60)
    cancel()
    store.write(lambda conn: None)
    while done.acquire(blocking=False):
        pass
    store.write(lambda conn: None)
    assert not done.acquire(blocking=False)


def test_a_duty_that_fails_is_logged_and_tried_again(store, caplog):
    done = threading.Semaphore(0)

    def fail(conn):
        done.release()
        raise RuntimeError("not today")

    with caplog.at_level(logging.ERROR, "headrace.store"):
        cancel = store.every(0.001, fail)
        for _ in range(2):
            assert done.acquire(timeout=60)
        cancel()
        store.write(lambda conn: None)
    assert "not today" in caplog.text


def test_what_a_duty_writes_is_committed(store):
    done = threading.Event()

    def note(conn):
        if not done.is_set():
            put("duty")(conn)
        done.set()

    cancel = store.every(0.001, note)
    assert done.wait(timeout=60)
    cancel()
    store.write(lambda conn: None)  # what a duty has done is committed after it, on the same thread
    assert keys(store) == ["duty"]


# --- The end ---------------------------------------------------------------------------------------------------


def test_close_commits_what_is_queued_and_may_be_called_again(target):
    store = Store.open(target)
    held = Held(store)
    futures = [store.submit(put(f"{number:02}")) for number in range(50)]
    held.let_go()
    store.close()
    store.close()
    assert all(future.done() for future in futures)
    with Store.open(target) as again:
        assert len(keys(again)) == 50


def test_a_closed_store_says_so(target):
    store = Store.open(target)
    store.close()
    with pytest.raises(StoreUnavailableError, match=f"{re.escape(target)} is closed"):
        store.submit(put("a"))


EXIT = """
import atexit, sys, threading
from headrace.store.store import Store

def put(key):
    return lambda conn: conn.execute("INSERT INTO meta VALUES (:key, 'x')", key=key)

store = Store.open(sys.argv[1])
if "late" in sys.argv:
    atexit.register(lambda: store.submit(put("late")))  # runs before the store's own
if "thread" in sys.argv:
    go = threading.Event()
    threading.Thread(target=lambda: (go.wait(), [store.submit(put(f"thread{n}")) for n in range(100)])).start()
    go.set()
for number in range(1000):
    store.submit(put(f"main{number}"))
if "raise" in sys.argv:
    raise SystemExit(3)
"""


@pytest.mark.parametrize(
    ("how", "expected"), [("plain", 1000), ("late", 1001), ("thread", 1100), ("raise", 1000)]
)
def test_nothing_that_was_queued_is_lost_when_the_interpreter_exits(target, python, how, expected):
    child = python(EXIT, target, how)
    child.communicate()
    assert child.returncode == (3 if how == "raise" else 0)
    with Store.open(target) as store:
        assert len(keys(store)) == expected


ONLY_AT_EXIT = """
import atexit, sys
from headrace.store.store import Store

store = Store.open(sys.argv[1])
atexit.register(lambda: store.write(lambda conn: conn.execute("INSERT INTO meta VALUES ('a', 'x')")))
"""


def test_a_store_that_is_first_written_to_while_the_interpreter_exits_writes(target, python):
    assert python(ONLY_AT_EXIT, target).wait() == 0
    with Store.open(target) as store:
        assert keys(store) == ["a"]


# --- A full disk under an SQLite file -----------------------------------------------------------------------------------------------


def test_a_full_disk_under_an_sqlite_file_fails_the_write_and_later_ones_succeed_when_there_is_room(
    tmp_path, monkeypatch
):
    pages = {"max": 1_000_000}
    connect = sqlite_module.SqliteDatabase._open

    def connect_to_a_small_disk(database):
        connection = connect(database)
        connection.execute(f"PRAGMA max_page_count={pages['max']}")
        return connection

    monkeypatch.setattr(sqlite_module.SqliteDatabase, "_open", connect_to_a_small_disk)
    with Store.open(tmp_path / "s.db") as store:
        store.write(put("before"))
        pages["max"] = store.read(lambda conn: conn.value("PRAGMA page_count")) + 5
        store.close()

    with Store.open(tmp_path / "s.db") as store:
        held = Held(store)
        small, big = store.submit(put("small")), store.submit(put("big", "x" * 100_000))
        held.let_go()
        small.result()
        with pytest.raises(StoreUnavailableError, match=r"s\.db.*no room"):
            big.result()
        assert keys(store) == ["before", "small"]
        pages["max"] = 1_000_000
        store.write(put("big", "x" * 100_000))
        assert keys(store) == ["before", "big", "small"]


FILE_SIZE_LIMIT = """
import resource, signal, sys
from headrace.exceptions import StoreUnavailableError
from headrace.store.store import Store

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def put(key, size):
    return lambda conn: conn.execute("INSERT INTO meta VALUES (:key, :value)", key=key, value="x" * size)

store = Store.open(sys.argv[1])
store.write(put("before", 1))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
try:
    store.write(put("big", 1_000_000))
except StoreUnavailableError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
store.write(put("after", 1))
"""


def test_a_write_to_an_sqlite_file_that_the_system_refuses_fails_and_later_ones_succeed(tmp_path, python):
    pytest.importorskip("resource", reason="limits of POSIX")
    child = python(FILE_SIZE_LIMIT, tmp_path / "s.db")
    output, _ = child.communicate()
    assert child.returncode == 0
    assert "s.db cannot be used" in output
    with Store.open(tmp_path / "s.db") as store:
        assert keys(store) == ["after", "before"]

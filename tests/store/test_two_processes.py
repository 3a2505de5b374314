"""Several processes on one database: nobody ever finds it locked, and nothing is lost."""

from __future__ import annotations

import logging
import sqlite3
import threading

from headrace.schema.events import Event
from headrace.store import sqlite as sqlite_module
from headrace.store.lists.task_runs import count_task_runs
from headrace.store.records import record
from headrace.store.store import Store
from headrace.testing.invariants import assert_history


def count_events(conn):
    return conn.value("SELECT count(*) FROM event")


WRITER = """
import sys
from headrace.core.ids import uuid7
from headrace.schema.base import now
from headrace.schema.runs import TaskRun
from headrace.schema.states import State, StateType
from headrace.schema.transitions import TaskTransition
from headrace.store.lists.task_runs import count_task_runs
from headrace.store.records import record
from headrace.store.store import Store

target, batches, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
store = Store.open(target)

def life():
    run, follows = TaskRun(task_key="t", dynamic_key="0"), None
    for kind in (StateType.PENDING, StateType.RUNNING, StateType.COMPLETED):
        state = State(type=kind)
        yield TaskTransition(run, state, follows, 1, None, None, 0.0)
        follows = state.id

for number in range(batches):
    batch = [step for _ in range(size) for step in life()]
    store.write(lambda conn: record(conn, batch))
    assert store.read(count_task_runs) >= (number + 1) * size
    print(number, flush=True)
store.close()
"""


def test_processes_that_make_and_write_one_fresh_store_at_once_all_succeed(target, python):
    count, batches, size = 3, 30, 20
    children = [python(WRITER, target, batches, size) for _ in range(count)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        child.communicate()
        assert child.returncode == 0
    with Store.open(target) as store:
        assert store.read(count_task_runs) == count * batches * size
        assert_history(store)


class Locked:
    """Another program that holds the write lock of a file."""

    def __init__(self, path):
        self._conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._conn.execute("BEGIN IMMEDIATE")

    def let_go(self):
        self._conn.execute("COMMIT")
        self._conn.close()


def test_a_write_waits_for_as_long_as_the_file_is_locked_and_warns_once(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(sqlite_module, "WARN_AFTER", 0.0)
    with Store.open(tmp_path / "s.db") as store, caplog.at_level(logging.WARNING, "headrace.store"):
        warned = threading.Event()
        caplog.handler.addFilter(lambda record: warned.set() or True)
        other = Locked(tmp_path / "s.db")
        future = store.submit(lambda conn: conn.value("SELECT 42"))
        assert warned.wait(timeout=60)
        assert not future.done()
        assert store.read(count_events) == 0
        other.let_go()
        assert future.result() == 42
    assert caplog.text.count("has been locked by another process") == 1


def test_opening_a_fresh_file_waits_for_as_long_as_it_is_locked(tmp_path):
    sqlite3.connect(tmp_path / "s.db").close()
    other = Locked(tmp_path / "s.db")
    opened = []
    opener = threading.Thread(target=lambda: opened.append(Store.open(tmp_path / "s.db")))
    opener.start()
    opener.join(timeout=0.2)
    assert opener.is_alive()
    other.let_go()
    opener.join()
    opened[0].close()


def emit(conn):
    record(conn, [Event(event="e", resource={"prefect.resource.id": "r"})])


def test_a_reader_sees_one_state_while_others_write(target):
    with Store.open(target) as store:

        def twice(conn):
            before = count_events(conn)
            store.write(emit)
            return before, count_events(conn)

        assert store.read(twice) == (0, 0)
        assert store.read(count_events) == 1


def test_many_threads_write_and_read_at_once(target):
    with Store.open(target) as store:
        failures = []

        def work():
            try:
                for _ in range(50):
                    store.write(emit)
                    store.read(count_events)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert store.read(count_events) == 400

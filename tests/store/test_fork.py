"""After a fork the store works on both sides, and each side writes its own."""

from __future__ import annotations

import os
import threading

import pytest

from headrace.store.store import Store

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="fork of POSIX"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def put(key):
    return lambda conn: conn.execute("INSERT INTO meta VALUES (:key, 'x')", key=key)


def keys(store):
    found = store.read(lambda conn: conn.rows("SELECT key FROM meta ORDER BY key"))
    return [key for (key,) in found if key != "headrace_version"]


def is_sound(store):
    """Whether SQLite finds its file in order."""
    is_file = not store.url.startswith("postgresql")
    return not is_file or store.read(lambda conn: conn.value("PRAGMA integrity_check")) == "ok"


def in_child(work):
    """Run `work` in a forked child; its exit code says whether it went through."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_parent_and_child_write_to_one_store(target):
    with Store.open(target) as store:
        store.write(put("before"))
        keys(store)

        def work():
            assert keys(store) == ["before"]
            store.write(put("child"))
            store.close()

        assert in_child(work) == 0
        store.write(put("parent"))
        assert keys(store) == ["before", "child", "parent"]


def test_a_child_that_goes_without_closing_leaves_the_store_sound(target):
    with Store.open(target) as store:
        for number in range(5):
            store.write(put(f"parent{number}"))
            assert in_child(lambda number=number: store.write(put(f"child{number}"))) == 0
        assert len(keys(store)) == 10
        assert is_sound(store)


def test_a_child_holds_locks_of_its_own_on_an_sqlite_file(tmp_path):
    """Without them the parent could delete the journal under it; see `store.store`."""
    with Store.open(tmp_path / "s.db") as store:
        store.write(put("before"))

        def work():
            store.read(lambda conn: None)
            keys(store)
            with open("/proc/locks") as locks:
                assert any(f" {os.getpid()} " in line for line in locks)

        if os.path.exists("/proc/locks"):
            assert in_child(work) == 0


def test_what_was_queued_before_a_fork_is_written_once_by_the_parent(target):
    with Store.open(target) as store:
        futures = [store.submit(put(f"{number:03}")) for number in range(200)]
        assert in_child(store.close) == 0
        for future in futures:
            future.result()
        assert len(keys(store)) == 200


def test_a_fork_waits_for_what_other_threads_write_and_read(target):
    with Store.open(target) as store:
        stop, failures = threading.Event(), []

        def work(number):
            try:
                for step in range(10_000):
                    if stop.is_set():
                        break
                    store.write(put(f"{number}-{step}"))
                    keys(store)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        codes = [in_child(lambda number=number: store.write(put(f"child{number}"))) for number in range(10)]
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert codes == [0] * 10
        assert is_sound(store)


def test_a_store_in_memory_is_copied_by_a_fork():
    with Store.open("sqlite://") as store:
        store.write(put("before"))

        def work():
            store.write(put("child"))
            assert keys(store) == ["before", "child"]

        assert in_child(work) == 0
        assert keys(store) == ["before"]

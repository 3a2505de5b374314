"""Commits that fail once, or for good: an error that says so, or everything recorded, each record once (G1, G8)."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections import Counter

import pytest

from headrace import flow, get_run_logger, task
from headrace.core import failpoint
from headrace.exceptions import HeadraceException


@task
def step(number: int) -> int:
    get_run_logger().info("step %s", number)
    return number


@flow
def working() -> list[int]:
    numbers = [step(number) for number in range(3)]
    return numbers + step.map(range(3, 6)).result()


@pytest.mark.parametrize("point", ["ledger.before_commit", "ledger.after_commit"])
def test_g1_a_commit_that_fails_once_is_an_error_or_everything_is_recorded(recorded, point):
    working()  # the store exists
    for nth in itertools.count(1):
        before = recorded.rows()
        failpoint.arm(f"{point}=nth:{nth}:raise")
        problem = None
        try:
            working()
        except (HeadraceException, OSError) as error:
            problem = error
        fired = failpoint.fired(point)
        failpoint.disarm()
        working()  # the store still works
        if problem is None:
            after = recorded.rows()
            grown = {table: after[table] - before[table] for table in after}
            assert grown == {"flow_run": 2, "task_run": 12, "event": 2 * (3 + 3 * 6), "log": 2 * (2 + 2 * 6)}
        else:
            assert point in f"{problem} {problem.__cause__}", "the error does not say what failed"
        if not fired:
            break

    assert nth > 3, "the point has hardly fired"
    assert problem is None


def test_g1_a_store_that_keeps_failing_is_an_error_and_not_a_success(recorded):
    started, go_on = threading.Event(), threading.Event()

    @flow
    def unlucky() -> None:
        started.set()
        go_on.wait()
        step(1)

    raised: list[BaseException] = []

    def run() -> None:
        try:
            unlucky()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    started.wait()
    failpoint.arm("ledger.before_commit=raise")
    go_on.set()
    thread.join()
    failpoint.disarm()

    (error,) = raised
    assert isinstance(error, (HeadraceException, OSError))
    assert recorded.flow_run().state_name != "Completed"


def test_g8_records_that_were_sent_again_are_stored_once_and_in_order(recorded):
    working()
    for nth in range(1, 12):
        failpoint.arm(f"ledger.after_commit=nth:{nth}:raise")
        try:
            working()
        except (HeadraceException, OSError):
            pass
        failpoint.disarm()
    working()

    connection = sqlite3.connect(recorded.path)
    doubled = connection.execute("SELECT id FROM event GROUP BY id HAVING count(*) > 1").fetchall()
    doubled += connection.execute("SELECT id FROM log GROUP BY id HAVING count(*) > 1").fetchall()
    connection.close()
    assert doubled == []
    for run in recorded.task_runs():
        whole = ["Pending", "Running", "Completed"]
        assert recorded.history(run) == whole
        said = [line.message for line in recorded.logs() if line.task_run_id == run.id]
        assert Counter(said).most_common(1)[0][1] == 1
        assert said[-1] == "Finished in state Completed()"

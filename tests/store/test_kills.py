"""A process is killed at any instant: the store opens clean, and what the process was told is committed is there."""

from __future__ import annotations

import random
import signal
import threading

import pytest

from headrace.schema.filters.task_runs import TaskRunFilter, TaskRunFilterName
from headrace.schema.requests.scope import RunScope
from headrace.store.lists.task_runs import count_task_runs
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals of POSIX")

WRITER = """
import os, sys
from headrace.schema.logs import Log
from headrace.schema.base import now
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State, StateType
from headrace.schema.transitions import TaskTransition
from headrace.store import flow_runs, flows
from headrace.store.records import record
from headrace.store.store import Store

def life(flow_run_id, name):
    run, follows = TaskRun(task_key="t", dynamic_key="0", name=name, flow_run_id=flow_run_id), None
    for kind in (StateType.PENDING, StateType.RUNNING, StateType.COMPLETED):
        state = State(type=kind)
        yield TaskTransition(run, state, follows, 1, None, None, 0.0)
        yield Log(name="n", level=20, message=name, timestamp=now(), flow_run_id=flow_run_id)
        follows = state.id

def start(conn):
    flow = flows.read_or_create_flow(conn, "f", now=now())
    run = FlowRun(flow_id=flow.id, state=State(type=StateType.RUNNING))
    return flow_runs.create_flow_run(conn, run, now=now())

store = Store.open(sys.argv[1])
number = 0
while True:
    run = store.write(start)
    names = [f"{os.getpid()}-{number}-{n}" for n in range(50)]
    steps = [step for name in names for step in life(run.id, name)]
    for at in range(0, len(steps), 120):
        store.write(lambda conn: record(conn, steps[at:at + 120]))
    store.write(lambda conn: flow_runs.set_flow_run_state(conn, run.id, State(type=StateType.COMPLETED), now=now()))
    print(number, flush=True)
    number += 1
"""


def acknowledged(child):
    lines = child.stdout.read().split("\n")
    return [int(line) for line in lines[:-1]]  # the last may be cut off


def check(target, pid, acknowledged_numbers):
    with Store.open(target) as store:
        assert_history(store)
        for number in acknowledged_numbers:
            names = TaskRunFilterName(any_=[f"{pid}-{number}-{n}" for n in range(50)])
            scope = RunScope(task_runs=TaskRunFilter(name=names))
            assert store.read(lambda conn, scope=scope: count_task_runs(conn, scope)) == 50
        if not target.startswith("postgresql"):
            assert store.read(lambda conn: conn.value("PRAGMA integrity_check")) == "ok"


@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_was_acknowledged_is_lost_when_the_process_is_killed_at_any_instant(
    target, python, seed
):
    instants = random.Random(seed)
    for _ in range(2):
        child = python(WRITER, target)
        first = child.stdout.readline()
        threading.Event().wait(
            instants.random() * 0.2
        )  # any instant will do: this is not waiting for anything
        child.send_signal(signal.SIGKILL)
        numbers = [int(first), *acknowledged(child)]
        child.wait()
        check(target, child.pid, numbers)


@pytest.mark.parametrize("nth", [1, 2, 3, 5])
@pytest.mark.parametrize("point", ["ledger.before_commit", "ledger.after_commit"])
def test_nothing_that_was_acknowledged_is_lost_when_the_process_is_killed_at_a_failpoint(
    target, tmp_path, python, point, nth
):
    fired = tmp_path / "fired"
    env = {"HEADRACE_FAILPOINTS": f"{point}=nth:{nth}:kill", "HEADRACE_FAILPOINTS_FIRED": str(fired)}
    child = python(WRITER, target, env=env)
    numbers = acknowledged(child)
    assert child.wait() == -signal.SIGKILL
    assert fired.read_text() == point + "\n"
    check(target, child.pid, numbers)

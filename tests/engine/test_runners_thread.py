"""The thread runner: as many threads as there is work, or as asked; nobody waits in one for what others make."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from headrace import flow, task
from headrace.client.local import get_store
from headrace.context import FlowRunContext
from headrace.engine.recorder import MAX_AGE
from headrace.engine.runners.growth import PROMPT
from headrace.futures import as_completed, wait
from headrace.task_runners import ConcurrentTaskRunner, ThreadPoolTaskRunner


class Meter:
    """Counts how many are inside at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)

    def __exit__(self, *_: Any) -> None:
        with self._lock:
            self._inside -= 1


# --- Concurrency -----------------------------------------------------------------------------------------------


def test_five_hundred_waiting_tasks_run_at_once_by_default(recorded) -> None:
    barrier = threading.Barrier(500)

    @task
    def meet(n: int) -> int:
        barrier.wait(100)
        return n

    @flow
    def crowd() -> int:
        return sum(meet.map(range(500)).result())

    assert crowd() == sum(range(500))
    assert {run.state_name for run in recorded.task_runs()} == {"Completed"}


def test_tasks_that_occupy_the_interpreter_until_another_one_runs_do_not_keep_it_waiting() -> None:
    begun = threading.Event()

    @task
    def spin(n: int) -> int:
        while not begun.is_set():
            pass
        return n

    @task
    def begin() -> None:
        begun.set()

    @flow
    def crowd() -> list[int]:
        spinning = spin.map(range(2 * PROMPT))
        begin.submit()
        return spinning.result()

    assert crowd() == list(range(2 * PROMPT))


def test_short_tasks_share_threads() -> None:
    threads = set()

    @task
    def note_thread(_: int) -> None:
        threads.add(threading.get_ident())

    @flow
    def crowd() -> None:
        note_thread.map(range(1000)).wait()

    crowd()
    assert len(threads) < 500


def test_tasks_that_the_store_holds_back_do_not_get_a_thread_each() -> None:
    threads, begun, free = [], threading.Event(), threading.Event()
    before = set(threading.enumerate())

    @task
    def begin() -> None:
        begun.wait(60)

    @task
    def step(_: int) -> None: ...

    def count_and_go_on() -> None:
        threads.append(len({*threading.enumerate()} - before))
        free.set()

    @flow
    def crowd() -> None:
        steps = step.map(range(1000), wait_for=[begin.submit()])
        get_store().write(lambda _: None)  # so far all is written: the next record is the first that waits
        get_store().submit(lambda _: free.wait(60))
        step(0)
        time.sleep(2 * MAX_AGE)
        threading.Timer(1, count_and_go_on).start()
        begun.set()
        steps.wait()

    crowd()
    assert threads[0] < 100


def test_tasks_that_can_get_no_thread_wait_for_one(monkeypatch) -> None:
    start, attempts = threading.Thread.start, []

    def refuse_every_other(thread: threading.Thread) -> None:
        attempts.append(thread.name)
        if thread.name == "headrace-worker" and len(attempts) % 2:
            raise RuntimeError("can't start new thread")
        start(thread)

    barrier = threading.Barrier(20)

    @task
    def meet(n: int) -> int:
        barrier.wait(60)
        return n

    @flow
    def crowd() -> list[int]:
        monkeypatch.setattr(threading.Thread, "start", refuse_every_other)
        return meet.map(range(20)).result()

    assert crowd() == list(range(20))
    assert len(attempts) > 20


def test_no_more_tasks_run_at_once_than_asked_for_and_no_fewer() -> None:
    meter, barrier = Meter(), threading.Barrier(3)

    @task
    def meet(n: int) -> int:
        with meter:
            barrier.wait(60)
            return n

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=3))
    def crowd() -> list[int]:
        return meet.map(range(12)).result()

    assert crowd() == list(range(12))
    assert meter.most == 3


def test_the_limit_holds_for_async_tasks_too() -> None:
    meter = Meter()

    @task
    async def pass_through(n: int) -> int:
        with meter:
            for _ in range(5):
                await asyncio.sleep(0)
            return n

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def crowd() -> list[int]:
        return pass_through.map(range(12)).result()

    assert crowd() == list(range(12))
    assert 1 <= meter.most <= 2


def test_one_worker_runs_tasks_in_the_order_in_which_they_were_submitted() -> None:
    order: list[int] = []
    note = task(order.append)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def ordered() -> None:
        for n in range(20):
            note.submit(n)

    ordered()
    assert order == list(range(20))


def test_submitted_tasks_run_outside_the_flows_thread_and_called_ones_in_it() -> None:
    where = task(threading.current_thread)

    @flow
    def looking() -> None:
        assert where() is threading.current_thread()
        assert where.submit().result() is not threading.current_thread()

    looking()


def test_submitted_async_tasks_share_one_loop() -> None:
    barrier = asyncio.Barrier(20)

    @task
    async def meet(n: int) -> int:
        await barrier.wait()
        return id(asyncio.get_running_loop())

    @flow
    def crowd() -> int:
        return len(set(meet.map(range(20)).result()))

    assert crowd() == 1


def test_submitted_async_tasks_run_while_an_async_flow_waits_for_them() -> None:
    @task
    async def step(n: int) -> int:
        await asyncio.sleep(0)
        return n + 1

    @flow
    async def waiting() -> int:
        return step.submit(step.submit(step.submit(0))).result()

    assert asyncio.run(waiting()) == 3


# --- Dependencies ----------------------------------------------------------------------------------------------


def test_a_task_starts_after_all_that_it_depends_on() -> None:
    order: list[str] = []

    @task
    def step(name: str, *upstream: Any) -> str:
        order.append(name)
        return name

    @flow
    def diamond() -> str:
        top = step.submit("top")
        left, right = step.submit("left", top), step.submit("right", wait_for=[top])
        return step.submit("bottom", {"l": left, "r": [right]}).result()

    assert diamond() == "bottom"
    assert order[0] == "top"
    assert set(order[1:3]) == {"left", "right"}
    assert order[3] == "bottom"


def test_tasks_that_wait_for_inputs_occupy_no_thread() -> None:
    """Ten tasks wait for the one that is blocked; the second thread is free for the task that unblocks it."""
    gate = threading.Event()

    @task
    def blocked() -> int:
        assert gate.wait(60)
        return 1

    @task
    def add(a: int) -> int:
        return a + 1

    @task
    def unblock() -> None:
        gate.set()

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def waiting() -> list[int]:
        source = blocked.submit()
        waiting = [add.submit(source) for _ in range(10)]
        unblock.submit()
        return [future.result() for future in waiting]

    assert waiting() == [2] * 10


def test_a_chain_of_a_thousand_tasks_runs_on_one_thread(recorded) -> None:
    @task
    def add(a: int) -> int:
        return a + 1

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def chain() -> int:
        future = add.submit(0)
        for _ in range(999):
            future = add.submit(future)
        return future.result()

    assert chain() == 1000
    assert len(recorded.task_runs()) == 1000


def test_a_long_chain_of_tasks_that_are_held_back_does_not_exhaust_the_stack() -> None:
    """The end of each run settles the next at once, three thousand times."""
    gate = threading.Event()

    @task
    def first() -> int:
        assert gate.wait(60)
        return 0

    @task
    def never(a: Any) -> int:
        raise AssertionError("its upstream failed")

    @task
    def failing(a: int) -> int:
        raise ValueError("no good")

    @flow
    def chain() -> str:
        future = failing.submit(first.submit())
        for _ in range(3000):
            future = never.submit(future)
        gate.set()
        future.wait()
        return future.state.name

    assert chain() == "NotReady"


# --- Tasks that wait for tasks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_a_task_that_waits_for_a_task_that_it_submitted_does_not_deadlock(workers: int, recorded) -> None:
    @task
    def descend(depth: int) -> int:
        return 0 if depth == 0 else 1 + descend.submit(depth - 1).result()

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=workers))
    def nesting() -> int:
        return descend.submit(20).result()

    assert nesting() == 20
    assert {run.state_name for run in recorded.task_runs()} == {"Completed"}


@pytest.mark.parametrize(
    "waiting",
    [
        lambda futures: wait(futures),
        lambda futures: list(as_completed(futures)),
        lambda futures: futures.wait(),
        lambda futures: [future.wait() for future in futures],
        lambda futures: futures.result(),
    ],
    ids=["wait", "as_completed", "list.wait", "future.wait", "list.result"],
)
def test_no_way_to_wait_in_a_task_deadlocks_one_worker(waiting: Any) -> None:
    @task
    def inner(n: int) -> int:
        return n

    @task
    def outer() -> int:
        futures = inner.map([1, 2, 3])
        waiting(futures)
        return sum(futures.result())

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def nesting() -> int:
        return outer.submit().result()

    assert nesting() == 6


def test_a_task_that_passes_an_unfinished_future_to_a_call_does_not_deadlock_one_worker() -> None:
    @task
    def inner(n: int) -> int:
        return n + 1

    @task
    def outer() -> int:
        return inner(inner.submit(1))

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def nesting() -> int:
        return outer.submit().result()

    assert nesting() == 3


def test_a_task_that_returns_an_unfinished_future_does_not_deadlock_one_worker() -> None:
    @task
    def inner(n: int) -> int:
        return n + 1

    @task
    def outer() -> Any:
        return [inner.submit(1), inner.submit(2)]

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def nesting() -> int:
        return outer.submit().result()

    assert nesting() == [2, 3]


# --- The end of the flow ---------------------------------------------------------------------------------------


def test_tasks_that_were_submitted_end_before_a_flow_that_fails_does(recorded) -> None:
    started = threading.Barrier(6)

    @task
    def step() -> None:
        started.wait(60)

    @flow
    def failing() -> None:
        for _ in range(5):
            step.submit()
        started.wait(60)
        raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        failing()
    ended = recorded.flow_run().end_time
    assert all(run.state.is_final() and run.end_time <= ended for run in recorded.task_runs())


def test_the_order_of_results_does_not_depend_on_the_order_of_completion() -> None:
    events = [threading.Event() for _ in range(4)]
    events[-1].set()

    @task
    def step(n: int) -> int:
        assert events[n].wait(60)
        if n:
            events[n - 1].set()
        return n

    @flow
    def backwards() -> list[int]:
        return step.map(range(4)).result()

    assert backwards() == [0, 1, 2, 3]


def test_a_flow_can_run_again_with_the_same_runner() -> None:
    @task
    def step(n: int) -> int:
        return n

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def again(n: int) -> int:
        return step.submit(n).result()

    assert [again(n) for n in range(3)] == [0, 1, 2]


def test_threads_end_with_their_flow() -> None:
    before = set(threading.enumerate())
    seen: set[threading.Thread] = set()

    @task
    def note(n: int) -> None:
        seen.add(threading.current_thread())

    @flow
    def crowd() -> None:
        note.map(range(10)).wait()

    crowd()
    assert not [thread for thread in seen - before if thread.is_alive() and not thread.daemon]


# --- The runner itself -----------------------------------------------------------------------------------------


def test_a_runner_can_be_used_without_a_flow() -> None:
    @task
    def add(a: int, b: int = 1) -> int:
        return a + b

    with ThreadPoolTaskRunner() as runner:
        assert runner.submit(add, {"a": 1}).result() == 2
        assert runner.map(add, {"a": [1, 2], "b": 5}).result() == [6, 7]


def test_a_runner_that_was_not_started_refuses_work() -> None:
    with pytest.raises(RuntimeError, match="started"):
        ThreadPoolTaskRunner().submit(task(lambda: 1), {})


def test_a_flow_knows_its_runner() -> None:
    @flow(task_runner=ThreadPoolTaskRunner(max_workers=3))
    def looking() -> bool:
        return FlowRunContext.get().task_runner == ThreadPoolTaskRunner(max_workers=3)

    assert looking()


def test_runners_of_the_same_kind_and_size_are_equal() -> None:
    assert ThreadPoolTaskRunner(max_workers=3) == ThreadPoolTaskRunner(3)
    assert ThreadPoolTaskRunner(3) != ThreadPoolTaskRunner(4)
    assert ThreadPoolTaskRunner(3).duplicate() == ThreadPoolTaskRunner(3)
    assert ThreadPoolTaskRunner().name == "threadpool"
    assert ConcurrentTaskRunner is ThreadPoolTaskRunner


@pytest.mark.parametrize("workers", [0, -1, "three", 1.5])
def test_an_impossible_number_of_workers_is_refused(workers: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="max_workers"):
        ThreadPoolTaskRunner(max_workers=workers)

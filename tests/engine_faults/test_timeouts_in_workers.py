"""Timeouts of tasks in worker threads and on event loops: TimedOut at the deadline, whatever the code is doing then.

The code under test would run for an hour, or for ever, if it were not stopped: where a timeout fails to take effect,
the test does not fail an assertion about time, it does not end.
"""

from __future__ import annotations

import asyncio
import threading
import time

from headrace import flow, task
from headrace.futures import wait
from headrace.task_runners import ThreadPoolTaskRunner

HOUR = 3600
SOON = 0.1
"""The timeout of most tasks here, in seconds."""


TASK_TIMED_OUT = ("FAILED", "TimedOut", f"Task run exceeded timeout of {SOON} second(s)")
FLOW_TIMED_OUT = ("FAILED", "TimedOut", f"Flow run exceeded timeout of {SOON} second(s)")


# --- Tasks in worker threads -----------------------------------------------------------------------------------


def test_a_python_loop_in_a_worker_thread_is_interrupted(recorded):
    stopped = threading.Event()

    @task(timeout_seconds=SOON)
    def busy() -> None:
        try:
            while True:
                sum(range(100))
        finally:
            stopped.set()

    @flow
    def submitting() -> str:
        future = busy.submit()
        future.wait()
        return future.state.name

    assert submitting() == "TimedOut"
    stopped.wait()
    assert recorded.ending(recorded.task_run()) == TASK_TIMED_OUT


def test_a_call_blocked_in_c_is_abandoned_and_its_thread_replaced(recorded, release):
    @task(timeout_seconds=SOON)
    def blocked() -> None:
        release.wait()

    @task
    def after() -> str:
        return "ran"

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def submitting() -> tuple[str, str]:
        stuck, following = blocked.submit(), after.submit()
        result = following.result()
        stuck.wait()
        assert not release.is_set()
        return stuck.state.name, result

    assert submitting() == ("TimedOut", "ran")


def test_what_an_abandoned_call_does_later_changes_nothing(recorded, release):
    returned = threading.Event()

    @task(timeout_seconds=SOON)
    def blocked() -> str:
        try:
            release.wait()
            return "too late"
        finally:
            returned.set()

    @flow
    def submitting() -> str:
        future = blocked.submit()
        future.wait()
        release.set()
        returned.wait()
        return future.state.name

    assert submitting() == "TimedOut"
    assert recorded.history(recorded.task_run()) == ["Pending", "Running", "TimedOut"]


def test_a_worker_that_swallows_every_interruption_is_abandoned(recorded, release):
    @task(timeout_seconds=SOON)
    def deaf() -> None:
        while not release.is_set():
            try:
                while not release.is_set():
                    sum(range(100))
            except BaseException:
                pass

    @flow
    def submitting() -> str:
        future = deaf.submit()
        future.wait()
        assert not release.is_set()
        return future.state.name

    assert submitting() == "TimedOut"


def test_of_mapped_tasks_only_the_slow_ones_time_out(recorded, release):
    @task(timeout_seconds=SOON)
    def sometimes_slow(number: int) -> int:
        if number % 2:
            release.wait()
        return number

    @flow
    def mapping() -> list[str]:
        futures = sometimes_slow.map(range(6))
        wait(futures)
        return [future.state.name for future in futures]

    assert mapping() == ["Completed", "TimedOut"] * 3


def test_a_flow_in_a_thread_of_the_user_times_out_too(recorded, release):
    @flow(timeout_seconds=SOON)
    def blocked() -> None:
        release.wait()

    raised = []

    def run() -> None:
        try:
            blocked()
        except TimeoutError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()

    assert len(raised) == 1
    assert recorded.ending(recorded.flow_run()) == FLOW_TIMED_OUT


# --- Async -----------------------------------------------------------------------------------------------------


def test_an_async_task_is_cancelled_at_its_deadline(recorded):
    cancelled = []

    @task(timeout_seconds=SOON)
    async def sleepy() -> None:
        try:
            await asyncio.sleep(HOUR)
        finally:
            cancelled.append(True)

    @flow
    async def calling() -> str:
        return (await sleepy(return_state=True)).name

    assert asyncio.run(calling()) == "TimedOut"
    assert cancelled == [True]
    assert recorded.ending(recorded.task_run()) == TASK_TIMED_OUT


def test_async_tasks_time_out_side_by_side(recorded):
    @task(timeout_seconds=SOON)
    async def sleepy(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    @flow
    async def gathering() -> list[str]:
        states = await asyncio.gather(*(sleepy(seconds, return_state=True) for seconds in (0, HOUR, 0, HOUR)))
        return [state.name for state in states]

    assert asyncio.run(gathering()) == ["Completed", "TimedOut", "Completed", "TimedOut"]


def test_an_async_task_that_swallows_its_cancellation_still_timed_out(recorded):
    @task(timeout_seconds=SOON)
    async def deaf() -> str:
        try:
            await asyncio.sleep(HOUR)
        except BaseException:
            pass
        return "done"

    @flow
    async def calling() -> str:
        return (await deaf(return_state=True)).name

    assert asyncio.run(calling()) == "TimedOut"


def test_a_sync_task_of_an_async_flow_is_interrupted(recorded):
    @task(timeout_seconds=SOON)
    def sleepy() -> None:
        time.sleep(HOUR)

    @flow
    async def calling() -> str:
        return sleepy(return_state=True).name

    assert asyncio.run(calling()) == "TimedOut"


def test_a_submitted_async_task_times_out(recorded):
    @task(timeout_seconds=SOON)
    async def sleepy() -> None:
        await asyncio.sleep(HOUR)

    @flow
    def submitting() -> str:
        future = sleepy.submit()
        future.wait()
        return future.state.name

    assert submitting() == "TimedOut"

"""Where a timeout or an interrupt may appear at once: in users' code, and where the engine waits; and elsewhere when."""

import signal
import sys
import threading
import time
from types import FrameType

import pytest

from headrace import flow, task
from headrace.engine import termination
from headrace.engine.interrupts import PATIENCE, may_interrupt
from headrace.futures import FutureList, as_completed


def here() -> bool:
    return may_interrupt(sys._getframe())


def waits_interruptibly(thread: threading.Thread) -> bool:
    """Whether `thread` comes to wait at a place where it may be interrupted."""
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        frame = sys._current_frames().get(thread.ident)
        if frame is not None and frame.f_globals["__name__"] != __name__ and may_interrupt(frame):
            return True
        time.sleep(0.001)
    return False


def test_outside_of_runs() -> None:
    assert here()


@pytest.mark.parametrize("timeout", [None, 30])
def test_in_flows_and_tasks(timeout: float | None) -> None:
    inner = task(here, timeout_seconds=timeout)

    @flow(timeout_seconds=timeout)
    def outer():
        return [here(), inner(), inner.submit().result()]

    assert outer() == [True, True, True]


async def test_in_synchronous_tasks_of_an_async_flow() -> None:
    inner = task(here)

    @flow
    async def outer():
        return [inner(), inner.submit().result()]

    assert await outer() == [True, True]


@pytest.mark.parametrize("timeout", [None, 30])
def test_in_generators(timeout: float | None) -> None:
    @task(timeout_seconds=timeout)
    def numbers():
        yield here()
        yield here()

    @flow(timeout_seconds=timeout)
    def outer():
        return [*numbers(), *numbers.submit().result()]

    assert outer() == [True] * 4


def test_in_hooks_and_conditions() -> None:
    seen = {}

    def completed(task, run, state):
        seen["hook"] = here()

    def condition(task, run, state):
        seen["condition"] = here()
        return False

    @task(retries=1, retry_condition_fn=condition)
    def fails():
        raise ValueError

    @task(on_completion=[completed])
    def succeeds():
        return 1

    @flow
    def outer():
        succeeds()
        fails(return_state=True)
        return 1

    assert outer() == 1
    assert seen == {"hook": True, "condition": True}


@pytest.mark.parametrize("way", ["result", "wait", "list", "as_completed", "the flow's end", "a retry"])
def test_where_a_flow_waits(way: str) -> None:
    release = threading.Event()

    @task(retries=1, retry_delay_seconds=0.5)
    def fails():
        if not release.is_set():
            raise ValueError

    @task
    def waits():
        release.wait(30)

    @flow
    def outer():
        if way == "a retry":
            fails()
            return
        future = waits.submit()
        if way == "result":
            future.result()
        elif way == "wait":
            future.wait()
        elif way == "list":
            FutureList([future]).wait()
        elif way == "as_completed":
            list(as_completed([future]))
        return

    thread = threading.Thread(target=outer)
    thread.start()
    try:
        assert waits_interruptibly(thread)
    finally:
        release.set()
        thread.join()


def test_where_synchronous_code_waits_for_an_async_task() -> None:
    release = threading.Event()

    @task
    async def waits():
        import asyncio

        await asyncio.to_thread(release.wait, 30)

    @flow
    def outer():
        return waits()

    thread = threading.Thread(target=outer)
    thread.start()
    try:
        assert waits_interruptibly(thread)
    finally:
        release.set()
        thread.join()


# --- Signals -----------------------------------------------------------------------------------------------------


@pytest.fixture
def in_the_engine() -> FrameType:
    """A frame in which the engine is in the middle of something."""
    module = {"__name__": "headrace.engine.pretended", "sys": sys}
    exec("def here(): return sys._getframe()", module)
    return module["here"]()


def test_a_signal_is_held_back_in_the_engine_for_as_long_as_each_flow_has_patience(
    in_the_engine, monkeypatch
) -> None:
    sent_again = []
    monkeypatch.setattr(
        termination._thread, "start_new_thread", lambda _send, args: sent_again.append(args[0])
    )
    try:
        for _ in range(2):
            with termination.Termination():
                for _ in range(PATIENCE - 1):
                    signal.getsignal(signal.SIGINT)(signal.SIGINT, in_the_engine)
    except KeyboardInterrupt:  # which would end pytest
        pytest.fail("The second flow has less patience than the first.")
    assert sent_again == [signal.SIGINT] * 2 * (PATIENCE - 1)

    with termination.Termination(), pytest.raises(KeyboardInterrupt):
        for _ in range(PATIENCE + 1):
            signal.getsignal(signal.SIGINT)(signal.SIGINT, in_the_engine)
    assert len(sent_again) == 2 * (PATIENCE - 1) + PATIENCE


def test_a_signal_is_raised_at_once_where_there_is_no_thread_to_send_it_again(
    in_the_engine, monkeypatch
) -> None:
    def none_to_spare(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(termination._thread, "start_new_thread", none_to_spare)
    with termination.Termination(), pytest.raises(KeyboardInterrupt):
        signal.getsignal(signal.SIGINT)(signal.SIGINT, in_the_engine)

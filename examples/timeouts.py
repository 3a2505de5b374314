"""Timeouts: work that takes too long is stopped at its deadline, wherever it hangs.

Shows a task interrupted inside `time.sleep`, one in a worker thread, a coroutine, and a whole flow; each ends
in the state TimedOut, and the calling flow decides what that means.

    python examples/timeouts.py
"""

from __future__ import annotations

import asyncio
import time

from headrace import State, flow, task

DEADLINE_SECONDS = 0.3
TOO_LONG_SECONDS = 2


@task(timeout_seconds=DEADLINE_SECONDS)
def hang() -> str:
    """Sleep past the deadline in one call."""
    time.sleep(TOO_LONG_SECONDS)
    return "never returned"


@task(timeout_seconds=DEADLINE_SECONDS)
def hang_in_steps() -> str:
    """Pass the deadline in many short steps, in a worker thread."""
    for _ in range(int(TOO_LONG_SECONDS / 0.01)):
        time.sleep(0.01)
    return "never returned"


@task(timeout_seconds=DEADLINE_SECONDS)
async def hang_waiting() -> str:
    """Pass the deadline in a coroutine."""
    await asyncio.sleep(TOO_LONG_SECONDS)
    return "never returned"


@task(timeout_seconds=60)
def hurry() -> str:
    """Finish in time."""
    return "in time"


@flow(timeout_seconds=DEADLINE_SECONDS)
def slow_report() -> str:
    """A flow with a deadline of its own."""
    time.sleep(TOO_LONG_SECONDS)
    return "never returned"


@flow
async def slow_service() -> str:
    """Call the coroutine and say how it ended."""
    state = await hang_waiting(return_state=True)
    return str(state.name)


def show(what: str, state: State) -> None:
    """Print how a run ended."""
    print(f"{what}: {state.name}")


@flow(name="timeouts", log_prints=True)
def timeouts() -> str:
    """Run each kind; go on with what finished in time."""
    show("called", hang(return_state=True))
    future = hang_in_steps.submit()
    future.wait()
    show("submitted", future.state)
    show("subflow", slow_report(return_state=True))
    try:
        hang()
    except TimeoutError as error:
        print(f"caught: {error}")
    return hurry()


if __name__ == "__main__":
    print(f"The flow returned {timeouts()!r}")
    print(f"coroutine: {asyncio.run(slow_service())}")

"""Numbers, side by side: tasks submitted, mapped and gathered.

Shows `.submit` with futures passed on as arguments, `.map` over a list with one argument held fixed, a flow that
returns a future, and the same work written with `async`.

    python examples/numbers_concurrent.py
"""

from __future__ import annotations

import asyncio
import time

from headrace import flow, task, unmapped
from headrace.futures import as_completed, wait
from headrace.task_runners import ThreadPoolTaskRunner

SLOW_SECONDS = 0.2


@task
def slow_square(number: int, seconds: float = SLOW_SECONDS) -> int:
    """The square of one number, after waiting as a slow service would make us wait."""
    time.sleep(seconds)
    return number * number


@task
def add(numbers: list[int]) -> int:
    """The sum of the numbers."""
    return sum(numbers)


@task
async def slow_cube(number: int, seconds: float = SLOW_SECONDS) -> int:
    """The cube of one number, without keeping a thread while it waits."""
    await asyncio.sleep(seconds)
    return number**3


@flow(name="numbers, submitted", task_runner=ThreadPoolTaskRunner(max_workers=10), log_prints=True)
def submitted(numbers: list[int]) -> int:
    """Square the numbers at the same time; the sum starts when the last square is there."""
    squares = [slow_square.submit(number) for number in numbers]
    total = add.submit(squares)
    done = wait(squares, timeout=60)
    print(f"{len(done.done)} squares are there, {len(done.not_done)} are not")
    return total


@flow(name="numbers, mapped", task_runner=ThreadPoolTaskRunner(max_workers=10), log_prints=True)
def mapped(numbers: list[int]) -> list[int]:
    """Map a task over the numbers, look at each square as it comes, return them in the order of the numbers."""
    squares = slow_square.map(numbers, seconds=unmapped(SLOW_SECONDS))
    for future in as_completed(squares):
        print(f"Saw {future.result()}")
    return squares.result()


@flow(name="numbers, gathered")
async def gathered(numbers: list[int]) -> list[int]:
    """The same with coroutines."""
    return await asyncio.gather(*[slow_cube(number) for number in numbers])


if __name__ == "__main__":
    ten = list(range(1, 11))
    began = time.monotonic()
    print(f"submitted: the squares add up to {submitted(ten)}")
    print(f"mapped: {mapped(ten)}")
    print(f"gathered: {asyncio.run(gathered(ten))}")
    waited = 3 * len(ten) * SLOW_SECONDS
    print(f"{waited:.0f} s of waiting took {time.monotonic() - began:.1f} s")

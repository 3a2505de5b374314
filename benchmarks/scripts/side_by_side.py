"""No-op tasks side by side: mapped or gathered (both also in parts), or submitted."""

import asyncio
import sys
import time

from prefect import flow, task
from reporting import by_median, recorded_task_runs, report

PART = 200


@task
def nothing(number: int) -> int:
    return number


@task
async def nothing_async(number: int) -> int:
    return number


def seconds_to_map(count: int) -> float:
    """Map so many tasks and wait for all of them."""
    began = time.perf_counter()
    assert nothing.map(range(count)).result() == list(range(count))
    return time.perf_counter() - began


async def seconds_to_gather(count: int) -> float:
    """Gather so many tasks."""
    began = time.perf_counter()
    numbers = await asyncio.gather(*[nothing_async(number) for number in range(count)])
    assert numbers == list(range(count))
    return time.perf_counter() - began


@flow
def mapped(count: int) -> float:
    return seconds_to_map(count)


@flow
def mapped_in_parts(count: int) -> float:
    return by_median([seconds_to_map(PART) for _ in range(count // PART)])


@flow
def submitted(count: int) -> float:
    began = time.perf_counter()
    futures = [nothing.submit(number) for number in range(count)]
    assert [future.result() for future in futures] == list(range(count))
    return time.perf_counter() - began


@flow
async def gathered(count: int) -> float:
    return await seconds_to_gather(count)


@flow
async def gathered_in_parts(count: int) -> float:
    return by_median([await seconds_to_gather(PART) for _ in range(count // PART)])


STYLES = {
    each.fn.__name__: each for each in (mapped, mapped_in_parts, submitted, gathered, gathered_in_parts)
}


def call(style: str, count: int) -> float:
    """Run the flow of this style."""
    seconds = STYLES[style](count)
    return asyncio.run(seconds) if asyncio.iscoroutine(seconds) else seconds


if __name__ == "__main__":
    style, count = sys.argv[1], int(sys.argv[2])
    call(style, PART)
    before = recorded_task_runs()
    began = time.monotonic()
    in_flow = call(style, count)
    returned = time.monotonic()
    recorded = recorded_task_runs() - before
    report(count=count, in_flow=in_flow, returned=returned - began, began=began, recorded=recorded)

"""Async flows and tasks: gathered, in subflows that run side by side, tried again, timed out."""

import asyncio

from account import OF_FLOW, OF_TASK, began
from prefect import flow, get_run_logger, task


@task(**OF_TASK, task_run_name="fetch-{number}")
async def fetch(number: int) -> int:
    began()
    get_run_logger().info(f"fetching {number}")
    await asyncio.sleep(0)
    return number


attempts: dict[str, int] = {}


@task(**OF_TASK, retries=1, retry_delay_seconds=0.05, task_run_name="second-time-lucky")
async def second_time_lucky() -> None:
    attempts["task"] = attempts.get("task", 0) + 1
    began()
    if attempts["task"] == 1:
        raise ConnectionError("not yet")


@task(**OF_TASK, timeout_seconds=0.2, task_run_name="sluggish")
async def sluggish() -> None:
    began()
    await asyncio.Event().wait()


@task(**OF_TASK, task_run_name="plain-{number}")
def plain(number: int) -> int:
    began()
    return number


@flow(**OF_FLOW, flow_run_name="part-{number}")
async def part(number: int) -> int:
    began()
    return sum(await asyncio.gather(*(fetch(10 * number + each) for each in range(3))))


@flow(**OF_FLOW, flow_run_name="asynchronous")
async def asynchronous() -> int:
    began()
    parts = await asyncio.gather(*(part(number) for number in range(3)))
    await second_time_lucky()
    state = await sluggish(return_state=True)
    assert state.name == "TimedOut", state
    futures = [fetch.submit(100), *fetch.map([101, 102])]
    return sum(parts) + sum(future.result() for future in futures) + plain(5)


if __name__ == "__main__":
    assert asyncio.run(asynchronous()) == 99 + 303 + 5

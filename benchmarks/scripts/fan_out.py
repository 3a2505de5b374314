"""A flow whose tasks take each other's results, to be looked at: three stages of mapped tasks, and one that takes all."""

import sys

from prefect import flow, task
from prefect.runtime import flow_run
from reporting import report


@task
def load(number: int) -> int:
    return number


@task
def square(number: int) -> int:
    return number * number


@task
def halve(number: int) -> float:
    return number / 2


@task
def total(numbers: list[float]) -> float:
    return sum(numbers)


@flow
def fan_out(count: int) -> str:
    total(halve.map(square.map(load.map(range(count // 3)))))
    return str(flow_run.id)


if __name__ == "__main__":
    report(flow_run_id=fan_out(int(sys.argv[1])))

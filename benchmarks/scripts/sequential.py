"""No-op tasks, one after the other: what a task costs until it returns, and until the flow has."""

import sys
import time

from prefect import flow, task
from reporting import by_median, recorded_task_runs, report, timed_parts

PARTS = 100


@task
def nothing(number: int) -> int:
    return number


@flow
def in_turn(count: int) -> list[float]:
    """The seconds that each part of the tasks took."""

    def part() -> None:
        for number in range(count // PARTS):
            nothing(number)

    return timed_parts(PARTS, part)


if __name__ == "__main__":
    count = int(sys.argv[1])
    in_turn(100)
    before = recorded_task_runs()
    began = time.monotonic()
    parts = in_turn(count)
    returned = time.monotonic()
    recorded = recorded_task_runs() - before
    report(
        count=count,
        in_flow=sum(parts),
        in_flow_by_median=by_median(parts),
        returned=returned - began,
        began=began,
        recorded=recorded,
    )

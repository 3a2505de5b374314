"""Memory of a flow with many tasks in turn: the peak after each tenth of them."""

import sys

from prefect import flow, task
from reporting import peak_megabytes, recorded_task_runs, report


@task
def nothing(number: int) -> int:
    return number


@flow
def in_turn(count: int) -> list[float]:
    peaks = [peak_megabytes()]
    for number in range(count):
        nothing(number)
        if (number + 1) % (count // 10) == 0:
            peaks.append(peak_megabytes())
    return peaks


if __name__ == "__main__":
    count = int(sys.argv[1])
    before = recorded_task_runs()
    peaks = in_turn(count)
    report(count=count, peaks=peaks, peak=peak_megabytes(), recorded=recorded_task_runs() - before)

"""A flow to be killed: each task that has returned leaves its time in a file shared with whoever kills it."""

import mmap
import struct
import sys
import time

from prefect import flow, task


@task(task_run_name="step-{number}")
def step(number: int) -> int:
    return number


@flow
def in_turn(count: int) -> None:
    for number in range(count):
        step(number)
        struct.pack_into("d", times, 8 * number, time.monotonic())


if __name__ == "__main__":
    count, path = int(sys.argv[1]), sys.argv[2]
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 8 * count) as times:
        in_turn(count)

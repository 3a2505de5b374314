"""A flow with many tasks in turn, in the middle of which something can be killed or cancelled.

    python in_turn.py COUNT [STOP]

It runs COUNT tasks, or fewer if a file of the name STOP appears.
"""

import sys
import time
from pathlib import Path

from account import OF_FLOW, OF_TASK, began
from prefect import flow, get_run_logger, task


@task(**OF_TASK, task_run_name="step-{number}")
def step(number: int) -> int:
    began()
    get_run_logger().info(f"step {number}")
    time.sleep(0.02)
    return number


@flow(**OF_FLOW, flow_run_name="in-turn")
def in_turn(count: int, stop: Path | None) -> None:
    began()
    for number in range(count):
        if stop and stop.exists():
            break
        step(number)


if __name__ == "__main__":
    in_turn(int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)

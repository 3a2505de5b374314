"""Flows that end in every way that a flow can end by itself."""

from account import OF_FLOW, OF_TASK, began
from prefect import flow, get_run_logger, task
from prefect.states import Cancelled, Completed


@task(**OF_TASK, task_run_name="broken")
def broken() -> None:
    began()
    raise RuntimeError("broken task")


@flow(**OF_FLOW, flow_run_name="raises")
def raises() -> None:
    began()
    get_run_logger().error("about to raise")
    raise ValueError("raised in the flow")


@flow(**OF_FLOW, flow_run_name="task-fails")
def task_fails() -> None:
    began()
    broken()


attempts = 0


@flow(**OF_FLOW, retries=2, retry_delay_seconds=0, flow_run_name="retried")
def retried() -> str:
    global attempts
    attempts += 1
    began()
    if attempts < 3:
        raise ConnectionError(f"attempt {attempts}")
    return "third time"


@flow(**OF_FLOW, retries=1, retry_delay_seconds=0, flow_run_name="retried-in-vain")
def retried_in_vain() -> None:
    began()
    raise ConnectionError("always")


@flow(**OF_FLOW, flow_run_name="crashes")
def crashes() -> None:
    began()
    raise SystemExit(3)


@flow(**OF_FLOW, flow_run_name="says-cancelled")
def says_cancelled() -> object:
    began()
    return Cancelled(message="thought better of it")


@flow(**OF_FLOW, flow_run_name="says-enough")
def says_enough() -> object:
    began()
    return Completed(name="Enough", message="did enough")


if __name__ == "__main__":
    for ending in (raises, task_fails, retried, retried_in_vain, says_cancelled, says_enough):
        ending(return_state=True)
    try:
        crashes()
    except SystemExit:
        pass

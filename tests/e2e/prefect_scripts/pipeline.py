"""A flow with most of what flows are made of: parameters, tags, names, retries, map, cache, subflows, failing tasks, logs."""

import sys

from account import OF_FLOW, OF_TASK, began, ended
from prefect import allow_failure, flow, get_run_logger, tags, task, unmapped
from prefect.cache_policies import INPUTS


@task(**OF_TASK, tags={"extract"}, task_run_name="extract-{count}")
def extract(count: int) -> list[int]:
    began()
    get_run_logger().info(f"extracting {count}")
    return list(range(count))


@task(**OF_TASK, task_run_name="scale-{number}-by-{factor}")
def scale(number: int, factor: int) -> int:
    began()
    return number * factor


@task(**OF_TASK, cache_policy=INPUTS, persist_result=True, task_run_name="look-up-{key}")
def look_up(key: str) -> str:
    began()
    get_run_logger().info(f"looking up {key}")
    return key.upper()


attempts = 0


@task(**OF_TASK, retries=3, retry_delay_seconds=0.05, task_run_name="flaky")
def flaky() -> int:
    global attempts
    attempts += 1
    began()
    get_run_logger().warning(f"attempt {attempts}")
    if attempts < 3:
        raise ConnectionError(f"attempt {attempts} failed")
    return attempts


@task(**OF_TASK, task_run_name="hopeless")
def hopeless() -> None:
    began()
    get_run_logger().error("there is no hope")
    raise ValueError("no hope")


@task(**OF_TASK, task_run_name="dependent")
def dependent(never: object) -> None:
    raise AssertionError("runs although what it needs has failed")


@task(**OF_TASK, task_run_name="tolerant")
def tolerant(failed: object) -> str:
    began()
    return type(failed).__name__


@task(**OF_TASK, task_run_name="total")
def total(numbers: list[int]) -> int:
    began()
    return sum(numbers)


@flow(**OF_FLOW, flow_run_name="grandchild-of-{number}")
def grandchild(number: int) -> int:
    began()
    return total([number, number])


@flow(**OF_FLOW, flow_run_name="child-{number}")
def child(number: int) -> int:
    began()
    get_run_logger().info(f"child {number}")
    return grandchild(number) + total([number])


@flow(**OF_FLOW, flow_run_name="pipeline-of-{count}", log_prints=True)
def pipeline(count: int, label: str = "none") -> int:
    began()
    get_run_logger().info("begins")
    with tags("nightly"):
        numbers = extract(count)
    scaled = scale.map(numbers, factor=unmapped(10))
    found = [look_up("a"), look_up("a"), look_up("b")]
    print("found", *found)
    tries = flaky()
    failed = hopeless.submit()
    ended(dependent.submit(failed))
    tolerant.submit(allow_failure(failed)).wait()
    result = total(scaled) + child(1) + tries
    get_run_logger().critical("ends")
    return result


if __name__ == "__main__":
    with tags("e2e", "pipeline"):
        assert pipeline(int(sys.argv[1]), label="first") == 10 * sum(range(int(sys.argv[1]))) + 3 + 3

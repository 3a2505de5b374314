"""Cache hits: the same input again and again, result in local storage."""

import sys

from prefect import flow, task
from prefect.cache_policies import INPUTS
from reporting import by_median, report, timed_parts

PART = 10

computed = 0


@task(cache_policy=INPUTS, persist_result=True)
def square(number: int) -> int:
    global computed
    computed += 1
    return number * number


@flow
def ask_again(count: int) -> list[float]:
    """The seconds that each part of the hits took."""
    square(3)

    def part() -> None:
        for _ in range(PART):
            assert square(3) == 9

    return timed_parts(count // PART, part)


if __name__ == "__main__":
    count = int(sys.argv[1])
    ask_again(20)
    parts = ask_again(count)
    assert computed == 1, f"computed {computed} times"
    report(count=count, in_flow=sum(parts), in_flow_by_median=by_median(parts))

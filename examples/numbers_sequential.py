"""Numbers, one step after the other: tasks that are called like the functions they are.

Shows plain task calls, a parameter validated from its annotation, `log_prints`, a task that takes any number
of arguments, and a flow called by a flow.

    python examples/numbers_sequential.py
"""

from __future__ import annotations

import random

from headrace import flow, task


@task
def draw(count: int, min: int, max: int, seed: int) -> list[int]:
    """Draw `count` whole numbers between `min` and `max`, the same ones for the same `seed`."""
    source = random.Random(seed)
    return [source.randint(min, max) for _ in range(count)]


@task
def square(number: int) -> int:
    """The square of one number."""
    return number * number


@task
def add(*numbers: int) -> int:
    """The sum of any number of numbers."""
    return sum(numbers)


@flow(name="sum of squares")
def sum_of_squares(numbers: list[int]) -> int:
    """Square each number in turn, then add them up."""
    return add(*[square(number) for number in numbers])


@flow(name="numbers, sequential", log_prints=True)
def numbers(count: int = 5, seed: int = 42) -> int:
    """Draw `count` numbers and add up their squares."""
    drawn = draw(count, min=1, max=9, seed=seed)
    print(f"Drew {drawn}")
    total = sum_of_squares(drawn)
    print(f"Their squares add up to {total}")
    return total


if __name__ == "__main__":
    # The count is a string on purpose: the annotation `int` turns it into a number.
    print(f"The flow returned {numbers(count='5')}")  # type: ignore[arg-type]

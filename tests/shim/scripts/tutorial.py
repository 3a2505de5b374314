"""Numbers made, filtered and summed; parameters named like built-ins, `*args`, numpy values."""

import numpy as np

from prefect import flow, task


@task
def generate(min, max, count):
    return np.random.default_rng(7).integers(min, max, count)


@task
def keep(numbers, filter):
    return numbers[numbers % filter == 0]


@task
def total(*args):
    return sum(args)


@task
def describe(values: list, sum: int = 0, **options) -> str:
    return f"{len(values)} values, sum {sum}, {sorted(options)}"


@flow
def numbers(min: int = 0, max: int = 100):
    drawn = generate(min, max, 20)
    even = keep(drawn, filter=2)
    print(type(drawn).__name__, len(drawn), bool((even % 2 == 0).all()))
    print(describe(list(even), sum=total(*even), unit="m", id=3))
    return total(1, 2, 3), np.float64(1.5)


if __name__ == "__main__":
    result = numbers(max=50)
    print(result, type(result[1]).__name__)
    print(numbers.name, generate.name)

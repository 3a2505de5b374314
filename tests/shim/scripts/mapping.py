"""Tasks mapped over lists, over futures, and with values that stay whole."""

from prefect import flow, task, unmapped


@task
def square(x):
    return x * x


@task
def scale(x, by):
    return x * by


@task
def pair(x, items):
    return x, len(items)


@task
def total(numbers):
    return sum(numbers)


@flow
def mapped(numbers):
    squares = square.map(numbers)
    print(squares.result())
    print(scale.map(squares, by=10).result())
    print(scale.map([1, 2], [3, 4]).result())
    print(pair.map([1, 2], items=unmapped(["a", "b", "c"])).result())
    print([future.result() for future in square.map(x=iter([3, 4]))])
    return total(squares)


@flow
def mismatched():
    try:
        scale.map([1, 2], [1, 2, 3])
    except Exception as error:
        print(type(error).__name__)
    try:
        scale.map(1, 2)
    except Exception as error:
        print(type(error).__name__)


if __name__ == "__main__":
    print(mapped([1, 2, 3]))
    mismatched()

"""Tasks submitted, futures passed on, and returned from the flow."""

from prefect import flow, task
from prefect.futures import as_completed, wait


@task
def add(x, y):
    return x + y


@task
def double(x):
    return 2 * x


@task
def join(parts, separator="+"):
    return separator.join(str(part) for part in parts)


@flow
def single():
    return double.submit(add.submit(1, 2))


@flow
def several():
    first = add.submit(1, 2)
    second = double.submit(first)
    return [first, second, add.submit(first, second)]


@flow
def mixed():
    first = add.submit(1, 2)
    joined = join.submit([first, {"x": first}, 5], wait_for=[first])
    print(first.result(), joined.result())
    states = first.state, joined.state
    print([state.name for state in states], first.done() if hasattr(first, "done") else True)
    pending = [double.submit(number) for number in range(4)]
    finished = wait(pending)
    print(len(finished.done), len(finished.not_done))
    print(sorted(future.result() for future in as_completed(pending)))
    return joined.result()


@flow
def by_state():
    state = add(1, 2, return_state=True)
    print(state.type.value, state.is_completed(), state.result())
    return add.submit(3, 4, return_state=True)


if __name__ == "__main__":
    print(single())
    print(several())
    print(mixed())
    print(by_state())

"""Exceptions caught and passed on, states returned, hooks."""

from prefect import flow, task
from prefect.states import Completed, Failed


@task
def broken(message):
    raise ValueError(message)


@task
def fine():
    return "fine"


@task
def depends(value):
    return value


@flow
def catches():
    try:
        broken("caught")
    except ValueError as error:
        print("caught:", error)
    return fine()


@flow
def passes_on():
    try:
        broken("passed on")
    except ValueError:
        print("cleaning up")
        raise


@flow
def by_state():
    state = broken("kept", return_state=True)
    print(state.name, state.is_failed(), repr(state.result(raise_on_failure=False)))
    downstream = depends(broken.submit("upstream"), return_state=True)
    print(downstream.name)
    return fine()


@flow
def fails_late():
    broken.submit("unseen").wait()
    return "finished"


@flow
def decides(good):
    return Completed(message="all good") if good else Failed(message="not today")


def told(kind):
    def hook(definition, run, state):
        print(kind, definition.name, state.name)

    return hook


@task(on_completion=[told("task done")], on_failure=[told("task failed")])
def hooked(ok):
    if not ok:
        raise RuntimeError("x")


@flow(on_completion=[told("flow done")], on_failure=[told("flow failed")])
def hooks(ok):
    hooked(ok)


if __name__ == "__main__":
    print(catches())
    try:
        passes_on()
    except ValueError as error:
        print("outside:", error)
    print(passes_on(return_state=True).name)
    print(by_state())
    print(fails_late())
    print(decides(True, return_state=True).message)
    state = decides(False, return_state=True)
    print(state.name, state.message)
    hooks(True)
    print(hooks(False, return_state=True).name)

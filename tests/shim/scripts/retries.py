"""Tasks and flows that fail a few times."""

from prefect import flow, task
from prefect.tasks import exponential_backoff

calls = {"flaky": 0, "hopeless": 0, "picky": 0, "flow": 0}


@task(retries=3, retry_delay_seconds=0.01)
def flaky():
    calls["flaky"] += 1
    if calls["flaky"] < 3:
        raise ValueError(f"attempt {calls['flaky']}")
    return calls["flaky"]


@task(retries=2, retry_delay_seconds=exponential_backoff(backoff_factor=0.001), retry_jitter_factor=0.1)
def hopeless():
    calls["hopeless"] += 1
    raise RuntimeError("never")


def not_key_errors(task, task_run, state):
    try:
        state.result()
    except KeyError:
        return False
    except Exception:
        return True


@task(retries=5, retry_delay_seconds=[0.01, 0.02], retry_condition_fn=not_key_errors)
def picky():
    calls["picky"] += 1
    raise KeyError("x") if calls["picky"] == 2 else ValueError("y")


@flow
def tasks_retry():
    print(flaky())
    try:
        hopeless()
    except RuntimeError as error:
        print("gave up:", error, calls["hopeless"])
    state = picky(return_state=True)
    print(state.name, calls["picky"])
    return "done"


@flow(retries=2, retry_delay_seconds=0.01)
def flow_retries():
    calls["flow"] += 1
    if calls["flow"] < 3:
        raise ValueError("again")
    return calls["flow"]


if __name__ == "__main__":
    print(tasks_retry())
    print(flow_retries())

"""Retries: what failed once is tried again, as often and as late as you say.

Shows a fixed delay, a list of delays, growing delays with jitter, a condition on the error, and a flow that is run
again with the results of its finished tasks.

    python examples/retries.py
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from headrace import State, flow, get_run_logger, task
from headrace.runtime import flow_run
from headrace.tasks import exponential_backoff

tries: Counter[str] = Counter()


class Busy(Exception):
    """The service asks to come back later."""


class Refused(Exception):
    """The service will never answer this request."""


def fail_before(name: str, success: int) -> int:
    """Raise until call number `success` of this name."""
    tries[name] += 1
    if tries[name] < success:
        raise Busy(f"{name}: try {tries[name]} of {success}")
    return tries[name]


@task(retries=3, retry_delay_seconds=0.1)
def steady() -> int:
    """Succeeds at the third try, a tenth of a second apart."""
    return fail_before("steady", success=3)


@task(retries=3, retry_delay_seconds=[0.05, 0.1, 0.2])
def patient() -> int:
    """Succeeds at the fourth try, each wait longer than the last."""
    return fail_before("patient", success=4)


@task(retries=2, retry_delay_seconds=exponential_backoff(backoff_factor=0.1), retry_jitter_factor=0.5)
def polite() -> int:
    """Succeeds at the second try; many runs of it would not come back all at once."""
    return fail_before("polite", success=2)


def is_busy(_task: Any, _run: Any, state: State) -> bool:
    """Whether another try could help."""
    return isinstance(state.result(raise_on_failure=False), Busy)


@task(retries=5, retry_condition_fn=is_busy)
def refused() -> None:
    """Fails for good, so it is not tried again."""
    tries["refused"] += 1
    raise Refused("no such account")


@flow(name="retries", log_prints=True)
def retries() -> dict[str, int]:
    """Run each kind and count the tries."""
    steady()
    patient.submit().result()
    polite()
    state = refused(return_state=True)
    print(f"refused: {state.name} after {tries['refused']} try")
    return dict(tries)


@flow(name="retried flow", retries=1, retry_delay_seconds=0.1)
def retried_flow() -> int:
    """Fails in its first run and succeeds in its second."""
    get_run_logger().info("This is run %s of the flow", flow_run.run_count)
    return fail_before("retried flow", success=2)


if __name__ == "__main__":
    print(f"Tries: {retries()}")
    print(f"The flow was run {retried_flow()} times")

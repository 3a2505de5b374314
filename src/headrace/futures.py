"""Futures of runs: what `Task.submit` and `Task.map` return, and how to wait for them."""

from typing import Any

from headrace.engine import inputs, returned
from headrace.engine.futures import (
    DoneAndNotDoneFutures,
    Future,
    FutureList,
    TaskRunFuture,
    as_completed,
    wait,
)
from headrace.exceptions import UpstreamTaskError

PrefectFuture = Future
PrefectFutureList = FutureList
PrefectTaskRunFuture = PrefectWrappedFuture = PrefectConcurrentFuture = TaskRunFuture

__all__ = [
    "DoneAndNotDoneFutures",
    "Future",
    "FutureList",
    "PrefectConcurrentFuture",
    "PrefectFuture",
    "PrefectFutureList",
    "PrefectTaskRunFuture",
    "PrefectWrappedFuture",
    "TaskRunFuture",
    "as_completed",
    "resolve_futures_to_results",
    "resolve_futures_to_states",
    "wait",
]


def resolve_futures_to_results(expr: Any) -> Any:
    """`expr` with each future in it, at any depth, replaced by its result; waits for them.

    Raises:
        UpstreamTaskError: A run did not complete successfully.
    """

    def result(upstream: Any, may_fail: bool) -> Any:
        if isinstance(upstream, Future):
            upstream.wait()
        state = upstream.state if isinstance(upstream, Future) else upstream
        if not may_fail and not state.is_completed():
            raise UpstreamTaskError(f"At least one upstream run did not complete successfully: {state}.")
        return state.result(raise_on_failure=False)

    return inputs.resolve(expr, result)


def resolve_futures_to_states(expr: Any) -> Any:
    """`expr` with each future in it, at any depth, replaced by its final state; waits for them."""
    from headrace.engine.inline import run_inline
    from headrace.engine.ports import SYNC

    return run_inline(returned.with_states(expr, SYNC))

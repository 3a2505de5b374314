"""Values that a flow or task returned: futures in them stand for the states of their runs."""

from __future__ import annotations

from typing import Any

from headrace.engine import inputs
from headrace.engine.futures import Future
from headrace.engine.outcomes import state_of_value
from headrace.engine.ports import Port
from headrace.results import ResultRecord
from headrace.schema.states import State, StateType

RAISE = object()
"""In place of a value: the caller gets the exception of the run's state."""

PLAIN = frozenset({type(None), bool, int, float, str, bytes, complex})


def is_plain(value: Any) -> bool:
    """Whether `value` surely holds no state and no future, judged by its type or a look inside."""
    return type(value) in PLAIN or not inputs.collect_upstream(value)


async def with_states(value: Any, port: Port) -> Any:
    """`value` with each future in it replaced by its run's state, after waiting for the run.

    Args:
        value: What a function returned.
        port: How to wait.
    """
    for upstream in inputs.collect_upstream(value):
        if isinstance(upstream, Future):
            await port.wait_for_run(upstream)
    return inputs.resolve(
        value, lambda upstream, _: upstream if isinstance(upstream, State) else upstream.state
    )


def with_results(value: Any) -> Any:
    """`value` with each state in it replaced by its result, or by its exception where the run did not complete."""
    return inputs.resolve(value, lambda upstream, _: upstream.result(raise_on_failure=False))


async def judge(value: Any, port: Port) -> tuple[State[Any], Any]:
    """The final state that follows from a returned value, and what the caller gets.

    Args:
        value: What the function returned; not plain (`is_plain`).
        port: How to wait for futures in it.

    Returns:
        The state, and the caller's value; `RAISE` when the caller gets the state's exception instead.
    """
    holds_futures = any(isinstance(upstream, Future) for upstream in inputs.collect_upstream(value))
    resolved = await with_states(value, port)
    state = state_of_value(resolved)
    if not holds_futures:
        return state, resolved
    if state.type is not StateType.COMPLETED:
        return state, RAISE
    result = with_results(resolved)
    state.data = ResultRecord(result)
    return state, result

"""From how an attempt ended to the state that follows: pure functions over values and exceptions.

The rules for return values are Prefect's: a state is taken as it is; a collection of nothing but states is judged
together; anything else completes the run. Futures count as the states of their runs.
"""

from __future__ import annotations

import sys
from typing import Any

from headrace.core.states import StateType
from headrace.engine.timeouts import DeadlineExpired
from headrace.exceptions import CancelRun, CrashedRun, TerminationSignal
from headrace.results import ResultRecord
from headrace.schema.states import State
from headrace.states import StateGroup, is_state_iterable


def state_of_value(value: Any) -> State[Any]:
    """The final state of a run whose function returned `value`, in which futures have been replaced by states.

    Args:
        value: What the function returned.

    Returns:
        The state; its `data` is a `ResultRecord`.
    """
    if is_hand_made(value):
        # A copy: each recorded state has an id of its own, and the user's object stays as it is.
        state: State[Any] = value.fresh_copy()
        if not isinstance(state.data, ResultRecord):
            state.data = ResultRecord(result=state.data)
        return state
    if isinstance(value, State):
        return _state_of_states([value], value)
    if is_state_iterable(value):
        return _state_of_states(list(value), value)
    return State(type=StateType.COMPLETED, name="Completed", data=ResultRecord(result=value))


def is_hand_made(value: Any) -> bool:
    """Whether a value is a state that user code made, rather than the state of a run."""
    if not isinstance(value, State):
        return False
    details = value.state_details
    return details.flow_run_id is None and details.task_run_id is None


def _state_of_states(states: list[State[Any]], value: Any) -> State[Any]:
    group = StateGroup(states)
    data = ResultRecord(result=value)
    if group.all_completed():
        return State(type=StateType.COMPLETED, message="All states completed.", data=data)
    if group.any_cancelled():
        message = f"{group.cancelled_count}/{group.total_count} states cancelled."
        return State(type=StateType.CANCELLED, message=message, data=data)
    if group.any_paused():
        message = f"{group.paused_count}/{group.total_count} states paused."
        return State(type=StateType.PAUSED, message=message, data=data)
    if group.any_failed():
        message = f"{group.fail_count}/{group.total_count} states failed."
    else:
        message = f"{group.not_final_count}/{group.total_count} states are not final."
    return State(type=StateType.FAILED, message=message, data=data)


def failed_state(error: BaseException, what: str) -> State[Any]:
    """Failed with an exception.

    Args:
        error: What user code raised.
        what: What it happened to: `Task run encountered an exception`.
    """
    return State(
        type=StateType.FAILED,
        name="Failed",
        message=f"{what} {describe(error)}",
        data=ResultRecord(result=error),
    )


def timed_out_state(error: BaseException, kind: str, seconds: float | None) -> State[Any]:
    """TimedOut.

    Args:
        error: The exception that says so.
        kind: `Flow` or `Task`.
        seconds: The run's own timeout, when that was it; None for a timeout of something inside the run.
    """
    if seconds is not None:
        message = f"{kind} run exceeded timeout of {float(seconds)} second(s)"
    else:
        message = f"{kind} run failed due to timeout: {shown(error)}"
    return State(type=StateType.FAILED, name="TimedOut", message=message, data=ResultRecord(result=error))


def crashed_state(error: BaseException) -> State[Any]:
    """Crashed, with a message that says what stopped the run."""
    # Only an event loop raises this, so asyncio is loaded by then; a script without one should not load it.
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None and isinstance(error, asyncio.CancelledError):
        message = "Execution was cancelled by the runtime environment."
    elif isinstance(error, KeyboardInterrupt):
        message = "Execution was aborted by an interrupt signal."
    elif isinstance(error, TerminationSignal):
        message = "Execution was aborted by a termination signal."
    elif isinstance(error, SystemExit):
        message = "Execution was aborted by Python system exit call."
    elif isinstance(error, DeadlineExpired):
        message = "Execution was interrupted by the timeout of the flow around it."
    elif isinstance(error, CancelRun | CrashedRun):
        message = str(error)
    else:
        message = f"Execution was interrupted by an unexpected exception: {describe(error)}"
    return State(type=StateType.CRASHED, name="Crashed", message=message, data=ResultRecord(result=error))


def is_crash(error: BaseException) -> bool:
    """Whether an exception came from what the run executes on, not from its own code."""
    return not isinstance(error, Exception)


def shown(error: BaseException) -> str:
    """`ValueError('boom')`; never raises, whatever `repr(error)` does."""
    try:
        return repr(error)
    except Exception as problem:
        return f"<{type(error).__name__}, which cannot be shown: {type(problem).__name__}>"


def describe(error: BaseException) -> str:
    """`ValueError: boom`, or just `ValueError` when it has no text; never raises, whatever `str(error)` does."""
    try:
        text = str(error)
    except Exception as problem:
        text = f"<its text cannot be shown: {type(problem).__name__}>"
    name = type(error).__name__
    return f"{name}: {text}" if text else name

"""Make states, and read the results and exceptions that they carry.

    >>> from headrace.states import Completed, Failed
    >>> Failed(message="No rows today").is_final()
    True

A flow or task may return a state to decide how it ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from traceback import TracebackException
from types import TracebackType
from typing import Any, TypeGuard

from headrace.core.states import StateType
from headrace.exceptions import CancelledRun, CrashedRun, FailedRun, MissingResult, PausedRun, UnfinishedRun
from headrace.results import ResultRecord, ResultRecordMetadata
from headrace.schema.base import now
from headrace.schema.states import State, StateDetails

__all__ = [
    "AwaitingConcurrencySlot",
    "AwaitingRetry",
    "Cancelled",
    "Cancelling",
    "Completed",
    "Crashed",
    "Failed",
    "InfrastructurePending",
    "Late",
    "Paused",
    "Pending",
    "Retrying",
    "Running",
    "Scheduled",
    "State",
    "StateDetails",
    "StateGroup",
    "StateType",
    "Submitting",
    "Suspended",
    "aget_state_exception",
    "araise_state_exception",
    "format_exception",
    "get_state_exception",
    "get_state_result",
    "is_state_iterable",
    "raise_state_exception",
]


def _scheduled(
    cls: type[State[Any]], name: str, scheduled_time: datetime | None, kwargs: dict[str, Any]
) -> State[Any]:
    details = kwargs.pop("state_details", None) or StateDetails()
    if isinstance(details, dict):
        details = StateDetails(**details)
    if details.scheduled_time is not None and scheduled_time is not None:
        raise ValueError(
            "The scheduled time was given twice: as scheduled_time and in state_details. Give one."
        )
    details.scheduled_time = details.scheduled_time or scheduled_time or now()
    kwargs.setdefault("name", name)
    return cls(type=StateType.SCHEDULED, state_details=details, **kwargs)


def Scheduled(
    cls: type[State[Any]] = State, scheduled_time: datetime | None = None, **kwargs: Any
) -> State[Any]:
    """A state that waits for `scheduled_time` (now when left out)."""
    return _scheduled(cls, "Scheduled", scheduled_time, kwargs)


def Late(cls: type[State[Any]] = State, scheduled_time: datetime | None = None, **kwargs: Any) -> State[Any]:
    """A scheduled state whose time has passed."""
    return _scheduled(cls, "Late", scheduled_time, kwargs)


def AwaitingRetry(
    cls: type[State[Any]] = State, scheduled_time: datetime | None = None, **kwargs: Any
) -> State[Any]:
    """A scheduled state: the run failed and is tried again at `scheduled_time`."""
    return _scheduled(cls, "AwaitingRetry", scheduled_time, kwargs)


def AwaitingConcurrencySlot(
    cls: type[State[Any]] = State, scheduled_time: datetime | None = None, **kwargs: Any
) -> State[Any]:
    """A scheduled state: the run waits for a concurrency slot."""
    return _scheduled(cls, "AwaitingConcurrencySlot", scheduled_time, kwargs)


def Pending(cls: type[State[Any]] = State, **kwargs: Any) -> State[Any]:
    """The run is about to start."""
    return cls(type=StateType.PENDING, **kwargs)


def Submitting(cls: type[State[Any]] = State, **kwargs: Any) -> State[Any]:
    """The run is being handed to what it runs on."""
    return cls(type=StateType.PENDING, **{"name": "Submitting", **kwargs})


def InfrastructurePending(cls: type[State[Any]] = State, **kwargs: Any) -> State[Any]:
    """What the run executes on is being started."""
    return cls(type=StateType.PENDING, **{"name": "InfrastructurePending", **kwargs})


def Running(cls: type[State[Any]] = State, **kwargs: Any) -> State[Any]:
    """The run executes."""
    return cls(type=StateType.RUNNING, **kwargs)


def Retrying(cls: type[State[Any]] = State, **kwargs: Any) -> State[Any]:
    """The run executes again after it failed."""
    return cls(type=StateType.RUNNING, **{"name": "Retrying", **kwargs})


def Completed(cls: type[State[Any]] = State, **kwargs: Any) -> State[Any]:
    """The run ended well."""
    return cls(type=StateType.COMPLETED, **kwargs)


def Failed(cls: type[State[Any]] = State, **kwargs: Any) -> State[Any]:
    """The run ended with an error of its own code."""
    return cls(type=StateType.FAILED, **kwargs)


def Crashed(cls: type[State[Any]] = State, **kwargs: Any) -> State[Any]:
    """The run ended with an error of what it ran on."""
    return cls(type=StateType.CRASHED, **kwargs)


def Cancelling(cls: type[State[Any]] = State, **kwargs: Any) -> State[Any]:
    """The run was asked to stop."""
    return cls(type=StateType.CANCELLING, **kwargs)


def Cancelled(cls: type[State[Any]] = State, **kwargs: Any) -> State[Any]:
    """The run was stopped on request."""
    return cls(type=StateType.CANCELLED, **kwargs)


def Paused(
    cls: type[State[Any]] = State,
    timeout_seconds: int | None = None,
    pause_expiration_time: datetime | None = None,
    reschedule: bool = False,
    pause_key: str | None = None,
    **kwargs: Any,
) -> State[Any]:
    """The run waits to be resumed.

    Args:
        cls: The class of the state.
        timeout_seconds: Seconds until the pause expires; or
        pause_expiration_time: when it does.
        reschedule: Whether the process exits and the run is scheduled again on resumption.
        pause_key: Names the pause, so that it is observed once.
        kwargs: Further fields of the state.

    Raises:
        ValueError: Both a timeout and an expiration time were given, or state details as well.
    """
    if kwargs.get("state_details"):
        raise ValueError("state_details cannot be given to Paused(); use its own arguments.")
    if pause_expiration_time is not None and timeout_seconds is not None:
        raise ValueError("Give either timeout_seconds or pause_expiration_time, not both.")
    if timeout_seconds is not None:
        pause_expiration_time = now() + timedelta(seconds=timeout_seconds)
    details = StateDetails(
        pause_timeout=pause_expiration_time, pause_reschedule=reschedule, pause_key=pause_key
    )
    return cls(type=StateType.PAUSED, **{**kwargs, "state_details": details})


def Suspended(
    cls: type[State[Any]] = State,
    timeout_seconds: int | None = None,
    pause_expiration_time: datetime | None = None,
    pause_key: str | None = None,
    **kwargs: Any,
) -> State[Any]:
    """The run's process exits, and the run waits to be resumed; see `Paused`."""
    kwargs.setdefault("name", "Suspended")
    return Paused(cls, timeout_seconds, pause_expiration_time, reschedule=True, pause_key=pause_key, **kwargs)


def is_state_iterable(obj: Any) -> TypeGuard[Iterable[State[Any]]]:
    """Whether `obj` is a list, tuple or set of nothing but states, and not empty."""
    return (
        isinstance(obj, list | tuple | set | frozenset)
        and bool(obj)
        and all(isinstance(s, State) for s in obj)
    )


class StateGroup:
    """Several states, counted.

    Args:
        states: The states.
    """

    def __init__(self, states: list[State[Any]]) -> None:
        self.states = states
        self.type_counts = Counter(state.type for state in states)
        self.total_count = len(states)
        self.cancelled_count = self.type_counts[StateType.CANCELLED]
        self.final_count = sum(state.is_final() for state in states)
        self.not_final_count = self.total_count - self.final_count
        self.paused_count = self.type_counts[StateType.PAUSED]

    @property
    def fail_count(self) -> int:
        """How many failed or crashed."""
        return self.type_counts[StateType.FAILED] + self.type_counts[StateType.CRASHED]

    def all_completed(self) -> bool:
        """Whether every state is Completed."""
        return self.type_counts[StateType.COMPLETED] == self.total_count

    def any_cancelled(self) -> bool:
        """Whether a state is Cancelled."""
        return self.cancelled_count > 0

    def any_failed(self) -> bool:
        """Whether a state is Failed or Crashed."""
        return self.fail_count > 0

    def any_paused(self) -> bool:
        """Whether a state is Paused."""
        return self.paused_count > 0

    def all_final(self) -> bool:
        """Whether every run has ended."""
        return self.final_count == self.total_count

    def counts_message(self) -> str:
        """The counts in words: `total=3 'COMPLETED'=2 'FAILED'=1`."""
        counts = " ".join(f"{kind.value!r}={count}" for kind, count in self.type_counts.items())
        unfinished = f"not_final={self.not_final_count} " if self.not_final_count else ""
        return f"total={self.total_count} {unfinished}{counts}"

    def __repr__(self) -> str:
        return f"StateGroup<{self.counts_message()}>"


def format_exception(exc: BaseException, tb: TracebackType | None = None) -> str:
    """The exception as Python prints it: with its traceback, or with `tb`."""
    lines = TracebackException(type(exc), exc, tb or exc.__traceback__).format()
    return "".join(lines)


_FAILURES: dict[StateType, tuple[type[Exception], str]] = {
    StateType.FAILED: (FailedRun, "Run failed."),
    StateType.CRASHED: (CrashedRun, "Run crashed."),
    StateType.CANCELLED: (CancelledRun, "Run cancelled."),
}


def get_state_exception(state: State[Any]) -> BaseException:
    """The exception that ended a Failed, Crashed or Cancelled run.

    Args:
        state: The run's final state.

    Returns:
        The exception that user code raised, where it was kept; else one that carries the state's message.

    Raises:
        ValueError: The state is of another type.
        TypeError: The state carries something that is no exception.
    """
    if state.type not in _FAILURES:
        raise ValueError(f"Expected a failed, crashed or cancelled state, got {state!r}.")
    wrapper, default = _FAILURES[state.type]
    cause = _value(state.data)
    if cause is None:
        return wrapper(state.message or default)
    if isinstance(cause, BaseException):
        return cause
    if isinstance(cause, str):
        return wrapper(cause)
    if isinstance(cause, State):
        return get_state_exception(cause)
    if is_state_iterable(cause):
        for inner in cause:
            if inner.type in _FAILURES:
                return get_state_exception(inner)
        return wrapper(state.message or default)
    raise TypeError(
        f"A {state.name} state should carry an exception, a message or states, but carries a "
        f"{type(cause).__name__}: {cause!r:.200}."
    )


def raise_state_exception(state: State[Any]) -> None:
    """Raise the exception of a Failed, Crashed or Cancelled state; return None for any other."""
    if state.type in _FAILURES:
        raise get_state_exception(state)


async def aget_state_exception(state: State[Any]) -> BaseException:
    """The exception that ended a run, without blocking the event loop; see `get_state_exception`."""
    import asyncio

    return await asyncio.to_thread(get_state_exception, state)


async def araise_state_exception(state: State[Any]) -> None:
    """Raise a state's exception, without blocking the event loop; see `raise_state_exception`."""
    if state.type in _FAILURES:
        raise await aget_state_exception(state)


def result_of(state: State[Any], raise_on_failure: bool = True, retry_result_failure: bool = True) -> Any:
    """The result that a state carries; what `State.result` does."""
    if state.type is StateType.PAUSED:
        paused = PausedRun("Run is paused, its result is not available.", state=state)
        if raise_on_failure:
            raise paused
        return paused
    if state.type in _FAILURES:
        error = get_state_exception(state)
        if raise_on_failure:
            raise error
        return error
    if state.type is not StateType.COMPLETED:
        raise UnfinishedRun(f"Run is in {state.type.value} state, its result is not available.")
    if state.data is None:
        raise MissingResult(
            "The result was not persisted and is no longer in memory. Persist it (persist_result=True) to read it "
            "from another process, or after it was recorded."
        )
    return _value(state.data, retry_result_failure)


async def aresult_of(
    state: State[Any], raise_on_failure: bool = True, retry_result_failure: bool = True
) -> Any:
    """The result that a state carries, without blocking the event loop when it is in storage."""
    if isinstance(state.data, ResultRecordMetadata | dict):
        import asyncio

        return await asyncio.to_thread(result_of, state, raise_on_failure, retry_result_failure)
    return result_of(state, raise_on_failure, retry_result_failure)


async def get_state_result(
    state: State[Any], raise_on_failure: bool = True, retry_result_failure: bool = True
) -> Any:
    """The result that a state carries; see `State.result`."""
    return await aresult_of(state, raise_on_failure, retry_result_failure)


def _value(data: Any, retry: bool = True) -> Any:
    if isinstance(data, dict) and "storage_key" in data:
        data = ResultRecordMetadata.from_wire(data)
    if isinstance(data, ResultRecordMetadata):
        from headrace.results import read_result

        return read_result(data, retry=retry)
    return data.result if isinstance(data, ResultRecord) else data

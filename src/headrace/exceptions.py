"""Every exception that Headrace raises, in one tree.

Three roots, by who should catch them:

    HeadraceException      something that a caller may handle
      what was asked for cannot be done (names, parameters, contexts, settings, profiles)
      a run ended otherwise than Completed (FailedRun, CrashedRun, CancelledRun, ...)
      results, caching and serialization
      the store (StoreError and below)
      objects of the API (ObjectNotFound, ...)
    HeadraceSignal         a request to stop or pause the run that is executing; passes `except Exception`
    ExternalSignal         the operating system asked the process to end; passes `except Exception`

`status` is the HTTP status with which the API answers when the exception reaches it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from headrace.lazy import lazy_names

if TYPE_CHECKING:
    from headrace.schema.states import State

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        # These are httpx's exceptions as well, and importing that takes longer than all the rest.
        "HeadraceHTTPStatusError": "headrace.client.errors",
        "PrefectHTTPStatusError": "headrace.client.errors",
    },
)


class HeadraceException(Exception):
    """Base of everything that Headrace raises and a caller may handle."""

    status = 500


# --- What was asked for cannot be done -------------------------------------------------------------------------


class ConfigurationError(HeadraceException):
    """A setting, a profile or an option has a value that cannot be used."""

    status = 400


class InvalidNameError(HeadraceException, ValueError):
    """A name has characters that names must not have."""

    status = 422


class ReservedArgumentError(HeadraceException, TypeError):
    """A decorated function has a parameter that calls of flows and tasks use themselves."""

    status = 422


class ParameterBindError(TypeError, HeadraceException):
    """The arguments of a call do not fit the signature of its function."""

    status = 422

    @classmethod
    def from_bind_failure(
        cls,
        fn: Callable[..., Any],
        exc: TypeError,
        call_args: tuple[Any, ...],
        call_kwargs: dict[str, Any],
    ) -> ParameterBindError:
        """Say which function was called, with how many positional and which keyword arguments, and what is wrong."""
        import inspect

        name = getattr(fn, "__name__", repr(fn))
        given = f"{len(call_args)} positional" + (
            f" and keyword {sorted(call_kwargs)}" if call_kwargs else ""
        )
        return cls(f"Cannot call {name}{inspect.signature(fn)} with {given} argument(s): {exc}.")


class ParameterTypeError(HeadraceException):
    """A parameter's value does not fit its annotation."""

    status = 422


class SignatureMismatchError(HeadraceException, TypeError):
    """Parameters by name do not fit the signature of the function."""

    status = 422

    @classmethod
    def from_bad_params(cls, expected: Iterable[str], provided: Iterable[str]) -> SignatureMismatchError:
        """Name the parameters that the function has and those that were given."""
        return cls(f"The function takes the parameters {list(expected)}, but was given {list(provided)}.")


class MappingLengthMismatch(HeadraceException):
    """Arguments of `map` differ in length."""

    status = 422


class MappingMissingIterable(HeadraceException):
    """No argument of `map` can be iterated over."""

    status = 422


class MissingContextError(HeadraceException, RuntimeError):
    """Something that needs a running flow or task was called outside one."""


class MissingFlowError(HeadraceException):
    """A file has no flow of the name that was asked for."""

    status = 404


class UnspecifiedFlowError(HeadraceException):
    """A file has several flows and none was named."""

    status = 422


class ScriptError(HeadraceException):
    """A user's script raised while it was imported.

    Args:
        user_exc: What it raised.
        path: The script's file.
    """

    def __init__(self, user_exc: Exception, path: str) -> None:
        super().__init__(
            f"The script at {path!r} raised {type(user_exc).__name__} while it was loaded: {user_exc}"
        )
        self.user_exc = user_exc
        self.path = path


class MissingProfileError(HeadraceException, ValueError):
    """No profile has the name that was asked for."""

    status = 404


class ProfileSettingsValidationError(HeadraceException):
    """Settings of a profile have values that cannot be used.

    Args:
        errors: Pairs of a setting and what is wrong with its value.
    """

    def __init__(self, errors: list[tuple[Any, Exception]]) -> None:
        super().__init__("; ".join(f"{setting}: {problem}" for setting, problem in errors))
        self.errors = errors


# --- How runs end ----------------------------------------------------------------------------------------------


class FailedRun(HeadraceException):
    """A run ended Failed and left no exception of its own."""


class CrashedRun(HeadraceException):
    """A run ended Crashed: what it ran on went away."""


class CancelledRun(HeadraceException):
    """A run was cancelled."""


class UnfinishedRun(HeadraceException):
    """A result was asked of a run that has not ended."""


class UpstreamTaskError(HeadraceException):
    """A task could not start because a run that it depends on did not complete."""


class PausedRun(HeadraceException):
    """A result was asked of a run that is paused.

    Args:
        state: The paused state.
    """

    def __init__(self, *args: Any, state: State[Any] | None = None) -> None:
        super().__init__(*args)
        self.state = state


class FlowPauseTimeout(HeadraceException):
    """A paused flow run was not resumed in time."""


class FlowRunWaitTimeout(HeadraceException):
    """A flow run did not end within the time that the caller was ready to wait."""


class NotPausedError(HeadraceException):
    """A run that is not paused was to be resumed."""

    status = 409


# --- Results, caching, serialization ---------------------------------------------------------------------------


class MissingResult(HeadraceException):
    """A run's result was neither kept in memory nor persisted, or its file is gone."""

    status = 404


class SerializationError(HeadraceException):
    """A value cannot be serialized, or bytes cannot be read back."""


class HashError(HeadraceException):
    """A value cannot be hashed for a cache key."""


# --- The store -------------------------------------------------------------------------------------------------


class StoreError(HeadraceException):
    """The store cannot do what was asked of it."""

    status = 503


class StoreVersionError(StoreError):
    """The store was made by a newer version of Headrace."""


class StoreCorruptError(StoreError):
    """The store's file is not a database, or is damaged."""


class StoreUnavailableError(StoreError):
    """The store cannot be read or written: no permission, no space, no such directory, no server."""


class StoreConflictError(StoreError):
    """What was to be written contradicts what is stored: a name that is taken, a reference to nothing."""

    status = 409


class OverCapacityError(StoreError):
    """More is asked of the store at once than it can do; the same request succeeds a little later."""


class ServerUnavailableError(StoreUnavailableError):
    """The server that runs are reported to does not answer, or not to this program."""


class RequestRefusedError(StoreError):
    """The server that runs are reported to will not do what this program asks of it."""


# --- Objects of the API ----------------------------------------------------------------------------------------


class ObjectNotFound(HeadraceException):
    """No object has the id or name that was asked for.

    Args:
        http_exc: What the client raised, or a message.
        help_message: What to do about it.
    """

    status = 404

    def __init__(self, http_exc: Exception | str, help_message: str | None = None, *args: Any) -> None:
        super().__init__(help_message or str(http_exc), *args)
        self.http_exc = http_exc
        self.help_message = help_message


class ObjectAlreadyExists(HeadraceException):
    """An object of that name exists."""

    status = 409

    def __init__(self, http_exc: Exception | str, *args: Any) -> None:
        super().__init__(str(http_exc), *args)
        self.http_exc = http_exc


class ServerVersionError(HeadraceException, RuntimeError):
    """The server speaks a version of the API that this client does not."""


class InfrastructureError(HeadraceException):
    """What a run executes on cannot be started or has failed."""


# --- Signals ---------------------------------------------------------------------------------------------------


class HeadraceSignal(BaseException):
    """A request to the run that is executing; not an `Exception`, so that user code does not swallow it."""


class Abort(HeadraceSignal):
    """Orchestration refused the transition: the run must stop without a state of its own."""


class Pause(HeadraceSignal):
    """The run is to stop here and wait to be resumed.

    Args:
        state: The paused state.
    """

    def __init__(self, *args: Any, state: State[Any] | None = None) -> None:
        super().__init__(*args)
        self.state = state


class CancelRun(HeadraceSignal):
    """The run is to stop, because the flow around it was interrupted."""

    def __init__(self, message: str = "Execution was interrupted together with the flow around it.") -> None:
        super().__init__(message)


class ExternalSignal(BaseException):
    """The operating system asked the process to end."""


class TerminationSignal(ExternalSignal):
    """The process received SIGTERM or its like.

    Args:
        signal: The signal's number.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(f"The process received signal {signal}.")
        self.signal = signal


# --- Names that scripts written for Prefect import -------------------------------------------------------------

PrefectException = HeadraceException
PrefectSignal = HeadraceSignal


def exception_traceback(exc: BaseException) -> str:
    """The exception's traceback as Python prints it."""
    return "".join(traceback.TracebackException.from_exception(exc).format())

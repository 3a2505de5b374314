"""Time limits for blocks of code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from headrace.engine.timeouts import interrupting

__all__ = ["fail_if_not_timeout_error", "timeout", "timeout_async"]


def fail_if_not_timeout_error(timeout_exc_type: type[Exception]) -> None:
    """Refuse an exception class that no `except TimeoutError` would catch.

    Raises:
        ValueError: It does not derive from TimeoutError.
    """
    if not issubclass(timeout_exc_type, TimeoutError):
        raise ValueError(
            f"`timeout_exc_type` must be a subclass of `TimeoutError`; got {timeout_exc_type.__name__}. "
            "Derive it from TimeoutError."
        )


@contextmanager
def timeout(
    seconds: float | None = None, timeout_exc_type: type[TimeoutError] = TimeoutError
) -> Iterator[None]:
    """Interrupt the block after a time, in the main thread also while it sleeps.

    Args:
        seconds: How long the block may take; None sets no limit.
        timeout_exc_type: What to raise.
    """
    fail_if_not_timeout_error(timeout_exc_type)
    if seconds is None:
        yield
    else:
        with interrupting(seconds, lambda: timeout_exc_type(_message(seconds))):
            yield


@asynccontextmanager
async def timeout_async(
    seconds: float | None = None, timeout_exc_type: type[TimeoutError] = TimeoutError
) -> AsyncIterator[None]:
    """Cancel the block after a time.

    Args:
        seconds: How long the block may take; None sets no limit.
        timeout_exc_type: What to raise.
    """
    import asyncio

    fail_if_not_timeout_error(timeout_exc_type)
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if limit.expired() and seconds is not None:
            raise timeout_exc_type(_message(seconds)) from error
        raise


def _message(seconds: float) -> str:
    return f"The block exceeded its limit of {float(seconds)} second(s)."

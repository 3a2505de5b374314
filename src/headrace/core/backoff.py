"""How long to wait before a retry: the rules of `retry_delay_seconds` and `retry_jitter_factor`, as pure functions.

The option is resolved once per definition to a tuple of delays (`resolve_delays`); before its n-th retry a run waits
for the n-th of them, or the last when there are fewer.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

__all__ = ["MAX_DELAYS", "Delays", "exponential_backoff", "resolve_delays", "retry_delay", "validate_jitter"]

Delays = float | int | Sequence[float] | Callable[[int], Any] | None
"""What `retry_delay_seconds` takes; a callable gets the number of retries and returns one of the others."""

MAX_DELAYS = 50
"""How many delays a definition may have."""


def resolve_delays(option: Delays, retries: int, name: str = "retry_delay_seconds") -> tuple[float, ...]:
    """The delays that an option stands for.

    Args:
        option: Seconds, a list of seconds, or a function from the number of retries to one of these; None is no delay.
        retries: How many retries there will be.
        name: The option's name, for messages.

    Returns:
        Seconds before each retry; empty when there is no delay.

    Raises:
        TypeError: The option is of another kind.
        ValueError: A delay is negative or not finite, or there are more than 50.
    """
    if callable(option):
        option = option(retries)
        name = f"{name}({retries})"
    if option is None:
        return ()
    if isinstance(option, int | float):
        return (_checked(option, name),)
    if isinstance(option, str | bytes | dict) or not isinstance(option, Iterable):
        raise TypeError(
            f"Invalid `{name}` provided; must be an int, float, list or callable. "
            f"Received type {type(option)}: {option!r}."
        )
    delays = tuple(_checked(delay, f"{name}[{index}]") for index, delay in enumerate(option))
    if len(delays) > MAX_DELAYS:
        raise ValueError(
            f"Can not configure more than {MAX_DELAYS} retry delays per task; `{name}` has {len(delays)}. "
            "Shorten it: the last delay is used for all further retries."
        )
    return delays


def _checked(delay: Any, name: str) -> float:
    if isinstance(delay, bool) or not isinstance(delay, int | float):
        raise TypeError(f"`{name}` must be a number of seconds; got {type(delay).__name__}: {delay!r}.")
    try:
        seconds = float(delay)
    except OverflowError:
        seconds = math.inf
    if not (seconds >= 0 and math.isfinite(seconds)):
        raise ValueError(f"`{name}` must be a finite number of seconds, 0 or more; got {delay!r}.")
    return seconds


def validate_jitter(factor: Any) -> float | None:
    """The `retry_jitter_factor` that was given, if it is one.

    Raises:
        TypeError: Not a number.
        ValueError: Below zero or not finite.
    """
    if factor is None:
        return None
    if isinstance(factor, bool) or not isinstance(factor, int | float):
        raise TypeError(f"`retry_jitter_factor` must be a number; got {type(factor).__name__}: {factor!r}.")
    if not (factor >= 0 and math.isfinite(factor)):
        raise ValueError(f"`retry_jitter_factor` must be >= 0 and finite; got {factor!r}.")
    return float(factor)


def retry_delay(
    delays: Sequence[float],
    attempt: int,
    jitter_factor: float | None = None,
    random: Callable[[], float] | None = None,
) -> float:
    """Seconds to wait before a retry.

    Args:
        delays: What `resolve_delays` returned.
        attempt: Which retry it is; the first is 1.
        jitter_factor: By how much the delay may vary; see `jittered`. None or 0 is not at all.
        random: Draws a number from [0, 1); the operating system does when left out.
    """
    if not delays:
        return 0.0
    delay = delays[min(attempt, len(delays)) - 1]
    if not jitter_factor or not delay:
        return delay
    return jittered(delay, jitter_factor, random() if random is not None else _draw())


def _draw() -> float:
    # Not the `random` module: its state is the user's to seed, and a forked child would repeat its parent's delays.
    return (int.from_bytes(os.urandom(7)) >> 3) * 2.0**-53


def jittered(delay: float, factor: float, drawn: float) -> float:
    """`delay` at random, so that runs that failed together do not retry together.

    Retries arrive like a Poisson process whose waiting times have the median `delay`: P(wait <= x) = 1 - 2^(-x/delay).
    Of that distribution the upper tail, above `delay * (1 + factor)`, is cut, and as much of the lower one, which
    leaves the median where it is.

    Args:
        delay: The median, in seconds.
        factor: The wait is at most `delay * (1 + factor)`.
        drawn: A number from [0, 1), uniformly distributed.

    Returns:
        Seconds, 0 to `delay * (1 + factor)`.
    """
    tail = 2.0 ** -(1.0 + factor)
    survival = tail + (1.0 - drawn) * (1.0 - 2.0 * tail)
    return min(max(-delay * math.log2(survival), 0.0), delay * (1.0 + factor))


def exponential_backoff(backoff_factor: float) -> Callable[[int], list[float]]:
    """Delays that double: `backoff_factor` seconds, then twice that, then four times, and so on.

    Args:
        backoff_factor: The first delay in seconds.

    Returns:
        A value for `retry_delay_seconds`.

    Example:
        @task(retries=3, retry_delay_seconds=exponential_backoff(10))  # after 10, 20 and 40 seconds
    """
    factor = _checked(backoff_factor, "backoff_factor")

    def delays(retries: int) -> list[float]:
        return [factor * 2.0**doubling for doubling in range(min(max(retries, 0), MAX_DELAYS))]

    return delays

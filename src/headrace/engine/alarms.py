"""Deadlines of code in the main thread, by one POSIX timer: SIGALRM interrupts it even inside `time.sleep`.

Deadlines nest (a task's within its flow's), but a process has only one such timer. So the armed alarms are kept in a
list, outermost first, and the timer is set to the earliest. When it goes off, the handler raises the error of the
outermost alarm that is due; where the engine must not be interrupted (`engine.interrupts`), a little later.

A handler and timer that the program had set itself go on working meanwhile, and are put back afterwards.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import Any, NoReturn

from headrace.engine.interrupts import RETRY_SECONDS, may_interrupt

__all__ = ["Alarm", "arm", "can_arm", "disarm"]

SOONEST = 1e-6
"""The shortest time that a timer can be set to; 0 switches it off."""
LATEST = 1e8
"""The longest, three years: what a C `time_t` of any platform can hold."""


class Alarm:
    """A moment at which to interrupt the main thread.

    Args:
        at: The moment, on the clock of `time.monotonic`.
        error: Makes the exception to raise.
    """

    __slots__ = ("at", "error", "held_back", "rang")

    def __init__(self, at: float, error: Callable[[], BaseException]) -> None:
        self.at = at
        self.error = error
        self.held_back = 0
        self.rang = False


class _Program:
    """The handler and timer that the program had set before the first alarm."""

    __slots__ = ("_handler", "_interval", "at")

    def __init__(self) -> None:
        delay, self._interval = signal.setitimer(signal.ITIMER_REAL, 0)
        self.at = monotonic() + delay if delay else None
        self._handler = signal.signal(signal.SIGALRM, _ring)

    def ring(self, signum: int, frame: FrameType | None) -> None:
        """Do what would have been done without alarms."""
        self.at = monotonic() + self._interval if self._interval else None
        if callable(self._handler):
            self._handler(signum, frame)
        elif self._handler is signal.SIG_DFL:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.raise_signal(signum)

    def restore(self) -> None:
        """Put handler and timer back."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        # None: the handler was not set from Python, and cannot be from here.
        signal.signal(signal.SIGALRM, signal.SIG_DFL if self._handler is None else self._handler)
        if self.at is not None:
            signal.setitimer(signal.ITIMER_REAL, max(self.at - monotonic(), SOONEST), self._interval)


# Only the main thread touches these.
_armed: list[Alarm] = []
_program: Any = None


def can_arm() -> bool:
    """Whether this is a main thread that POSIX timers can interrupt."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


def arm(alarm: Alarm) -> None:
    """Interrupt this thread, the main one, when the alarm is due."""
    global _program
    if _program is None:
        _program = _Program()
    else:
        _take_back_handler()
    _armed.append(alarm)
    _set_timer()


def disarm(alarm: Alarm) -> None:
    """Forget an alarm, and those within it."""
    global _program
    if alarm in _armed:
        del _armed[_armed.index(alarm) :]
    if _armed:
        _take_back_handler()
        _set_timer()
    elif _program is not None:
        _program, program = None, _program
        program.restore()


def _take_back_handler() -> None:
    """Code that ran under an outer alarm may have set another handler. (A look at it takes 5 us, so only then.)"""
    if signal.getsignal(signal.SIGALRM) is not _ring:
        signal.signal(signal.SIGALRM, _ring)


def _set_timer() -> None:
    moments = [alarm.at for alarm in _armed if not alarm.rang]
    if _program.at is not None:
        moments.append(_program.at)
    if moments:
        signal.setitimer(signal.ITIMER_REAL, min(max(min(moments) - monotonic(), SOONEST), LATEST))


def _ring(signum: int, frame: FrameType | None) -> None:
    if _program is None:
        return
    now = monotonic()
    if _program.at is not None and _program.at <= now:
        _set_timer_after(_program.ring, signum, frame)
    due = next((alarm for alarm in _armed if alarm.at <= now and not alarm.rang), None)
    if due is None:
        _set_timer()
    elif may_interrupt(frame, due.held_back):
        _interrupt(due)
    else:
        due.held_back += 1
        signal.setitimer(signal.ITIMER_REAL, RETRY_SECONDS)


def _set_timer_after(
    ring: Callable[[int, FrameType | None], None], signum: int, frame: FrameType | None
) -> None:
    """Call the program's handler, which may raise; alarms go on either way."""
    try:
        ring(signum, frame)
    finally:
        _set_timer()


def _interrupt(due: Alarm) -> NoReturn:
    due.rang = True
    _set_timer()
    raise due.error()


def _forget() -> None:
    """In a forked child: timers are not inherited, so neither are alarms."""
    global _program
    _armed.clear()
    if _program is not None:
        _program, program = None, _program
        program.at = None
        if can_arm():
            program.restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

"""SIGTERM and Ctrl-C while flows run in the main thread: they end them in good order.

Where code of users runs, a signal is raised there (`TerminationSignal`, `KeyboardInterrupt`). Where the engine is in the
middle of something, it waits until that is done (`engine.interrupts`): Python raises a signal between any two steps, also
between taking a lock and the block that would give it back. SIGTERM raised in an event loop that waits would tear down
the loop and leave its flows to be collected: flows that wait there are cancelled instead, so that each of them, and what
it awaits, cleans up and is recorded. `asyncio.run` does the same for Ctrl-C.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep
from types import FrameType
from typing import TYPE_CHECKING, Any

from headrace.engine.context import flow_run_var
from headrace.engine.interrupts import RETRY_SECONDS, may_interrupt
from headrace.engine.outcomes import is_crash
from headrace.exceptions import TerminationSignal

if TYPE_CHECKING:
    import asyncio

__all__ = ["Termination", "terminable"]

DEFAULTS: dict[int, Any] = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
"""The signals that end flows, and Python's own handlers of them. Any other handler is the user's, and left alone."""


class Termination:
    """An outermost flow of the main thread that a signal is to end.

    As a context manager it has signals handled as this module says, until the last such flow has ended.

    Args:
        signals: Which of SIGTERM and SIGINT. Not SIGINT around `asyncio.run`, which would not handle it then.

    Attributes:
        task: The asyncio task that the flow runs in; None for a flow without an event loop around it.
        signal: The number of the signal that cancelled the task; None as long as none did.
    """

    def __init__(self, *signals: int) -> None:
        self.task = _current_task()
        self.signal: int | None = None
        self._signals = signals or tuple(DEFAULTS)

    def cancel(self, number: int) -> None:
        """Cancel the flow's task because a signal came."""
        if self.task is not None:
            self.signal = number
            self.task.get_loop().call_soon_threadsafe(self.task.cancel)

    def __enter__(self) -> Termination:
        for number in self._signals:
            if signal.getsignal(number) is DEFAULTS[number]:
                signal.signal(number, HANDLERS[number])
        _flows.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        global _held_back
        _flows.remove(self)
        if not _flows:
            _held_back = 0
            for number, handler in HANDLERS.items():
                if signal.getsignal(number) is handler:
                    signal.signal(number, DEFAULTS[number])


@contextmanager
def terminable() -> Iterator[None]:
    """In an outermost flow of the main thread, let SIGTERM and Ctrl-C end the run in good order.

    The run is recorded as Crashed. When all such flows have ended and SIGTERM was the reason, it is sent again, with its
    default effect, so that whoever sent it sees the process end by it.
    """
    global _ended_by
    if flow_run_var.get() is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    flow = Termination()
    try:
        with flow:
            yield
    except BaseException as error:
        if is_crash(error):
            _ended_by = error.signal if isinstance(error, TerminationSignal) else flow.signal or _ended_by
        raise
    finally:
        if not _flows and _ended_by is not None:
            number, _ended_by = _ended_by, None
            if signal.getsignal(number) is DEFAULTS[number]:
                _flush()
                os.kill(os.getpid(), number)


_flows: list[Termination] = []
_ended_by: int | None = None
"""The signal that flows of this process have already ended by, while others still do."""
_held_back = 0
"""How often the signal that is to be raised has been held back."""


def _terminate(number: int, frame: FrameType | None) -> None:
    """The handler of SIGTERM: see the module's docstring."""
    current = _current_task()
    waiting = [flow for flow in _flows if flow.task is not None and flow.task is not current]
    raises = current is not None or not waiting
    if raises and _hold_back(number, frame):
        return
    for flow in waiting:
        flow.cancel(number)
    if raises:
        raise TerminationSignal(number)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """The handler of SIGINT: Python's own, when its time has come."""
    if not _hold_back(number, frame):
        signal.default_int_handler(number, frame)


HANDLERS: dict[int, Any] = {signal.SIGTERM: _terminate, signal.SIGINT: _interrupt}


def _hold_back(number: int, frame: FrameType | None) -> bool:
    """Whether to raise the signal later, because the engine is in the middle of something; it is sent again then."""
    global _held_back
    if may_interrupt(frame, _held_back):
        _held_back = 0
        return False
    try:
        # Not a `threading.Thread`: its locks may be among those that are held here.
        _thread.start_new_thread(_send_again, (number,))
    except RuntimeError:  # none to spare
        return False
    _held_back += 1
    return True


def _send_again(number: int) -> None:
    sleep(RETRY_SECONDS)
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        _thread.interrupt_main(signal.Signals(number))


def _current_task() -> asyncio.Task[Any] | None:
    # A script without an event loop should not load asyncio.
    asyncio = sys.modules.get("asyncio")
    try:
        return None if asyncio is None else asyncio.current_task()
    except RuntimeError:  # no event loop runs here
        return None


def _flush() -> None:
    """Write what is left: after the second signal there is no interpreter exit that would."""
    from headrace.engine.session import close_sessions

    close_sessions()

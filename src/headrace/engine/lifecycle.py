"""THE engine: the life of a run, flow or task, sync or async.

    prepare -> (start -> attempt -> settle)* -> conclude

Each step is a coroutine over a port (`engine.ports`), so one text serves both colours: synchronous callers drive it
with `engine.inline.run_inline`, asynchronous ones await it. What a user's code raised never travels through these
steps as an exception: `attempt` catches it and hands on an `Outcome`; `deliver` raises it to the caller when the run
is concluded and recorded, outside all of this.

`FlowRunEngine` and `TaskRunEngine` say what each step means for their kind of run: a flow run's transitions are
*proposed* to orchestration and committed before the flow goes on; a task run's are decided here and *recorded*.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator
from datetime import datetime
from functools import partial
from types import FrameType
from typing import Any, NamedTuple

from headrace.engine.inline import run_inline
from headrace.engine.interrupts import interruptible
from headrace.engine.ports import Port
from headrace.engine.timeouts import Deadline, call_with_timeout, invoke
from headrace.schema.states import State

_inherited: dict[int, Lifecycle] = {}
"""The runs amid which this process was forked, by the engine's `id`; its parent goes on with them."""


class Outcome(NamedTuple):
    """How an attempt ended: with a value, or with an exception."""

    value: Any = None
    error: BaseException | None = None


class Lifecycle(ABC):
    """The life of one run, in steps; subclasses say what a step does."""

    __slots__ = ("deadline", "error", "port", "result", "state")

    port: Port
    result: Any
    deadline: Deadline | None
    """When the current attempt must have ended."""
    state: Any
    error: BaseException | None
    """What to raise to the caller when the run is concluded: the exception that ended it, if one did."""

    @abstractmethod
    async def prepare(self) -> bool:
        """Make the run known and its inputs ready; False when it has ended here (cached, refused, not ready)."""

    @abstractmethod
    async def start(self) -> None:
        """Enter Running, or Retrying."""

    @abstractmethod
    def enter(self) -> Any:
        """Make the run the current one of this context; returns what `leave` needs."""

    @abstractmethod
    def leave(self, entered: Any) -> None:
        """Undo `enter`."""

    @abstractmethod
    def arguments(self) -> tuple[Callable[..., Any], Any, Any, Deadline | None]:
        """The function, its positional and keyword arguments, and the deadline of the attempt."""

    @property
    @abstractmethod
    def isgenerator(self) -> bool:
        """Whether the function is a generator function."""

    @abstractmethod
    async def settle(self, outcome: Outcome) -> bool:
        """Enter the state that follows from `outcome`; False when there is to be another attempt."""

    @abstractmethod
    async def conclude(self) -> None:
        """Tell whoever needs to know that the run has ended."""

    @abstractmethod
    async def abandon(self, error: BaseException) -> None:
        """End a run that was interrupted between two steps."""

    async def execute(self) -> State[Any]:
        """Run to the end and return the final state.

        Raises:
            BaseException: The engine itself was interrupted, or failed; what user code raises is in `error`.
        """
        try:
            if await self.prepare():
                while True:
                    await self.start()
                    outcome = await self.attempt()
                    if id(self) in _inherited:
                        return self._left_to_parent(outcome)
                    if await self.settle(outcome):
                        break
                await self.conclude()
        except BaseException as problem:
            await self.abandon(problem)
            raise
        final: State[Any] = self.state
        return final

    def _left_to_parent(self, outcome: Outcome) -> State[Any]:
        """In a forked child that comes back from the user's code: how the run ends is for the parent to say."""
        self.error = outcome.error
        if outcome.error is None:
            self.result = outcome.value
        state: State[Any] = self.state
        return state

    async def attempt(self) -> Outcome:
        """Call the user's function once; what a generator yields is collected in a list."""
        entered = self.enter()
        try:
            fn, args, kwargs, deadline = self.arguments()
            if self.isgenerator:
                fn = partial(_acollected if self.port.isasync else _collected, fn)
            return Outcome(await self.port.call(fn, args, kwargs, deadline))
        except BaseException as error:
            return Outcome(error=error)
        finally:
            self.leave(entered)

    def stream(self) -> Generator[Any, Any, Any]:
        """Run a generator function: its values are yielded to the caller as they come."""
        if not run_inline(self.prepare()):
            return
        while True:
            run_inline(self.start())
            outcome = yield from self._attempt_stream()
            if run_inline(self.settle(outcome)):
                break
        run_inline(self.conclude())

    def _attempt_stream(self) -> Generator[Any, Any, Outcome]:
        fn, args, kwargs, deadline = self.arguments()
        steps = _Steps(self, fn(*args, **kwargs), deadline)
        outcome = steps.advance(None)
        while outcome is None:
            try:
                sent = yield steps.value
            except GeneratorExit:
                steps.close()
                run_inline(self.settle(Outcome()))
                run_inline(self.conclude())
                raise
            except BaseException as thrown:
                outcome = steps.throw(thrown)
            else:
                outcome = steps.advance(sent)
        return outcome

    async def astream(self) -> AsyncGenerator[Any, Any]:
        """Run an async generator function; see `stream`."""
        if not await self.prepare():
            return
        while True:
            await self.start()
            outcome = Outcome()
            fn, args, kwargs, deadline = self.arguments()
            generator = fn(*args, **kwargs)
            resume, argument = generator.asend, None
            try:
                while True:
                    entered = self.enter()
                    try:
                        value = await self.port.call(resume, (argument,), {}, deadline)
                    finally:
                        self.leave(entered)
                    try:
                        resume, argument = generator.asend, (yield value)
                    except GeneratorExit:
                        raise
                    except BaseException as thrown:
                        resume, argument = generator.athrow, thrown
            except StopAsyncIteration:
                pass
            except GeneratorExit:
                await generator.aclose()
                await self.settle(Outcome())
                await self.conclude()
                raise
            except BaseException as error:
                outcome = Outcome(error=error)
            if await self.settle(outcome):
                break
        await self.conclude()


class _Steps:
    """A user's generator, advanced inside the run's context one step at a time."""

    def __init__(
        self, engine: Lifecycle, generator: Generator[Any, Any, Any], deadline: Deadline | None
    ) -> None:
        self._engine = engine
        self._generator = generator
        self._deadline = deadline
        self.value: Any = None

    def advance(self, sent: Any) -> Outcome | None:
        return self._step(self._generator.send, sent)

    def throw(self, error: BaseException) -> Outcome | None:
        return self._step(self._generator.throw, error)

    def close(self) -> None:
        entered = self._engine.enter()
        try:
            self._generator.close()
        finally:
            self._engine.leave(entered)

    def _step(self, resume: Callable[[Any], Any], argument: Any) -> Outcome | None:
        """Resume the generator; its outcome if that ended it, else None and `value` is what it yielded."""
        entered = self._engine.enter()
        try:
            # Not through the port: a StopIteration cannot leave a coroutine.
            if self._deadline is None:
                self.value = invoke(resume, (argument,), {})
            else:
                self.value = call_with_timeout(resume, (argument,), {}, self._deadline)
        except StopIteration as finished:
            return Outcome(finished.value)
        except BaseException as error:
            return Outcome(error=error)
        finally:
            self._engine.leave(entered)
        return None


@interruptible
def _collected(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> list[Any]:
    return list(fn(*args, **kwargs))


async def _acollected(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> list[Any]:
    return [value async for value in fn(*args, **kwargs)]


def elapsed(start: datetime | None, end: datetime) -> float:
    """Seconds from `start` to `end`; 0 when there was no start."""
    return (end - start).total_seconds() if start is not None else 0.0


def _inherit() -> None:
    """In a forked child: note the runs whose code called `fork`."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code is Lifecycle.execute.__code__:
            engine: Lifecycle = frame.f_locals["self"]
            _inherited[id(engine)] = engine
        frame = frame.f_back


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_inherit)

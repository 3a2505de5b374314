"""The two ways in which an engine coroutine touches the world: blocking, or awaiting.

Everything in a lifecycle that can take time goes through a port. `SYNC` blocks the calling thread and never suspends,
so `engine.inline` can drive it; `ASYNC` awaits on the running event loop. The lifecycle itself does not know which.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from headrace.engine import timeouts
from headrace.engine.futures import Future as RunFuture
from headrace.engine.futures import blocking
from headrace.engine.interrupts import interruptible
from headrace.engine.waiting import wait_in_slices

T = TypeVar("T")


class Port(Protocol):
    """What a lifecycle needs from the world."""

    isasync: bool

    async def wait(self, future: Future[T]) -> T:
        """The result of `future`, once it has one."""
        ...

    async def wait_for_run(self, run: RunFuture[Any]) -> None:
        """Wait until a run has ended."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...

    async def call(
        self, fn: Callable[..., Any], args: Any, kwargs: Any, deadline: timeouts.Deadline | None
    ) -> Any:
        """Call a user's function of this colour, until `deadline` at the latest."""
        ...

    async def call_blocking(self, fn: Callable[..., T], *args: Any) -> T:
        """Call a function that blocks (storage, locks) without holding up others."""
        ...

    async def call_any(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a user's hook or condition of either colour."""
        ...


class SyncPort:
    """Blocks the calling thread; never suspends."""

    isasync = False

    async def wait(self, future: Future[T]) -> T:
        return future.result()

    async def wait_for_run(self, run: RunFuture[Any]) -> None:
        run.wait()

    async def sleep(self, seconds: float) -> None:
        with blocking.get()():
            wait_in_slices(time.sleep, seconds)

    @interruptible
    async def call(
        self, fn: Callable[..., Any], args: Any, kwargs: Any, deadline: timeouts.Deadline | None
    ) -> Any:
        if deadline is None:
            return fn(*args, **kwargs)
        return timeouts.call_with_timeout(fn, args, kwargs, deadline)

    async def call_blocking(self, fn: Callable[..., T], *args: Any) -> T:
        return fn(*args)

    @interruptible
    async def call_any(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = fn(*args, **kwargs)
        if inspect.isawaitable(result):
            from headrace.engine.loops import run_awaitable

            return run_awaitable(result)
        return result


class AsyncPort:
    """Awaits on the running event loop."""

    isasync = True

    async def wait(self, future: Future[T]) -> T:
        import asyncio

        return await asyncio.wrap_future(future)

    async def wait_for_run(self, run: RunFuture[Any]) -> None:
        import asyncio

        if run.done():
            return
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def wake() -> None:
            if not ended.done():
                ended.set_result(None)

        def ended_elsewhere(_: RunFuture[Any]) -> None:
            with suppress(RuntimeError):  # The loop is closed, so nobody waits here any more.
                loop.call_soon_threadsafe(wake)

        run.add_done_callback(ended_elsewhere)
        await ended

    async def sleep(self, seconds: float) -> None:
        import asyncio

        await asyncio.sleep(seconds)

    async def call(
        self, fn: Callable[..., Any], args: Any, kwargs: Any, deadline: timeouts.Deadline | None
    ) -> Any:
        if deadline is None:
            return await fn(*args, **kwargs)
        return await timeouts.await_with_timeout(fn(*args, **kwargs), deadline)

    async def call_blocking(self, fn: Callable[..., T], *args: Any) -> T:
        import asyncio

        return await asyncio.to_thread(fn, *args)

    async def call_any(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = fn(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result


SYNC = SyncPort()
ASYNC = AsyncPort()

"""Background event loops: where async tasks and hooks run when their caller is synchronous.

They are started on first use, each in a daemon thread, and shared by the whole process, so clients and connections that
async code keeps belong to one loop. Code on a background loop may submit async tasks and block on their futures; those
run on a loop of their own, one level down, or the blocked loop could never run them.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

from headrace.engine.futures import blocking
from headrace.engine.waiting import result_of

T = TypeVar("T")

_lock = threading.Lock()
_loops: list[asyncio.AbstractEventLoop] = []
_running: set[asyncio.Task[Any]] = set()
"""Keeps spawned tasks referenced: a loop itself holds them weakly."""


def background_loop() -> asyncio.AbstractEventLoop:
    """The loop for what the caller starts: the process's first, or the next one down from the one it is on."""
    caller = running_loop()
    with _lock:
        level = _loops.index(caller) + 1 if caller in _loops else 0
        if level == len(_loops):
            loop = asyncio.new_event_loop()
            _loops.append(loop)
            threading.Thread(target=_run, args=(loop,), name=f"headrace-loop-{level}", daemon=True).start()
        return _loops[level]


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def run_awaitable(awaitable: Awaitable[T]) -> T:
    """Run an awaitable to its end from synchronous code.

    Args:
        awaitable: What an async function returned.

    Returns:
        Its result. Context variables of the caller are visible to it.
    """

    async def run() -> T:
        return await awaitable

    future = asyncio.run_coroutine_threadsafe(run(), background_loop())
    try:
        with blocking.get()():
            return result_of(future)
    except BaseException:
        future.cancel()
        raise


def spawn(
    loop: asyncio.AbstractEventLoop, run: Callable[[], Coroutine[Any, Any, None]], context: Context
) -> None:
    """Start `run()` on `loop`, from any thread, inside `context`."""

    def start() -> None:
        task = loop.create_task(run(), context=context)
        _running.add(task)
        task.add_done_callback(_running.discard)

    loop.call_soon_threadsafe(start)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


def _forget_parents_loops() -> None:
    """In a forked child: the loops' threads stayed with the parent."""
    global _lock
    _lock = threading.Lock()
    _loops.clear()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents_loops)

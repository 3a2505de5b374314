"""`Gathering`: many clients' requests written by one command.

    created = await creations.add(run)

What arrives while a commit is under way waits in a list, and the next command takes all of it: the busier the server,
the larger its statements. If such a command fails, its items are written one by one, so that only the guilty one's client
sees the error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from headrace.api.bridge import Bridge
from headrace.exceptions import OverCapacityError

__all__ = ["MAX_WAITING", "Gathering"]

T = TypeVar("T")
R = TypeVar("R")

MAX_WAITING = 10_000
"""Items that wait for their commit before the next one is refused."""


class _Waiting(NamedTuple):
    """An item, and who waits for it."""

    item: Any
    waiter: asyncio.Future[Any]


class Gathering(Generic[T, R]):
    """Writes the items of one event loop together.

    Args:
        bridge: The store.
        write: Writes some items, and returns what each has become. It may be called twice for the same items.
    """

    def __init__(self, bridge: Bridge, write: Callable[[Any, list[T]], list[R]]) -> None:
        self._bridge = bridge
        self._write = write
        self._waiting: list[_Waiting] = []
        self._scheduled = False
        self._unanswered = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, item: T) -> R:
        """Write an item and wait for its commit.

        Raises:
            OverCapacityError: Too many items wait already.
            Exception: What writing it raised.
        """
        if self._unanswered >= MAX_WAITING:
            raise OverCapacityError(
                f"{self._unanswered} writes wait for their commit already, as many as may; try again in a moment."
            )
        waiter: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, waiter))
        self._unanswered += 1
        if not self._scheduled:
            self._scheduled = True
            task = asyncio.create_task(self._write_all())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            return await waiter
        finally:
            self._unanswered -= 1

    async def _write_all(self) -> None:
        """Write what waits by the time the ledger comes to it."""
        taken: list[_Waiting] = []

        def command(conn: Any) -> list[R]:
            if not taken:  # else the ledger calls a second time
                taken.extend(self._take())
            return self._write(conn, [item for item, _ in taken])

        try:
            results = await self._bridge.write(command)
        except Exception as error:
            if not taken:
                taken.extend(self._take())
            await self._write_each(taken, error)
            return
        for (_, waiter), result in zip(taken, results, strict=True):
            if not waiter.done():
                waiter.set_result(result)

    def _write_one(self, item: T, conn: Any) -> list[R]:
        return self._write(conn, [item])

    def _take(self) -> list[_Waiting]:
        # First the flag: who comes between these lines asks for another command, which may then find nothing.
        self._scheduled = False
        taken = self._waiting[:]
        del self._waiting[: len(taken)]
        return taken

    async def _write_each(self, taken: list[_Waiting], error: Exception) -> None:
        if len(taken) == 1:
            _refuse(taken[0].waiter, error)
            return
        for item, waiter in taken:
            try:
                (result,) = await self._bridge.write(partial(self._write_one, item))
            except Exception as problem:
                _refuse(waiter, problem)
            else:
                if not waiter.done():
                    waiter.set_result(result)


def _refuse(waiter: asyncio.Future[Any], error: Exception) -> None:
    if not waiter.done():
        waiter.set_exception(error)

"""Drive an engine coroutine from synchronous code.

The lifecycle of runs is written once, as `async def` over a port (`engine.ports`). Under the synchronous port no
`await` ever suspends, so the coroutine is an ordinary call in disguise: the first `send` runs it to its end. No
event loop, thread or greenlet is involved, and the cost is that of creating one coroutine object.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_inline(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return its result.

    Raises:
        RuntimeError: It suspended, which is a defect: something asynchronous was awaited under the synchronous port.
    """
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return finished.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} suspended under the synchronous port.")

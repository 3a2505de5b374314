"""Call the hooks that users attach to state changes. A hook that raises is logged; the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headrace.engine.ports import Port
from headrace.schema.states import State


async def call_hooks(
    port: Port,
    hooks: Sequence[Callable[..., Any]],
    definition: Any,
    run: Any,
    state: State[Any],
    logger: Any,
) -> None:
    """Call each hook with (flow or task, its run, state), in order.

    Args:
        port: How to call them.
        hooks: Functions of either colour.
        definition: The flow or task.
        run: Its run.
        state: The state that was just entered.
        logger: Where to say that a hook is called, and when one raises.
    """
    for hook in hooks:
        name = getattr(hook, "__name__", type(hook).__name__)
        logger.info("Running hook %r in response to entering state %r", name, state.name)
        try:
            await port.call_any(hook, definition, run, state)
        except Exception:
            logger.error("An error was encountered while running hook %r", name, exc_info=True)
        else:
            logger.info("Hook %r finished running successfully", name)

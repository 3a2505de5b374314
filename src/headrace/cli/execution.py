"""Executing a flow run in this process, from the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from headrace.cli.exit_codes import INTERRUPTED, TERMINATED, UNSUCCESSFUL, exit_code
from headrace.cli.output import say_error
from headrace.exceptions import ScriptError, TerminationSignal

if TYPE_CHECKING:
    from headrace.engine.flow_run import FlowRunEngine

__all__ = ["code_of", "execute", "script_failed", "show_traceback", "summary"]


def execute(engine: FlowRunEngine) -> BaseException | None:
    """Run a flow of any colour to its end; what a generator yields goes nowhere.

    Returns:
        What ended it, if that was an error.
    """
    try:
        if engine.flow.isasync:
            import asyncio

            asyncio.run(_awaited(engine))
        else:
            _called(engine)
    except BaseException as error:
        return error
    return engine.error


def code_of(engine: FlowRunEngine, error: BaseException | None) -> int:
    """The exit code of a run that has ended."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, TerminationSignal):
        return TERMINATED
    return exit_code(engine.state.type) if engine.state is not None else UNSUCCESSFUL


def script_failed(entrypoint: str, exc: ScriptError | SystemExit) -> int:
    """Say why the script of a flow could not be loaded.

    Returns:
        The exit code.
    """
    if isinstance(exc, SystemExit):
        say_error(
            f"The script at {entrypoint!r} called sys.exit({exc.code!r}) while it was loaded; no flow was run."
        )
    else:
        show_traceback(exc.user_exc)
        say_error(str(exc))
    return UNSUCCESSFUL


def show_traceback(error: BaseException) -> None:
    """Write where the user's code failed, where errors go."""
    from headrace.logging.tracebacks import user_traceback

    sys.stdout.flush()
    sys.stderr.write(user_traceback(error))


def summary(engine: FlowRunEngine, code: int) -> dict[str, Any]:
    """How a run ended, for JSON."""
    state = engine.state
    return {
        "id": engine.run.id,
        "name": engine.run.name,
        "flow_name": engine.flow.name,
        "state": None
        if state is None
        else {"type": state.type, "name": state.name, "message": state.message},
        "exit_code": code,
    }


def _called(engine: FlowRunEngine) -> None:
    """Run a sync flow to its end."""
    from headrace.engine.inline import run_inline
    from headrace.engine.termination import Termination

    with Termination():
        if engine.flow.isgenerator:
            for _ in engine.stream():
                pass
        else:
            run_inline(engine.execute())


async def _awaited(engine: FlowRunEngine) -> None:
    """Run an async flow to its end.

    Raises:
        CancelledError: The run was cancelled; `asyncio.run` makes KeyboardInterrupt of it when Ctrl-C was the reason.
        TerminationSignal: The run was cancelled because of SIGTERM.
    """
    import asyncio

    from headrace.engine.termination import Termination

    with Termination() as termination:
        if engine.flow.isgenerator:
            async for _ in engine.astream():
                pass
        else:
            await engine.execute()
    if isinstance(engine.error, asyncio.CancelledError):
        if termination.signal is not None:
            raise TerminationSignal(termination.signal) from engine.error
        raise engine.error

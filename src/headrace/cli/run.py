"""`headrace run`: run a flow from a file or a module, here and now."""

from __future__ import annotations

import signal
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from headrace.cli.exit_codes import INTERRUPTED, TERMINATED, UNSUCCESSFUL, exit_code
from headrace.cli.output import Output, json_to, say_error, stdout_to_stderr
from headrace.exceptions import ScriptError, TerminationSignal

if TYPE_CHECKING:
    from headrace.engine.flow_run import FlowRunEngine
    from headrace.flows import Flow

__all__ = ["app"]

app = App(name="run", result_action="return_value", help_format="plaintext")


@app.default
def run(
    entrypoint: str,
    *,
    param: Annotated[list[str] | None, Parameter(name=("--param", "-p"), negative=())] = None,
    params: str | None = None,
    name: Annotated[str | None, Parameter(name=("--name", "-n"))] = None,
    tag: Annotated[list[str] | None, Parameter(name=("--tag", "-t"), negative=())] = None,
    output: Output = "text",
) -> int:
    """Run a flow here and now; the exit code says how the run ended.

    Args:
        entrypoint: FILE.py:FLOW, package.module:FLOW, or either alone if it has one flow.
        param: A parameter as NAME=VALUE, once for each. The value is read as JSON where it is JSON, else as text.
        params: Parameters as one JSON object; `--param` wins over it.
        name: The name of the flow run.
        tag: A tag for the flow run and its task runs, once for each.
    """
    from headrace.engine.termination import Termination

    quiet: AbstractContextManager[None] = stdout_to_stderr() if output == "json" else nullcontext()
    with quiet, Termination(signal.SIGTERM):
        try:
            engine, error = _executed(entrypoint, param or [], params, name, tag or [])
        except (ScriptError, SystemExit) as exc:
            return _script_failed(entrypoint, exc)
        if error is not None:
            _show_traceback(error)
        code = _code(engine, error)
    if output == "json":
        json_to(_summary(engine, code))
    return code


def _executed(
    entrypoint: str, param: list[str], params: str | None, name: str | None, tags: list[str]
) -> tuple[FlowRunEngine, BaseException | None]:
    """The run, ended, and what ended it if that was an error."""
    from headrace import context
    from headrace.cli.parameters import read_parameters
    from headrace.engine.sources import load_flow

    flow = load_flow(entrypoint)
    parameters = read_parameters(flow.fn, param, params)
    if name is not None:
        flow = flow.with_options(flow_run_name=lambda: name)
    with context.tags(*tags):
        return _call(flow, flow.binder.complete(parameters))


def _call(flow: Flow[..., Any], parameters: dict[str, Any]) -> tuple[FlowRunEngine, BaseException | None]:
    """Run a flow of any colour to its end; what a generator yields goes nowhere."""
    from headrace.engine.flow_run import FlowRunEngine
    from headrace.engine.ports import ASYNC, SYNC

    engine = FlowRunEngine(flow, parameters, ASYNC if flow.isasync else SYNC)
    try:
        if flow.isasync:
            import asyncio

            asyncio.run(_awaited(engine))
        else:
            _called(engine)
    except BaseException as error:
        return engine, error
    return engine, engine.error


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


def _script_failed(entrypoint: str, exc: ScriptError | SystemExit) -> int:
    if isinstance(exc, SystemExit):
        say_error(
            f"The script at {entrypoint!r} called sys.exit({exc.code!r}) while it was loaded; no flow was run."
        )
    else:
        _show_traceback(exc.user_exc)
        say_error(str(exc))
    return UNSUCCESSFUL


def _show_traceback(error: BaseException) -> None:
    from headrace.logging.tracebacks import user_traceback

    sys.stdout.flush()
    sys.stderr.write(user_traceback(error))


def _code(engine: FlowRunEngine, error: BaseException | None) -> int:
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, TerminationSignal):
        return TERMINATED
    return exit_code(engine.state.type) if engine.state is not None else UNSUCCESSFUL


def _summary(engine: FlowRunEngine, code: int) -> dict[str, Any]:
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

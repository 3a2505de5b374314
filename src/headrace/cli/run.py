"""`headrace run`: run a flow from a file or a module, here and now."""

from __future__ import annotations

import signal
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from headrace.cli.execution import code_of, execute, script_failed, show_traceback, summary
from headrace.cli.output import Output, json_to, stdout_to_stderr
from headrace.exceptions import ScriptError

if TYPE_CHECKING:
    from headrace.engine.flow_run import FlowRunEngine

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
            return script_failed(entrypoint, exc)
        if error is not None:
            show_traceback(error)
        code = code_of(engine, error)
    if output == "json":
        json_to(summary(engine, code))
    return code


def _executed(
    entrypoint: str, param: list[str], params: str | None, name: str | None, tags: list[str]
) -> tuple[FlowRunEngine, BaseException | None]:
    """The run, ended, and what ended it if that was an error."""
    from headrace import context
    from headrace.cli.parameters import read_parameters
    from headrace.engine.flow_run import FlowRunEngine
    from headrace.engine.ports import ASYNC, SYNC
    from headrace.engine.sources import load_flow

    flow = load_flow(entrypoint)
    parameters = read_parameters(flow.fn, param, params)
    if name is not None:
        flow = flow.with_options(flow_run_name=lambda: name)
    with context.tags(*tags):
        engine = FlowRunEngine(flow, flow.binder.complete(parameters), ASYNC if flow.isasync else SYNC)
        return engine, execute(engine)

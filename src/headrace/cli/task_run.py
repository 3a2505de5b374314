"""`headrace task-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from msgspec import Struct, to_builtins

from headrace.cli.filters import Limit, StateNames, StateTypes, state_names
from headrace.cli.log_lines import Head, NumLogs, Reverse, Tail, show_logs, window
from headrace.cli.output import Cell, Column, Output, json_to, say, show_pairs, show_table
from headrace.cli.recorded import NOTHING_YET, read
from headrace.cli.run_details import show_history, shown_tags, timing
from headrace.cli.words import ago, duration, state_cell
from headrace.schema.base import now
from headrace.schema.runs import Constant, FlowRun, FlowRunResult, RunInput, TaskRun
from headrace.schema.runs import Parameter as FlowParameter
from headrace.schema.states import State

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from headrace.core.states import StateType

__all__ = ["app"]

app = App(name="task-run", help="Look at task runs.", result_action="return_value", help_format="plaintext")


class Details(Struct):
    """All that is shown of one task run."""

    run: TaskRun
    flow_run: FlowRun | None
    history: list[State[Any]]


@app.command
def ls(
    *,
    task_run_name: Annotated[list[str] | None, Parameter(negative=())] = None,
    flow_run: str | None = None,
    limit: Limit = 15,
    state: StateNames = None,
    state_type: StateTypes = None,
    output: Output = "text",
) -> None:
    """List task runs, the newest first.

    Args:
        task_run_name: Only runs of this name; may be given several times.
        flow_run: Only task runs of this flow run, given by its id, the start of it, or its name.
        limit: How many at most.
        state: Only runs in a state of this name, such as Completed or Cached; may be given several times.
        state_type: Only runs in a state of this type; may be given several times.
    """
    runs, any_at_all = read(
        lambda conn: _listed(conn, task_run_name, flow_run, limit, state_names(state), state_type)
    )
    if output == "json":
        json_to(runs)
    elif runs:
        _show_list(runs)
    else:
        say("No task run matches." if any_at_all else NOTHING_YET)


@app.command
def inspect(id: str, *, output: Output = "text") -> None:
    """Show a task run: its state and history, times and inputs.

    Args:
        id: The run's id, the start of it, or its name.
    """
    details = read(lambda conn: _details(conn, id))
    if output == "json":
        json_to({**to_builtins(details.run), "state_history": details.history})
    else:
        _show_details(details)


@app.command(help_flags=("--help",))
def logs(
    id: str,
    *,
    head: Head = False,
    tail: Tail = False,
    num_logs: NumLogs = None,
    reverse: Reverse = False,
    output: Output = "text",
) -> None:
    """Show what a task run logged.

    Args:
        id: The run's id, the start of it, or its name.
    """
    from headrace.store.task_runs import find_task_run
    from headrace.store.where import LogFilter

    shown = window(head, tail, num_logs, reverse)
    run = read(lambda conn: find_task_run(conn, id))
    show_logs(LogFilter(task_run_ids=[run.id]), shown, output)


def _listed(
    conn: Connection,
    run_names: list[str] | None,
    flow_run: str | None,
    limit: int,
    names: list[str] | None,
    types: list[StateType] | None,
) -> tuple[list[TaskRun], bool]:
    """The runs that match, and whether there is any run at all."""
    from headrace.store.flow_runs import find_flow_run
    from headrace.store.task_runs import read_task_runs
    from headrace.store.where import TaskRunFilter

    flow_run_ids = None if flow_run is None else [find_flow_run(conn, flow_run).id]
    wanted = TaskRunFilter(names=run_names, flow_run_ids=flow_run_ids, state_names=names, state_types=types)
    runs = read_task_runs(conn, wanted, limit=limit, now=now())
    return runs, bool(runs) or bool(read_task_runs(conn, limit=1))


def _details(conn: Connection, text: str) -> Details:
    from headrace.store.flow_runs import read_flow_run
    from headrace.store.states import read_states
    from headrace.store.task_runs import find_task_run

    run = find_task_run(conn, text, now=now())
    flow_run = read_flow_run(conn, run.flow_run_id) if run.flow_run_id else None
    return Details(run, flow_run, read_states(conn, run.id))


def _show_list(runs: list[TaskRun]) -> None:
    at = now()
    columns = [Column("ID", 36), Column("Name"), Column("State"), Column("When"), Column("Duration")]
    rows = [
        [
            Cell(str(run.id), "cyan"),
            Cell(run.name, "bold"),
            state_cell(run.state_type, run.state_name),
            Cell(ago(run.start_time or run.expected_start_time or run.created, at)),
            Cell(duration(run.estimated_run_time) if run.start_time else "-"),
        ]
        for run in runs
    ]
    show_table(columns, rows)


def _show_details(details: Details) -> None:
    run = details.run
    show_pairs(
        [
            ("Task run", Cell(run.name, "bold")),
            ("ID", str(run.id)),
            ("Task key", run.task_key),
            ("Flow run", f"{details.flow_run.name} ({details.flow_run.id})" if details.flow_run else "none"),
            *timing(run),
            ("Tags", shown_tags(run.tags)),
            ("Cache key", run.cache_key or "none"),
        ]
    )
    inputs = [(name, ", ".join(map(_shown_input, given))) for name, given in run.task_inputs.items() if given]
    if inputs:
        say("\nInputs")
        show_pairs(inputs, indent=2)
    show_history(details.history)


def _shown_input(given: RunInput) -> str:
    if isinstance(given, FlowParameter):
        return f"parameter {given.name!r} of the flow"
    if isinstance(given, Constant):
        return f"a constant ({given.type})"
    return f"result of {'flow' if isinstance(given, FlowRunResult) else 'task'} run {given.id}"

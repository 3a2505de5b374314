"""`headrace task-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from msgspec import Struct, to_builtins

from headrace.cli.filters import Limit, StateNames, StateTypes, state_names
from headrace.cli.finding import find_flow_run, find_task_run
from headrace.cli.log_lines import Head, NumLogs, Reverse, Tail, show_logs, window
from headrace.cli.output import Cell, Column, Output, json_to, say, show_pairs, show_table
from headrace.cli.recorded import NOTHING_YET, connected, pages
from headrace.cli.run_details import show_history, shown_tags, timing
from headrace.cli.words import ago, duration, state_cell
from headrace.schema.base import now
from headrace.schema.filters.logs import LogFilter, LogFilterTaskRunId
from headrace.schema.filters.task_runs import (
    TaskRunFilter,
    TaskRunFilterFlowRunId,
    TaskRunFilterName,
    TaskRunFilterState,
    TaskRunFilterStateName,
    TaskRunFilterStateType,
)
from headrace.schema.runs import Constant, FlowRun, FlowRunResult, RunInput, TaskRun
from headrace.schema.runs import Parameter as FlowParameter
from headrace.schema.sorting import TaskRunSort
from headrace.schema.states import State

if TYPE_CHECKING:
    from headrace.client.orchestration import SyncHeadraceClient

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
        flow_run: Only task runs of this flow run, given by its id or name.
        limit: How many at most.
        state: Only runs in a state of this name, such as Completed or Cached; may be given several times.
        state_type: Only runs in a state of this type; may be given several times.
    """
    wanted = TaskRunFilter(
        name=TaskRunFilterName(any_=task_run_name),
        state=TaskRunFilterState(
            type=TaskRunFilterStateType(any_=state_type), name=TaskRunFilterStateName(any_=state_names(state))
        ),
    )
    with connected() as client:
        if flow_run is not None:
            wanted.flow_run_id = TaskRunFilterFlowRunId(any_=[find_flow_run(client, flow_run).id])
        runs = _listed(client, wanted, limit)
        any_at_all = bool(runs) or bool(client.read_task_runs(limit=1))
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
        id: The run's id, its name, or the start of its id if it is one of the newest.
    """
    with connected() as client:
        details = _details(client, find_task_run(client, id))
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
        id: The run's id, its name, or the start of its id if it is one of the newest.
    """
    shown = window(head, tail, num_logs, reverse)
    with connected() as client:
        run = find_task_run(client, id)
        show_logs(client, LogFilter(task_run_id=LogFilterTaskRunId(any_=[run.id])), shown, output)


def _listed(client: SyncHeadraceClient, wanted: TaskRunFilter, count: int) -> list[TaskRun]:
    """The newest runs that match."""
    listed = pages(
        lambda limit, offset: client.read_task_runs(
            task_run_filter=wanted,
            sort=TaskRunSort.EXPECTED_START_TIME_DESC,
            limit=limit,
            offset=offset,
        ),
        count,
    )
    return [run for page in listed for run in page]


def _details(client: SyncHeadraceClient, run: TaskRun) -> Details:
    flow_run = client.read_flow_run(run.flow_run_id) if run.flow_run_id else None
    return Details(run, flow_run, client.read_task_run_states(run.id))


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

"""`headrace flow-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from cyclopts import App, Parameter
from msgspec import Struct, to_builtins

from headrace.cli.filters import Limit, StateNames, StateTypes, state_names
from headrace.cli.log_lines import Head, NumLogs, Reverse, Tail, show_logs, window
from headrace.cli.output import Cell, Column, Output, json_to, say, show_pairs, show_table
from headrace.cli.recorded import NOTHING_YET, read
from headrace.cli.run_details import show_history, shown_parameters, shown_tags, timing
from headrace.cli.words import ago, duration, state_cell
from headrace.core.states import StateType
from headrace.schema.base import now
from headrace.schema.runs import FlowRun
from headrace.schema.states import State

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["app"]

app = App(name="flow-run", help="Look at flow runs.", result_action="return_value", help_format="plaintext")


class Listed(Struct):
    """A flow run in a list, with the name of its flow."""

    run: FlowRun
    flow_name: str


class Details(Struct):
    """All that is shown of one flow run."""

    run: FlowRun
    flow_name: str
    history: list[State[Any]]
    task_runs: dict[StateType, int]
    subflow_runs: list[Listed]


@app.command
def ls(
    *,
    flow_name: Annotated[list[str] | None, Parameter(negative=())] = None,
    limit: Limit = 15,
    state: StateNames = None,
    state_type: StateTypes = None,
    output: Output = "text",
) -> None:
    """List flow runs, the newest first.

    Args:
        flow_name: Only runs of this flow; may be given several times.
        limit: How many at most.
        state: Only runs in a state of this name, such as Completed or Late; may be given several times.
        state_type: Only runs in a state of this type; may be given several times.
    """
    runs, any_at_all = read(lambda conn: _listed(conn, flow_name, limit, state_names(state), state_type))
    if output == "json":
        json_to([_as_json(listed) for listed in runs])
    elif runs:
        _show_list(runs)
    else:
        say("No flow run matches." if any_at_all else NOTHING_YET)


@app.command
def inspect(id: str, *, output: Output = "text") -> None:
    """Show a flow run: its state and history, times, parameters, task runs and subflow runs.

    Args:
        id: The run's id, the start of it, or its name.
    """
    details = read(lambda conn: _details(conn, id))
    if output == "json":
        json_to(_details_as_json(details))
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
    """Show what a flow run and its task runs logged.

    Args:
        id: The run's id, the start of it, or its name.
    """
    from headrace.store.flow_runs import find_flow_run
    from headrace.store.where import LogFilter

    shown = window(head, tail, num_logs, reverse)
    run = read(lambda conn: find_flow_run(conn, id))
    show_logs(LogFilter(flow_run_ids=[run.id]), shown, output, flow_run=run)


def _listed(
    conn: Connection,
    flow_names: list[str] | None,
    limit: int,
    names: list[str] | None,
    types: list[StateType] | None,
) -> tuple[list[Listed], bool]:
    """The runs that match, and whether there is any run at all."""
    from headrace.store.flow_runs import read_flow_runs
    from headrace.store.where import FlowRunFilter

    wanted = FlowRunFilter(flow_names=flow_names, state_names=names, state_types=types)
    runs = _with_flow_names(conn, read_flow_runs(conn, wanted, limit=limit, now=now()))
    return runs, bool(runs) or bool(read_flow_runs(conn, limit=1))


def _with_flow_names(conn: Connection, runs: list[FlowRun]) -> list[Listed]:
    from headrace.store.flows import read_flow

    names: dict[UUID, str] = {
        flow_id: read_flow(conn, flow_id).name for flow_id in {run.flow_id for run in runs}
    }
    return [Listed(run, names[run.flow_id]) for run in runs]


def _details(conn: Connection, text: str) -> Details:
    from headrace.store.flow_runs import find_flow_run
    from headrace.store.states import read_states
    from headrace.store.summaries import count_task_runs_by_state, read_subflow_runs

    run = find_flow_run(conn, text, now=now())
    [listed] = _with_flow_names(conn, [run])
    return Details(
        run,
        listed.flow_name,
        read_states(conn, run.id),
        count_task_runs_by_state(conn, run.id),
        _with_flow_names(conn, read_subflow_runs(conn, run.id, now=now())),
    )


def _as_json(listed: Listed) -> dict[str, Any]:
    return {**to_builtins(listed.run), "flow_name": listed.flow_name}


def _details_as_json(details: Details) -> dict[str, Any]:
    return {
        **_as_json(Listed(details.run, details.flow_name)),
        "state_history": details.history,
        "task_run_counts": details.task_runs,
        "subflow_runs": [_as_json(subflow) for subflow in details.subflow_runs],
    }


def _show_list(runs: list[Listed]) -> None:
    at = now()
    columns = [
        Column("ID", 36),
        Column("Flow"),
        Column("Name"),
        Column("State"),
        Column("When"),
        Column("Duration"),
    ]
    rows = [
        [
            Cell(str(run.id), "cyan"),
            Cell(flow_name),
            Cell(run.name, "bold"),
            state_cell(run.state_type, run.state_name),
            Cell(ago(run.start_time or run.expected_start_time or run.created, at)),
            Cell(duration(run.estimated_run_time) if run.start_time else "-"),
        ]
        for run, flow_name in ((listed.run, listed.flow_name) for listed in runs)
    ]
    show_table(columns, rows)


def _show_details(details: Details) -> None:
    run = details.run
    pairs: list[tuple[str, Cell | str]] = [
        ("Flow run", Cell(run.name, "bold")),
        ("ID", str(run.id)),
        ("Flow", details.flow_name),
        *timing(run),
        ("Tags", shown_tags(run.tags)),
        ("Task runs", _shown_counts(details.task_runs)),
    ]
    show_pairs(pairs)
    shown_parameters(run.parameters)
    if details.subflow_runs:
        say("\nSubflow runs")
        _show_list(details.subflow_runs)
    show_history(details.history)


def _shown_counts(counts: dict[StateType, int]) -> str:
    parts = [f"{count:,} {kind.value.capitalize()}" for kind, count in counts.items()]
    return f"{sum(counts.values()):,} ({', '.join(parts)})" if parts else "none"

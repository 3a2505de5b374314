"""`headrace flow-run`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from msgspec import Struct, to_builtins

from headrace.cli.filters import Limit, StateNames, StateTypes, state_names
from headrace.cli.finding import find_flow_run
from headrace.cli.log_lines import Head, NumLogs, Reverse, Tail, show_logs, window
from headrace.cli.output import Cell, Column, Output, json_to, say, show_pairs, show_table
from headrace.cli.recorded import NOTHING_YET, connected, pages
from headrace.cli.run_details import show_history, shown_parameters, shown_tags, timing
from headrace.cli.words import ago, duration, state_cell
from headrace.core.states import StateType
from headrace.schema.base import now
from headrace.schema.filters.flow_runs import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from headrace.schema.filters.flows import FlowFilter, FlowFilterId, FlowFilterName
from headrace.schema.filters.logs import LogFilter, LogFilterFlowRunId
from headrace.schema.requests.task_runs import TaskRunsCountBody
from headrace.schema.runs import FlowRun
from headrace.schema.sorting import FlowRunSort
from headrace.schema.states import State

if TYPE_CHECKING:
    from headrace.client.orchestration import SyncHeadraceClient

__all__ = ["app"]

app = App(
    name="flow-run",
    help="Look at flow runs; cancel, retry and delete them.",
    result_action="return_value",
    help_format="plaintext",
)
CHANGES = {
    "delete": "Delete a flow run with its task runs, states and logs.",
    "cancel": "Cancel a flow run.",
    "retry": "Run a flow run again that has ended: by whoever serves its deployment, or here if an entrypoint is given; "
    "the exit code is then that of `headrace run`.",
}
"""Commands in a module of their own, by name, and their help."""

for _name, _help in CHANGES.items():
    app.command(f"headrace.cli.flow_run_changes:{_name}", name=_name, help=_help)


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
    states = FlowRunFilterState(
        type=FlowRunFilterStateType(any_=state_type), name=FlowRunFilterStateName(any_=state_names(state))
    )
    with connected() as client:
        runs = _listed(client, flow_name, FlowRunFilter(state=states), limit)
        any_at_all = bool(runs) or bool(client.read_flow_runs(limit=1))
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
        id: The run's id, its name, or the start of its id if it is one of the newest.
    """
    with connected() as client:
        details = _details(client, find_flow_run(client, id))
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
        id: The run's id, its name, or the start of its id if it is one of the newest.
    """
    shown = window(head, tail, num_logs, reverse)
    with connected() as client:
        run = find_flow_run(client, id)
        wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
        show_logs(client, wanted, shown, output, flow_run=run)


def _listed(
    client: SyncHeadraceClient,
    flow_names: list[str] | None,
    wanted: FlowRunFilter,
    count: int | None,
) -> list[Listed]:
    """The newest runs that match."""
    flows = FlowFilter(name=FlowFilterName(any_=flow_names)) if flow_names is not None else None
    listed = pages(
        lambda limit, offset: client.read_flow_runs(
            flow_filter=flows,
            flow_run_filter=wanted,
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=limit,
            offset=offset,
        ),
        count,
    )
    return [run for page in listed for run in _with_flow_names(client, page)]


def _with_flow_names(client: SyncHeadraceClient, runs: Sequence[FlowRun]) -> list[Listed]:
    ids = list({run.flow_id for run in runs})
    flows = client.read_flows(flow_filter=FlowFilter(id=FlowFilterId(any_=ids)), limit=len(ids))
    names = {flow.id: flow.name for flow in flows}
    return [Listed(run, names.get(run.flow_id, str(run.flow_id))) for run in runs]


def _details(client: SyncHeadraceClient, run: FlowRun) -> Details:
    children = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run.id]))
    [listed] = _with_flow_names(client, [run])
    return Details(
        run,
        listed.flow_name,
        client.read_flow_run_states(run.id),
        _task_runs_by_state(client, run),
        _listed(client, None, children, None)[::-1],
    )


def _task_runs_by_state(client: SyncHeadraceClient, run: FlowRun) -> dict[StateType, int]:
    """How many task runs of a flow run are in each state; states without any are left out."""
    body = TaskRunsCountBody(flow_runs=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])))
    counts = client.request("POST", "/ui/task_runs/count", json=body).json()
    return {kind: counts[kind] for kind in StateType if counts.get(kind)}


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

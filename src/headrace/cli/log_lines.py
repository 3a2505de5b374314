"""What runs logged, as lines or JSON."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple
from uuid import UUID

from cyclopts import CycloptsError, Parameter

from headrace.cli.output import Output, json_to, say
from headrace.cli.recorded import pages
from headrace.cli.words import instant
from headrace.schema.filters.task_runs import TaskRunFilter, TaskRunFilterId
from headrace.schema.sorting import LogSort

if TYPE_CHECKING:
    from headrace.client.orchestration import SyncHeadraceClient
    from headrace.schema.filters.logs import LogFilter
    from headrace.schema.logs import Log
    from headrace.schema.runs import FlowRun

__all__ = ["Head", "NumLogs", "Reverse", "Tail", "Window", "show_logs", "window"]

Head = Annotated[bool, Parameter(name=("--head", "-h"), negative=(), help="Show the first 20 lines only.")]
Tail = Annotated[bool, Parameter(name=("--tail", "-t"), negative=(), help="Show the last 20 lines only.")]
NumLogs = Annotated[
    int | None,
    Parameter(
        name=("--num-logs", "-n"), help="How many lines to show; the first, unless `--tail` or `--reverse`."
    ),
]
Reverse = Annotated[bool, Parameter(name=("--reverse", "-r"), negative=(), help="Show the last line first.")]

_FEW = 20


class Window(NamedTuple):
    """Which of the lines to show.

    Args:
        limit: How many; None for all.
        from_end: Whether they are the last ones.
        reverse: Whether the last comes first.
    """

    limit: int | None
    from_end: bool
    reverse: bool


def window(head: bool, tail: bool, num_logs: int | None, reverse: bool) -> Window:
    """The lines that the options ask for.

    Raises:
        CycloptsError: The options contradict one another.
    """
    if head and tail:
        raise CycloptsError(msg="--head and --tail were both given; give one.")
    if num_logs is not None and num_logs < 1:
        raise CycloptsError(msg=f"--num-logs is {num_logs}; expected 1 or more.")
    return Window(num_logs or (_FEW if head or tail else None), tail or (reverse and not head), reverse)


def show_logs(
    client: SyncHeadraceClient,
    wanted: LogFilter,
    window: Window,
    output: Output,
    flow_run: FlowRun | None = None,
) -> None:
    """Write log lines.

    Args:
        client: Where to read them.
        wanted: The lines to choose from.
        window: Which of them to show.
        output: As lines, or as JSON.
        flow_run: The flow run that they belong to, if to one.
    """
    listed = _read(client, wanted, window)
    if output == "json":
        json_to([log for page in listed for log in page])
        return
    subjects = _Subjects(client, flow_run)
    empty = True
    for page in listed:
        subjects.learn(page)
        for log in page:
            empty = False
            level = logging.getLevelName(log.level)
            say(f"{instant(log.timestamp)} | {level:<7} | {subjects.of(log)} - {log.message}")
    if empty:
        say("The run logged nothing.")


def _read(client: SyncHeadraceClient, wanted: LogFilter, window: Window) -> Iterator[list[Log]]:
    turned = window.limit is not None and window.from_end is not window.reverse
    # The last few in order, or the first few backwards, are few enough to be turned round here.
    descending = window.from_end if turned else window.reverse
    sort = LogSort.TIMESTAMP_DESC if descending else LogSort.TIMESTAMP_ASC
    listed = pages(
        lambda limit, offset: client.read_logs(wanted, limit=limit, offset=offset, sort=sort), window.limit
    )
    if turned:
        yield [log for page in listed for log in page][::-1]
    else:
        yield from listed


class _Subjects:
    """What each line is about: the task run or flow run that logged it, by its name."""

    def __init__(self, client: SyncHeadraceClient, flow_run: FlowRun | None) -> None:
        self._client = client
        self._flow_run = f"Flow run {flow_run.name!r}" if flow_run else ""
        self._task_runs: dict[UUID, str] = {}

    def learn(self, page: Sequence[Log]) -> None:
        """Read the names of the page's task runs, all at once."""
        ids = {log.task_run_id for log in page if log.task_run_id is not None} - self._task_runs.keys()
        if ids:
            wanted = TaskRunFilter(id=TaskRunFilterId(any_=list(ids)))
            runs = self._client.read_task_runs(task_run_filter=wanted, limit=len(ids))
            self._task_runs |= {run.id: f"Task run {run.name!r}" for run in runs}

    def of(self, log: Log) -> str:
        """What the line is about."""
        if log.task_run_id is None:
            return self._flow_run or log.name
        return self._task_runs.get(log.task_run_id) or f"Task run {log.task_run_id}"

"""Which run a person means: by its id, its name, or the start of its id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from headrace.cli.recorded import PAGE
from headrace.exceptions import ObjectNotFound
from headrace.schema.filters.flow_runs import FlowRunFilter, FlowRunFilterId, FlowRunFilterName
from headrace.schema.filters.task_runs import TaskRunFilter, TaskRunFilterId, TaskRunFilterName
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.sorting import FlowRunSort, TaskRunSort

if TYPE_CHECKING:
    from headrace.client.orchestration import SyncHeadraceClient

__all__ = ["find_flow_run", "find_one_flow_run", "find_task_run"]

Run = TypeVar("Run", FlowRun, TaskRun)

MIN_PREFIX = 4
"""Characters of an id from which it may be recognized."""

NAMED = 5
"""Candidates that an error message names."""


def find_flow_run(client: SyncHeadraceClient, text: str) -> FlowRun:
    """The flow run that a person means, to look at it; of several runs of a name the newest.

    Args:
        client: Where to look.
        text: An id, a name, or the start of the id of one of the newest runs.

    Raises:
        ObjectNotFound: There is none, or the text is the start of several ids.
    """
    return _found(text, "flow run", _flow_runs(client))[0]


def find_one_flow_run(client: SyncHeadraceClient, text: str) -> FlowRun:
    """The flow run that a person means, to change it: there must not be another one of that name.

    Raises:
        ObjectNotFound: There is none, or several.
    """
    runs = _found(text, "flow run", _flow_runs(client))
    if len(runs) > 1:
        raise ObjectNotFound(
            f"Several flow runs are called {text!r} ({_ids(runs)}): give the id of the one you mean."
        )
    return runs[0]


def find_task_run(client: SyncHeadraceClient, text: str) -> TaskRun:
    """The task run that a person means; see `find_flow_run`."""
    return _found(text, "task run", _task_runs(client))[0]


def _found(text: str, noun: str, read: Callable[[UUID | None, str | None, int], list[Run]]) -> Sequence[Run]:
    """The run of an id, or those of a name, the newest first; never none.

    Args:
        text: What the person wrote.
        noun: What it should be.
        read: The newest runs, so many at most: of an id, of a name, or any.
    """
    digits = text.strip().lower().replace("-", "")
    if len(digits) == 32 and _is_hex(digits):
        runs = read(UUID(digits), None, 1)
    else:
        runs = read(None, text, NAMED)
        if not runs and len(digits) >= MIN_PREFIX and _is_hex(digits):
            runs = [run for run in read(None, None, PAGE) if run.id.hex.startswith(digits)]
            if len(runs) > 1:
                raise ObjectNotFound(
                    f"{text!r} is the start of the ids of several {noun}s ({_ids(runs)}): "
                    "give more of the one you mean."
                )
    if not runs:
        raise ObjectNotFound(
            f"There is no {noun} {text!r}: expected an id, a name, or the first {MIN_PREFIX} or more characters of the "
            f"id of one of the newest {PAGE}."
        )
    return runs


def _flow_runs(client: SyncHeadraceClient) -> Callable[[UUID | None, str | None, int], list[FlowRun]]:
    def read(run_id: UUID | None, name: str | None, limit: int) -> list[FlowRun]:
        wanted = FlowRunFilter(
            id=FlowRunFilterId(any_=[run_id]) if run_id is not None else None,
            name=FlowRunFilterName(any_=[name]) if name is not None else None,
        )
        return client.read_flow_runs(
            flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=limit
        )

    return read


def _task_runs(client: SyncHeadraceClient) -> Callable[[UUID | None, str | None, int], list[TaskRun]]:
    def read(run_id: UUID | None, name: str | None, limit: int) -> list[TaskRun]:
        wanted = TaskRunFilter(
            id=TaskRunFilterId(any_=[run_id]) if run_id is not None else None,
            name=TaskRunFilterName(any_=[name]) if name is not None else None,
        )
        return client.read_task_runs(
            task_run_filter=wanted, sort=TaskRunSort.EXPECTED_START_TIME_DESC, limit=limit
        )

    return read


def _ids(runs: Sequence[FlowRun] | Sequence[TaskRun]) -> str:
    return ", ".join(str(run.id) for run in runs[:NAMED])


def _is_hex(text: str) -> bool:
    return all(digit in "0123456789abcdef" for digit in text)

"""The invariants of a store's history, checked over all of it.

    assert_history(store)

runs at the end of every end-to-end, kill and fault test. It reads what is recorded and nothing else, so it holds for any
store, whatever happened to the processes that wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, Table, func, select

from headrace.core.machine import flow_run_may_become, task_run_may_become
from headrace.core.states import TERMINAL_STATES, StateType
from headrace.schema.states import StateDetails
from headrace.store.store import Store
from headrace.store.tables import event, flow_run, lease, log, task_run

__all__ = ["Violation", "assert_history", "check_history"]


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that the history says and the guarantees exclude.

    Args:
        guarantee: Which: `G4` and so on.
        run_id: The run that it happened to.
        finding: What is wrong.
    """

    guarantee: str
    run_id: UUID | None
    finding: str

    def __str__(self) -> str:
        return f"{self.guarantee} run {self.run_id}: {self.finding}"


Period = tuple[datetime, datetime | None]
FINAL = {kind.value for kind in TERMINAL_STATES}


class Step(NamedTuple):
    """One recorded transition; it has what `core.machine` reads of a state."""

    seq: int
    id: UUID
    follows: UUID | None
    occurred: Any
    run_kind: str
    run_id: UUID
    flow_run_id: UUID | None
    type: StateType
    name: str | None
    message: str | None
    data: Any
    state_details: StateDetails
    forced: bool


def check_history(store: Store) -> list[Violation]:
    """Everything in the store's history that breaks a guarantee."""
    return store.read(lambda conn: [*_check_runs(conn), *_check_leases(conn), *_check_uniqueness(conn)])


def assert_history(store: Store) -> None:
    """Check the store's history.

    Raises:
        AssertionError: It breaks a guarantee; the message names up to twenty violations.
    """
    violations = check_history(store)
    if violations:
        lines = "\n".join(f"  {violation}" for violation in violations[:20])
        raise AssertionError(f"{len(violations)} violation(s) in the history of {store.url}:\n{lines}")


# --- Runs: G4, G8, G9 ------------------------------------------------------------------------------------------


def _check_runs(conn: Connection) -> Iterator[Violation]:
    ended = _ended_periods(conn)
    projections = _projections(conn)
    for run_id, group in groupby(_steps(conn), key=lambda step: step.run_id):
        steps = list(group)
        yield from _check_transitions(steps)
        yield from _check_chain(steps)
        yield from _check_start_before_end(steps, ended)
        yield from _check_projection(steps[-1], projections.pop(run_id, None))
    for run_id, (state_id, _, _) in projections.items():
        if state_id is not None:
            yield Violation("G8", run_id, f"is at state {state_id}, but has no recorded transition")


def _check_transitions(steps: list[Step]) -> Iterator[Violation]:
    may_become = flow_run_may_become if steps[0].run_kind == "flow-run" else task_run_may_become
    present: Step | None = None
    for step in steps:
        if not step.forced and not may_become(present, step):
            before = "nothing" if present is None else f"{present.type.value}/{present.name}"
            yield Violation("G4", step.run_id, f"went from {before} to {step.type.value}/{step.name}")
        present = step


def _check_chain(steps: list[Step]) -> Iterator[Violation]:
    """Each transition follows the one that was recorded before it, and time does not go back."""
    previous: Step | None = None
    for step in steps:
        expected = None if previous is None else previous.id
        if step.follows != expected:
            yield Violation(
                "G8",
                step.run_id,
                f"{step.name} ({step.id}) follows {step.follows}, but comes after {expected}",
            )
        if previous is not None and step.occurred < previous.occurred:
            yield Violation(
                "G8", step.run_id, f"{step.name} is earlier than {previous.name}, which it follows"
            )
        previous = step


def _check_start_before_end(steps: list[Step], ended: dict[UUID, list[Period]]) -> Iterator[Violation]:
    first = steps[0]
    if first.run_kind != "task-run" or first.flow_run_id is None:
        return
    for step in steps:
        for end, restart in ended.get(first.flow_run_id, ()):
            if (
                step.type is StateType.RUNNING
                and end < step.occurred
                and (restart is None or step.occurred < restart)
            ):
                yield Violation(
                    "G9", step.run_id, f"started at {step.occurred}, after its flow run had ended at {end}"
                )


def _check_projection(last: Step, projection: tuple[Any, Any, Any] | None) -> Iterator[Violation]:
    if projection is None:
        yield Violation("G8", last.run_id, f"has transitions, but is not among the {last.run_kind}s")
    elif projection != (last.id, last.type.value, last.name):
        yield Violation(
            "G8",
            last.run_id,
            f"shows {projection[2]} ({projection[0]}), but its last transition is {last.name} ({last.id})",
        )


def _steps(conn: Connection) -> Iterator[Step]:
    """All transitions, run by run, in the order in which they were recorded."""
    query = select(event).where(event.c.run_id.is_not(None)).order_by(event.c.run_id, event.c.seq)
    for row in conn.execute(query):
        yield _step_of(row)


def _step_of(row: Row[Any]) -> Step:
    return Step(
        row.seq, row.id, row.follows, row.occurred, row.run_kind, row.run_id, row.flow_run_id,
        StateType(row.state_type), row.state_name, row.message, row.state_data, row.state_details, bool(row.payload.get("forced")),
    )  # fmt: skip


def _ended_periods(conn: Connection) -> dict[UUID, list[Period]]:
    """From when to when each flow run was over."""
    query = select(event.c.run_id, event.c.state_type, event.c.occurred).where(event.c.run_kind == "flow-run")
    periods: dict[UUID, list[Period]] = {}
    for row in conn.execute(query.order_by(event.c.run_id, event.c.seq)):
        run_periods = periods.setdefault(row.run_id, [])
        is_over = bool(run_periods) and run_periods[-1][1] is None
        if row.state_type in FINAL and not is_over:
            run_periods.append((row.occurred, None))
        elif row.state_type not in FINAL and is_over:
            run_periods[-1] = (run_periods[-1][0], row.occurred)
    return periods


def _projections(conn: Connection) -> dict[UUID, tuple[Any, Any, Any]]:
    found = {}
    for table in (flow_run, task_run):
        for row in conn.execute(select(table.c.id, table.c.state_id, table.c.state_type, table.c.state_name)):
            found[row.id] = (row.state_id, row.state_type, row.state_name)
    return found


# --- Leases: G5 ------------------------------------------------------------------------------------------------


def _check_leases(conn: Connection) -> Iterator[Violation]:
    query = select(lease.c.run_id, flow_run.c.state_name, flow_run.c.state_type).join(
        flow_run, flow_run.c.id == lease.c.run_id
    )
    for row in conn.execute(query.where(lease.c.holder.is_not(None))):
        if row.state_type in FINAL:
            yield Violation("G5", row.run_id, f"is {row.state_name}, but its lease is still held")


# --- Uniqueness: G8 --------------------------------------------------------------------------------------------


def _check_uniqueness(conn: Connection) -> Iterable[Violation]:
    for table in (event, log):
        yield from _check_unique_ids(conn, table)


def _check_unique_ids(conn: Connection, table: Table) -> Iterator[Violation]:
    query = select(table.c.id, func.count()).group_by(table.c.id).having(func.count() > 1)
    for row_id, count in conn.execute(query):
        yield Violation("G8", None, f"{table.name} {row_id} is stored {count} times")

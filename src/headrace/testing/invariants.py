"""The invariants of a store's history, checked over all of it.

    assert_history(store)

runs at the end of every end-to-end, kill and fault test. It reads what is recorded and nothing else, so it holds for any
store, whatever happened to the processes that wrote it. Runs that were deleted (`store.deletions`) have transitions and
nothing else; the events that record their deletions tell them from runs that were lost.

The order of a run's transitions is that of their time: what clients report may arrive in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from headrace.core.machine import flow_run_may_become, task_run_may_become
from headrace.core.states import TERMINAL_STATES, StateType
from headrace.schema.states import StateDetails
from headrace.store.columns import ID, INSTANT, PLAIN, STATE_TYPE, Columns, id_of, json_of
from headrace.store.connection import Connection
from headrace.store.store import Store

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


COLUMNS = Columns(
    id=ID,
    follows=ID,
    occurred=INSTANT,
    received=INSTANT,
    run_kind=PLAIN,
    run_id=ID,
    flow_run_id=ID,
    state_type=STATE_TYPE,
    state_name=PLAIN,
    message=PLAIN,
    state_data=json_of(Any, nullable=True),
    state_details=json_of(StateDetails),
    payload=json_of(),
)


class Step(NamedTuple):
    """One recorded transition; it has what `core.machine` reads of a state."""

    id: UUID
    follows: UUID | None
    occurred: Any
    received: datetime | None
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
        raise AssertionError(f"{len(violations)} violation(s) in the history of {store.place}:\n{lines}")


# --- Runs: G4, G8, G9 ------------------------------------------------------------------------------------------


def _check_runs(conn: Connection) -> Iterator[Violation]:
    ended = _ended_periods(conn)
    projections, deleted = _projections(conn), _deleted(conn)
    for run_id, group in groupby(_steps(conn), key=lambda step: step.run_id):
        steps = _without_contradicted(list(group))
        yield from _check_transitions(steps)
        yield from _check_chain(steps)
        yield from _check_start_before_end(steps, ended)
        projection = projections.pop(run_id, None)
        if projection is not None or not deleted & {run_id, steps[0].flow_run_id}:
            yield from _check_projection(steps[-1], projection)
    for run_id, (state_id, _, _) in projections.items():
        if state_id is not None:
            yield Violation("G8", run_id, f"is at state {state_id}, but has no recorded transition")


def _without_contradicted(steps: list[Step]) -> list[Step]:
    """The steps without those ends that were concluded from the silence of a process, and that it has contradicted since.

    Such an end is followed by another step that comes after the same one.
    """
    kept: list[Step] = []
    followed: set[UUID] = set()
    for step in reversed(steps):
        concluded = step.type in (StateType.CRASHED, StateType.CANCELLED)
        if not (concluded and step.follows in followed):
            kept.append(step)
        if step.follows is not None:
            followed.add(step.follows)
    return kept[::-1]


def _check_transitions(steps: list[Step]) -> Iterator[Violation]:
    may_become = flow_run_may_become if steps[0].run_kind == "flow-run" else task_run_may_become
    present: Step | None = None
    for step in steps:
        if not step.forced and not may_become(present, step):
            before = "nothing" if present is None else f"{present.type.value}/{present.name}"
            yield Violation("G4", step.run_id, f"went from {before} to {step.type.value}/{step.name}")
        present = step


def _check_chain(steps: list[Step]) -> Iterator[Violation]:
    """Each transition follows the one before it.

    Clients may leave out which one they follow when that was long ago; what comes from elsewhere has the time of its receipt.
    """
    previous: Step | None = None
    for step in steps:
        expected = None if previous is None else previous.id
        untold = step.follows is None and step.received is not None
        if step.follows != expected and not untold:
            yield Violation(
                "G8",
                step.run_id,
                f"{step.name} ({step.id}) follows {step.follows}, but comes after {expected}",
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
    """All transitions, run by run, in the order in which they happened."""
    query = f"SELECT {COLUMNS.of('event')} FROM event WHERE run_id IS NOT NULL ORDER BY run_id, occurred, id"
    for row in conn.rows(query):
        *step, payload = COLUMNS.load(row).values()
        yield Step._make([*step, bool(payload.get("forced"))])


def _ended_periods(conn: Connection) -> dict[UUID, list[Period]]:
    """From when to when each flow run was over."""
    query = (
        f"SELECT {COLUMNS.of('event')} FROM event WHERE run_kind = 'flow-run' ORDER BY run_id, occurred, id"
    )
    periods: dict[UUID, list[Period]] = {}
    for row in conn.rows(query):
        step = COLUMNS.load(row)
        run_periods = periods.setdefault(step["run_id"], [])
        is_over = bool(run_periods) and run_periods[-1][1] is None
        if step["state_type"] in TERMINAL_STATES and not is_over:
            run_periods.append((step["occurred"], None))
        elif step["state_type"] in TERMINAL_STATES and step["payload"].get("forced"):
            run_periods[-1] = (step["occurred"], None)  # it was taken for dead, and was not
        elif step["state_type"] not in TERMINAL_STATES and is_over:
            run_periods[-1] = (run_periods[-1][0], step["occurred"])
    return periods


def _projections(conn: Connection) -> dict[UUID | None, tuple[Any, Any, Any]]:
    found = {}
    for table in ("flow_run", "task_run"):
        for run_id, state_id, kind, name in conn.rows(
            f"SELECT id, state_id, state_type, state_name FROM {table}"
        ):
            found[id_of(run_id)] = (id_of(state_id), kind, name)
    return found


def _deleted(conn: Connection) -> set[UUID | None]:
    """The runs that were deleted; the task runs of a deleted flow run are not among them."""
    names = "('prefect.flow-run.deleted', 'prefect.task-run.deleted')"
    deleted: set[UUID | None] = set()
    for (resource,) in conn.rows(f"SELECT resource_id FROM event WHERE event IN {names}"):
        with suppress(ValueError):  # anybody may send an event of that name
            deleted.add(UUID(resource.rpartition(".")[2]))
    return deleted


# --- Leases: G5 ------------------------------------------------------------------------------------------------


def _check_leases(conn: Connection) -> Iterator[Violation]:
    query = (
        "SELECT lease.run_id, flow_run.state_name, flow_run.state_type FROM lease JOIN flow_run ON flow_run.id = lease.run_id"
        " WHERE lease.holder IS NOT NULL"
    )
    for run_id, name, kind in conn.rows(query):
        if kind in FINAL:
            yield Violation("G5", id_of(run_id), f"is {name}, but its lease is still held")


# --- Uniqueness: G8 --------------------------------------------------------------------------------------------


def _check_uniqueness(conn: Connection) -> Iterable[Violation]:
    for table in ("event", "log"):
        for row_id, count in conn.rows(f"SELECT id, count(*) FROM {table} GROUP BY id HAVING count(*) > 1"):
            yield Violation("G8", None, f"{table} {id_of(row_id)} is stored {count} times")

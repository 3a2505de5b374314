"""The grid of a flow: its last runs by its tasks, and what became of each task in each run.

A task has another key once its code has changed, and is still the same task to whoever looks at the grid. So what has one name is
one row, unless several tasks of one run have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from headrace.core.names import task_name
from headrace.core.states import StateType
from headrace.exceptions import ObjectNotFound
from headrace.schema.overviews import FlowGrid, GridCell, GridRun
from headrace.store.columns import ID, INSTANT, PLAIN, STATE_TYPE, Columns, id_of
from headrace.store.connection import Connection
from headrace.store.lists.last_runs import NEWEST

__all__ = ["read_flow_grid"]

MAX_IDS = 1_000
"""Ids that one statement asks for."""

_RUN = Columns(
    id=ID,
    name=PLAIN,
    state_type=STATE_TYPE,
    state_name=PLAIN,
    created=INSTANT,
    expected_start_time=INSTANT,
    start_time=INSTANT,
    end_time=INSTANT,
)
_RUNS = f"SELECT {_RUN.of('flow_run')} {NEWEST}"

_SAMPLE = {"sqlite": "min(id)", "postgresql": "min(id::text)::uuid"}
_SHARES = (
    "SELECT flow_run_id, task_key, coalesce(state_type, 'PENDING'), count(*),"
    " CAST(coalesce(sum(end_time - start_time), 0) AS BIGINT), {sample},"
    " min(coalesce(start_time, expected_start_time, created))"
    " FROM task_run WHERE flow_run_id IN ({ids}) GROUP BY 1, 2, 3"
)
_NAMES = "SELECT task_key, name, dynamic_key FROM task_run WHERE id IN ({ids})"


class _Share(NamedTuple):
    """The task runs of one task in one flow run that are in states of one type.

    Args:
        run: Which flow run.
        key: The task's key.
        kind: The type of their states.
        size: How many they are.
        micros: Microseconds that they took together.
        sample: One of them.
        first: When the first of them started, or should have, in microseconds since 1970.
    """

    run: int
    key: str
    kind: StateType
    size: int
    micros: int
    sample: UUID
    first: int


class _Task(NamedTuple):
    """A row of the grid.

    Args:
        place: When it started in the newest run that has it, in microseconds from that run's first task run; for the order.
        key: Its key there.
        name: Its name.
    """

    place: int
    key: str
    name: str


def read_flow_grid(conn: Connection, flow_id: UUID, *, most: int, now: datetime) -> FlowGrid:
    """The grid of a flow.

    Args:
        flow_id: The flow.
        most: Flow runs at most.
        now: The time (UTC): what is to start later is left out.

    Raises:
        ObjectNotFound: There is no such flow.
    """
    if conn.value("SELECT 1 FROM flow WHERE id = :flow", flow=flow_id) is None:
        raise ObjectNotFound(f"There is no flow with the id {flow_id}.")
    runs = [GridRun(**_RUN.load(row)) for row in conn.rows(_RUNS, flow=flow_id, now=now, most=most)]
    shares = _read_shares(conn, [run.id for run in runs])
    names = _read_names(conn, shares)
    identities = _identities(shares, names)
    tasks = _tasks(shares, names, identities)
    rows = sorted(tasks, key=tasks.__getitem__)
    places = {identity: place for place, identity in enumerate(rows)}
    return FlowGrid(
        flow_runs=runs,
        tasks=[(tasks[identity].key, tasks[identity].name) for identity in rows],
        cells=_cells(shares, {key: places[identity] for key, identity in identities.items()}),
    )


def _read_shares(conn: Connection, run_ids: Sequence[UUID]) -> list[_Share]:
    if not run_ids:
        return []
    numbers = {run_id: number for number, run_id in enumerate(run_ids)}
    marks, ids = _listed(run_ids)
    rows = conn.rows(_SHARES.format(sample=_SAMPLE[conn.dialect], ids=marks), **ids)
    return [
        _Share(numbers[run_id], key, StateType(kind), size, micros, task_run_id, first)
        for run, key, kind, size, micros, sample, first in rows
        if (run_id := id_of(run)) is not None and (task_run_id := id_of(sample)) is not None
    ]


def _read_names(conn: Connection, shares: Sequence[_Share]) -> dict[str, str]:
    """What the task of each key is called, as one of its runs in the newest flow run says."""
    newest_last = sorted(shares, key=lambda share: share.run, reverse=True)
    wanted, names = list({share.key: share.sample for share in newest_last}.values()), {}
    for start in range(0, len(wanted), MAX_IDS):
        marks, ids = _listed(wanted[start : start + MAX_IDS])
        for key, name, dynamic_key in conn.rows(_NAMES.format(ids=marks), **ids):
            names[key] = task_name(key, name, dynamic_key)
    return names


def _listed(ids: Sequence[UUID]) -> tuple[str, dict[str, UUID]]:
    """What stands for ids in a statement, and its parameters."""
    parameters = {f"id_{number}": each for number, each in enumerate(ids)}
    return ", ".join(f":{name}" for name in parameters), parameters


def _identities(shares: Sequence[_Share], names: Mapping[str, str]) -> dict[str, str]:
    """What tells tasks apart, by their keys: their names, or their keys where several of one run have one name."""
    pairs = {(share.run, share.key) for share in shares}
    tasks = Counter((run, names[key]) for run, key in pairs)
    ambiguous = {name for (_, name), count in tasks.items() if count > 1}
    return {key: key if name in ambiguous else name for key, name in names.items()}


def _tasks(
    shares: Sequence[_Share], names: Mapping[str, str], identities: Mapping[str, str]
) -> dict[str, _Task]:
    """The rows of the grid."""
    starts: dict[int, int] = {}
    newest: dict[str, _Share] = {}
    for share in shares:
        starts[share.run] = min(share.first, starts.get(share.run, share.first))
        known = newest.get(identities[share.key])
        if known is None or (share.run, share.first) < (known.run, known.first):
            newest[identities[share.key]] = share
    return {
        identity: _Task(share.first - starts[share.run], share.key, names[share.key])
        for identity, share in newest.items()
    }


def _cells(shares: Sequence[_Share], rows: Mapping[str, int]) -> list[GridCell]:
    cells: dict[tuple[int, int], list[_Share]] = {}
    for share in shares:
        cells.setdefault((share.run, rows[share.key]), []).append(share)
    return [(*place, *_sum(cells[place])) for place in sorted(cells)]


def _sum(shares: Sequence[_Share]) -> tuple[dict[StateType, int], float, UUID | None]:
    counts = {share.kind: share.size for share in shares}
    only = shares[0].sample if sum(counts.values()) == 1 else None
    return counts, sum(share.micros for share in shares) / 1_000_000, only

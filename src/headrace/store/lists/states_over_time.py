"""How many flow runs were expected to start in each of a row of intervals, by the type of the state that they are in.

SQLite takes a second to group a million rows. Where so many flow runs are asked for, all of a span or all but subflow runs, they
are counted instead: of each state and interval the rows are next to each other in the index of states, and counting them there
takes an eighth of that. Subflow runs, which have an index too, are grouped and taken off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select

from headrace.core.states import StateType
from headrace.schema.filters.flow_runs import FlowRunFilter
from headrace.schema.overviews import StatesOverTime
from headrace.schema.requests.scope import QueueScope, RunScope
from headrace.store.connection import MICROSECOND, Connection, micros
from headrace.store.lists import queries
from headrace.store.lists.flow_runs import WITHOUT_PARENT, conditions_to_count
from headrace.store.tables import flow_run

__all__ = ["MAX_STATES", "read_states_over_time"]

MANY = 50_000
"""Flow runs of a span from which on counting them is quicker than grouping them."""

MAX_STATES = 50
"""States that are counted; where users have named more, all rows are grouped."""

_IS_TOP = FlowRunFilter(parent_task_run_id=WITHOUT_PARENT)

_SOME = (
    "SELECT count(*) FROM (SELECT 1 FROM flow_run"
    " WHERE expected_start_time >= :begin AND expected_start_time < :end LIMIT :most)"
)
_NEXT_STATE = (
    "SELECT state_name FROM flow_run WHERE state_type = :kind AND state_name > :name"
    " ORDER BY state_name LIMIT 1"
)
_COUNTS = (
    "WITH RECURSIVE bucket (place) AS"
    " (SELECT 0 UNION ALL SELECT place + 1 FROM bucket WHERE place + 1 < :size)"
    " SELECT place, (SELECT count(*) FROM flow_run WHERE state_type = :kind AND state_name = :name"
    " AND expected_start_time >= :begin + bucket.place * :width"
    " AND expected_start_time < :begin + (bucket.place + 1) * :width) FROM bucket"
)
_SUBFLOWS = (
    "SELECT state_type, (expected_start_time - :begin) / :width AS place, count(*)"
    " FROM flow_run INDEXED BY ix_flow_run_parent WHERE parent_task_run_id > x'' AND state_type IS NOT NULL"
    " AND expected_start_time >= :begin AND expected_start_time < :end GROUP BY 1, 2"
)


class _Buckets(NamedTuple):
    """Equal intervals, one behind the other.

    Args:
        begin: The start of the first, in microseconds since 1970.
        width: Microseconds of each.
        size: How many they are.
    """

    begin: int
    width: int
    size: int

    @property
    def end(self) -> int:
        """The end of the last, in microseconds since 1970."""
        return self.begin + self.size * self.width


Counts = Counter[tuple[str, int]]
"""How many runs are in states of a type in a bucket."""


def read_states_over_time(
    conn: Connection, scope: RunScope, *, since: datetime, until: datetime, buckets: int
) -> StatesOverTime:
    """How many flow runs were expected to start in each interval.

    Args:
        scope: Which.
        since: The start of the first interval (UTC).
        until: The end of the last (UTC), later than `since`.
        buckets: How many intervals.
    """
    width = -(-(until - since) // (buckets * MICROSECOND))
    intervals = _Buckets(micros(since), width, buckets)
    counts = _counted(conn, scope, intervals) if _can_be_counted(conn, scope, intervals) else None
    if counts is None:
        counts = _grouped(conn, scope, intervals)
    lists: dict[str, list[int]] = {}
    for (kind, place), count in counts.items():
        lists.setdefault(kind, [0] * buckets)[place] = count
    return StatesOverTime(
        since=since,
        until=until,
        seconds=width / 1_000_000,
        counts={kind: lists[kind.value] for kind in StateType if kind.value in lists},
    )


def _grouped(conn: Connection, scope: RunScope, buckets: _Buckets) -> Counts:
    run = flow_run.c
    place = (run.expected_start_time - buckets.begin) // buckets.width
    figures: Any = (
        select(run.state_type, place, func.count())
        .where(run.expected_start_time >= buckets.begin, run.expected_start_time < buckets.end)
        .where(queries.unindexed(run.state_type).is_not(None), *conditions_to_count(scope, is_narrowed=True))
        .group_by(run.state_type, place)
    )
    return Counter({(kind, at): count for kind, at, count in queries.rows(conn, figures)})


def _can_be_counted(conn: Connection, scope: RunScope, buckets: _Buckets) -> bool:
    """Whether counting is quicker. PostgreSQL groups with several processes, and as quickly."""
    others = (getattr(scope, name, None) for name in QueueScope.__struct_fields__ if name != "flow_runs")
    if conn.dialect != "sqlite" or scope.flow_runs not in (None, _IS_TOP) or any(others):
        return False
    return conn.value(_SOME, begin=buckets.begin, end=buckets.end, most=MANY) == MANY  # type: ignore[no-any-return]


def _counted(conn: Connection, scope: RunScope, buckets: _Buckets) -> Counts | None:
    """What `_grouped` gives; None when there are too many states."""
    counts: Counts = Counter()
    for number, (kind, name) in enumerate(_states(conn)):
        if number == MAX_STATES:
            return None
        for place, count in conn.rows(_COUNTS, kind=kind, name=name, **buckets._asdict()):
            if count:
                counts[kind, place] += count
    if scope.flow_runs is not None:
        for kind, place, count in conn.rows(_SUBFLOWS, end=buckets.end, **buckets._asdict()):
            counts[kind, place] -= count
    return counts


def _states(conn: Connection) -> Iterator[tuple[str, str]]:
    """The states that flow runs are in, by type and name: one look at the index for each."""
    for kind in StateType:
        name = ""
        while (name := conn.value(_NEXT_STATE, kind=kind.value, name=name)) is not None:
            yield kind.value, name

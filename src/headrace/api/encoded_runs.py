"""Lists of flow runs as JSON, put together from runs that were encoded before.

A page of 50 runs takes 3 ms to read, decode and encode, and the same runs are asked for again and again: by every
open page, every few seconds. So each run's JSON is kept under its id and version; a list then takes one look at an index for
ids and versions, and what has not changed is copied. Estimates depend on the time of asking, so they are added last.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast
from uuid import UUID

from msgspec import UNSET

from headrace.schema.base import decode, encode
from headrace.schema.requests.flow_runs import FlowRunsFilterBody
from headrace.schema.runs import FlowRun
from headrace.store.columns import id_of
from headrace.store.connection import Connection, Dialect
from headrace.store.estimates import Timing, timing_of
from headrace.store.lists.flow_runs import read_flow_runs_of, versions_query
from headrace.store.lists.queries import Statement, compiled

__all__ = ["MAX_BYTES", "EncodedFlowRuns", "statement_of"]

MAX_BYTES = 16 * 2**20
"""Bytes of JSON that are kept."""

MAX_STATEMENTS = 512
"""Filters whose SQL is kept: building it takes longer than executing it."""


class _Encoded(NamedTuple):
    """A run's JSON but for its estimates and the closing brace."""

    version: tuple[Any, ...]
    body: bytes
    timing: Timing


class EncodedFlowRuns:
    """Flow runs as JSON.

    Args:
        max_bytes: How much is kept.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._runs: dict[Any, _Encoded] = {}
        self._lock = threading.Lock()  # guards changes of _runs and _bytes

    def page(self, conn: Connection, statement: Statement, now: datetime) -> bytes:
        """A list of flow runs.

        Args:
            statement: Made by `statement_of`.
            now: The time (UTC), for estimates.
        """
        rows = statement.rows(conn)
        known = {row[0]: self._runs.get(row[0]) for row in rows}
        outdated = [row for row in rows if (kept := known[row[0]]) is None or kept.version != row]
        if outdated:
            known.update(self._encode(conn, outdated))
        return b"[" + b",".join([_completed(kept, now) for kept in known.values() if kept is not None]) + b"]"

    def _encode(self, conn: Connection, rows: Sequence[Any]) -> dict[Any, _Encoded]:
        ids = [cast(UUID, id_of(row[0])) for row in rows]
        runs = {run.id: run for run in read_flow_runs_of(conn, ids)}
        encoded = {row[0]: _encoded(tuple(row), runs[run_id]) for row, run_id in zip(rows, ids, strict=True)}
        with self._lock:
            for key, run in encoded.items():
                former = self._runs.pop(key, None)
                self._runs[key] = run
                self._bytes += len(run.body) - (0 if former is None else len(former.body))
            while self._bytes > self._max_bytes:
                self._bytes -= len(self._runs.pop(next(iter(self._runs))).body)
        return encoded


@lru_cache(MAX_STATEMENTS)
def statement_of(body: bytes, dialect: Dialect, default_limit: int) -> Statement:
    """The SQL of a filter, for `EncodedFlowRuns.page`.

    Args:
        body: `FlowRunsFilterBody` as `msgspec` encodes it.
        dialect: The database's.
        default_limit: How many runs at most where the filter does not say.
    """
    wanted = decode(body, FlowRunsFilterBody)
    limit = default_limit if wanted.limit is None else wanted.limit
    query = versions_query(wanted, sort=wanted.sort, limit=limit, offset=wanted.offset)
    return compiled(query, dialect)


def _encoded(version: tuple[Any, ...], run: FlowRun) -> _Encoded:
    timing = timing_of(run)
    run.estimated_run_time = run.estimated_start_time_delta = UNSET  # type: ignore[assignment]
    return _Encoded(version, encode(run)[:-1], timing)


def _completed(kept: _Encoded, now: datetime) -> bytes:
    run_time, delta = kept.timing.at(now)
    return b'%b,"estimated_run_time":%f,"estimated_start_time_delta":%f}' % (kept.body, run_time, delta)

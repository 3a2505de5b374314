"""Leases: who executes a run.

A lease has a holder, an expiry that its holder keeps moving, and a token that is greater each time the lease is given. What is
proposed under an old token is refused: a process that was thought dead and was not cannot harm the run any more.
A released lease keeps its row, without a holder, for the sake of the next token.

Whoever changes both locks the run before its lease; in two orders, two processes would wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from headrace.store.connection import Connection
from headrace.store.processes import Holder

NO_TOKEN = 0
"""Nothing is ever held under it: tokens begin with 1."""

_ACQUIRE = (
    "INSERT INTO lease (run_id, token, holder, acquired, expires, host, pid, pid_started)"
    " VALUES (:run, 1, :holder, :now, :expires, :host, :pid, :started)"
    " ON CONFLICT (run_id) DO UPDATE SET token = lease.token + 1, holder = excluded.holder,"
    " acquired = excluded.acquired, expires = excluded.expires, host = excluded.host, pid = excluded.pid,"
    " pid_started = excluded.pid_started WHERE lease.holder IS NULL OR lease.expires <= :now"
    # The same once more: the ledger did not learn that it had been committed.
    " OR (lease.holder = excluded.holder AND lease.acquired = excluded.acquired)"
)


def acquire_lease(
    conn: Connection, run_id: UUID, holder: Holder, *, seconds: float, now: datetime
) -> int | None:
    """Take the lease of a run, if nobody holds it or it has expired.

    Args:
        run_id: The run.
        holder: The process that will execute it.
        seconds: How long the lease holds unless it is renewed.
        now: The time (UTC). The same process gets the lease again at the same instant: a command that takes a lease, and may
            be carried out twice, gives the time at which it was submitted.

    Returns:
        The token; None when somebody else holds the lease.
    """
    if conn.for_update:
        conn.value("SELECT id FROM flow_run WHERE id = :run" + conn.for_update, run=run_id)
    taken = conn.execute(
        _ACQUIRE,
        run=run_id,
        holder=holder.name,
        now=now,
        expires=now + timedelta(seconds=seconds),
        host=holder.host,
        pid=holder.pid,
        started=holder.started,
    )
    if not taken:
        return None
    token: int = conn.value("SELECT token FROM lease WHERE run_id = :run", run=run_id)
    return token


def token_held(conn: Connection, run_id: UUID, holder: Holder) -> int | None:
    """The token under which a process holds the lease of a run; None when it does not.

    For one that takes the lease again because it has not heard that it has it.
    """
    held: int | None = conn.value(
        "SELECT token FROM lease WHERE run_id = :run AND holder = :holder", run=run_id, holder=holder.name
    )
    return held


def renew_leases(conn: Connection, tokens: Mapping[UUID, int], *, seconds: float, now: datetime) -> set[UUID]:
    """Extend leases; also those that have expired, as long as nobody else took them.

    Args:
        tokens: The token of each run's lease.
        seconds: How long the leases hold from now on.
        now: The time (UTC).

    Returns:
        The runs whose lease is lost.
    """
    extend = (
        "UPDATE lease SET expires = :expires WHERE run_id = :run AND token = :token AND holder IS NOT NULL"
    )
    expires = now + timedelta(seconds=seconds)
    return {
        run_id
        for run_id, token in sorted(tokens.items())  # in one order everywhere
        if not conn.execute(extend, expires=expires, run=run_id, token=token)
    }


def release_lease(conn: Connection, run_id: UUID, token: int) -> bool:
    """Give a lease back. Returns whether it was still held under that token."""
    return _free(conn, run_id, token)


def end_lease(conn: Connection, run_id: UUID) -> None:
    """Free the lease of a run that has ended, whoever holds it."""
    _free(conn, run_id, None)


def is_held(conn: Connection, run_id: UUID, token: int) -> bool:
    """Whether the lease of the run is held under that token."""
    held = "SELECT token FROM lease WHERE run_id = :run AND holder IS NOT NULL"
    return bool(conn.value(held + conn.for_update, run=run_id) == token)


def was_last_held(conn: Connection, run_id: UUID, token: int) -> bool:
    """Whether the lease of the run was held under that token last, and nobody holds it now."""
    last = "SELECT token FROM lease WHERE run_id = :run AND holder IS NULL"
    return bool(conn.value(last + conn.for_update, run=run_id) == token)


def _free(conn: Connection, run_id: UUID, token: int | None) -> bool:
    free = "UPDATE lease SET holder = NULL, expires = NULL WHERE run_id = :run AND holder IS NOT NULL"
    if token is None:
        return conn.execute(free, run=run_id) > 0
    return conn.execute(f"{free} AND token = :token", run=run_id, token=token) > 0

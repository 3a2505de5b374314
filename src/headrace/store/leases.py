"""Leases: who executes a run.

A lease has a holder, an expiry that its holder keeps moving, and a token that is greater each time the lease is given. What is
proposed under an old token is refused: a process that was thought dead and was not cannot harm the run any more.
A released lease keeps its row, without a holder, for the sake of the next token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, or_, select, update

from headrace.store.processes import Holder
from headrace.store.tables import lease


def acquire_lease(
    conn: Connection, run_id: UUID, holder: Holder, *, seconds: float, now: datetime
) -> int | None:
    """Take the lease of a run, if nobody holds it or it has expired.

    Args:
        run_id: The run.
        holder: The process that will execute it.
        seconds: How long the lease holds unless it is renewed.
        now: The time (UTC).

    Returns:
        The token; None when somebody else holds the lease.
    """
    values = {
        "holder": holder.name,
        "acquired": now,
        "expires": now + timedelta(seconds=seconds),
        "host": holder.host,
        "pid": holder.pid,
        "pid_started": holder.started,
    }
    insert = _insert_of(conn)(lease).values(run_id=run_id, token=1, **values)
    free = or_(lease.c.holder.is_(None), lease.c.expires <= now)
    taken = conn.execute(
        insert.on_conflict_do_update(
            index_elements=["run_id"], set_={"token": lease.c.token + 1, **values}, where=free
        )
    )
    if taken.rowcount == 0:
        return None
    token: int = conn.execute(select(lease.c.token).where(lease.c.run_id == run_id)).scalar_one()
    return token


def renew_leases(conn: Connection, tokens: Mapping[UUID, int], *, seconds: float, now: datetime) -> set[UUID]:
    """Extend leases; also those that have expired, as long as nobody else took them.

    Args:
        tokens: The token of each run's lease.
        seconds: How long the leases hold from now on.
        now: The time (UTC).

    Returns:
        The runs whose lease is lost.
    """
    if not tokens:
        return set()
    extend = (
        update(lease)
        .where(
            lease.c.run_id == bindparam("run"),
            lease.c.token == bindparam("held"),
            lease.c.holder.is_not(None),
        )
        .values(expires=now + timedelta(seconds=seconds))
    )
    conn.execute(extend, [{"run": run_id, "held": token} for run_id, token in tokens.items()])
    held = select(lease.c.run_id, lease.c.token).where(
        lease.c.run_id.in_(tokens), lease.c.holder.is_not(None)
    )
    kept = {run_id for run_id, token in conn.execute(held) if tokens[run_id] == token}
    return set(tokens) - kept


def release_lease(conn: Connection, run_id: UUID, token: int) -> bool:
    """Give a lease back. Returns whether it was still held under that token."""
    return _free(conn, run_id, token)


def end_lease(conn: Connection, run_id: UUID) -> None:
    """Free the lease of a run that has ended, whoever holds it."""
    _free(conn, run_id, None)


def is_held(conn: Connection, run_id: UUID, token: int) -> bool:
    """Whether the lease of the run is held under that token."""
    held = select(lease.c.token).where(lease.c.run_id == run_id, lease.c.holder.is_not(None))
    return conn.execute(held).scalar_one_or_none() == token


def _free(conn: Connection, run_id: UUID, token: int | None) -> bool:
    query = update(lease).where(lease.c.run_id == run_id, lease.c.holder.is_not(None))
    if token is not None:
        query = query.where(lease.c.token == token)
    freed = conn.execute(query.values(holder=None, expires=None))
    return freed.rowcount > 0


def _insert_of(conn: Connection) -> Callable[..., Any]:
    """The `insert` of the connection's dialect. Imported here because another dialect takes a while to import."""
    insert: Callable[..., Any] = import_module(f"sqlalchemy.dialects.{conn.dialect.name}").insert
    return insert

"""Flow runs whose process has died: their lease expires, and they are recorded as Crashed."""

from __future__ import annotations

from datetime import datetime

from headrace.store.connection import Connection
from headrace.store.reaping import reap_dead_runs


def tick(conn: Connection, now: datetime) -> int:
    """End the dead runs.

    Args:
        now: The time (UTC).

    Returns:
        How many there were.
    """
    return len(reap_dead_runs(conn, now=now))

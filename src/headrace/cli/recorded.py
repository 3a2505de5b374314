"""Reading what the configured store has recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from headrace.schema.base import now

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from headrace.store.store import Store

__all__ = ["NOTHING_YET", "open_store", "read"]

T = TypeVar("T")

NOTHING_YET = "Nothing is recorded yet. Run a flow: `python SCRIPT.py`, or `headrace run FILE.py:FLOW`."


def open_store() -> Store:
    """The configured store; runs whose process has died are marked as crashed first.

    Raises:
        StoreError: The store cannot be used; the message says why and what to do.
    """
    from headrace.client.local import get_store
    from headrace.store.reaping import reap_dead_runs

    store = get_store()
    at: datetime = now()
    store.write(lambda conn: reap_dead_runs(conn, now=at))
    return store


def read(query: Callable[[Connection], T]) -> T:
    """What `query` reads from the configured store; see `open_store`."""
    return open_store().read(query)

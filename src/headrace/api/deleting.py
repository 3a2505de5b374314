"""Deletions that take several transactions: as many as the verb in `store.deletions` needs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from headrace.api.bridge import Bridge
from headrace.exceptions import ObjectNotFound
from headrace.schema.base import now
from headrace.store.connection import Connection

__all__ = ["delete_each", "delete_object"]


class Deletion(Protocol):
    """A verb of `store.deletions`."""

    def __call__(self, conn: Connection, id: UUID, /, *, now: datetime) -> bool: ...


async def delete_object(store: Bridge, verb: Deletion, id: UUID) -> None:
    """Delete an object with what belongs to it.

    Args:
        store: Where.
        verb: How.
        id: The object.

    Raises:
        ObjectNotFound: There is none.
    """
    at = now()
    while not await store.write(lambda conn: verb(conn, id, now=at)):
        pass


async def delete_each(store: Bridge, verb: Deletion, ids: Iterable[UUID]) -> list[UUID]:
    """Delete several objects, each with what belongs to it.

    Returns:
        Those that were there.
    """
    deleted = []
    for id in ids:
        try:
            await delete_object(store, verb, id)
        except ObjectNotFound:  # somebody else was faster
            continue
        deleted.append(id)
    return deleted

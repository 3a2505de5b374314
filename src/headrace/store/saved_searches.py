"""Saved searches: filters of lists, kept under a name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from headrace.exceptions import ObjectNotFound
from headrace.schema.saved_searches import SavedSearch, SavedSearchFilter
from headrace.store.columns import ID, INSTANT, PLAIN, Columns, json_of
from headrace.store.connection import Connection

__all__ = ["delete_saved_search", "read_saved_search", "read_saved_searches", "save_search"]

COLUMNS = Columns(
    id=ID, name=PLAIN, created=INSTANT, updated=INSTANT, filters=json_of(list[SavedSearchFilter])
)

_SAVE = (
    f"{COLUMNS.insertion('saved_search')} ON CONFLICT (name)"
    " DO UPDATE SET filters = excluded.filters, updated = excluded.updated"
)
_SELECT = f"SELECT {COLUMNS.of('saved_search')} FROM saved_search"


def save_search(
    conn: Connection, name: str, filters: Sequence[SavedSearchFilter], *, now: datetime
) -> SavedSearch:
    """Keep filters under a name, in place of those that were there.

    Returns:
        The search as it is stored.
    """
    search = SavedSearch(name=name, filters=list(filters), created=now, updated=now)
    conn.execute(_SAVE, **COLUMNS.dump(search))
    row = conn.row(f"{_SELECT} WHERE name = :name", name=name)
    assert row is not None
    return SavedSearch(**COLUMNS.load(row))


def read_saved_search(conn: Connection, search_id: UUID) -> SavedSearch:
    """The search with that id.

    Raises:
        ObjectNotFound: There is none.
    """
    row = conn.row(f"{_SELECT} WHERE id = :id", id=search_id)
    if row is None:
        raise ObjectNotFound(f"There is no saved search with the id {search_id}.")
    return SavedSearch(**COLUMNS.load(row))


def read_saved_searches(conn: Connection, *, limit: int, offset: int = 0) -> list[SavedSearch]:
    """Searches by name.

    Args:
        limit: How many at most.
        offset: How many to leave out at the start.
    """
    rows = conn.rows(f"{_SELECT} ORDER BY name LIMIT :limit OFFSET :offset", limit=limit, offset=offset)
    return [SavedSearch(**COLUMNS.load(row)) for row in rows]


def delete_saved_search(conn: Connection, search_id: UUID) -> None:
    """Delete a search.

    Raises:
        ObjectNotFound: There is none.
    """
    if not conn.execute("DELETE FROM saved_search WHERE id = :id", id=search_id):
        raise ObjectNotFound(f"There is no saved search with the id {search_id}.")

"""Which run a person means."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, select

from headrace.exceptions import ObjectNotFound

MIN_PREFIX = 4
"""Characters of an id from which it may be recognized."""

_NAMED = 5
"""Candidates that an error message names."""


def find(conn: Connection, table: Table, noun: str, text: str) -> UUID:
    """The id of the run of that id, start of an id, or name.

    Args:
        table: `flow_run` or `task_run`.
        noun: What a run is called in messages.
        text: What the person wrote.

    Raises:
        ObjectNotFound: There is none, or `text` is the start of several ids.
    """
    digits = text.strip().lower().replace("-", "")
    if len(digits) == 32 and _is_hex(digits):
        ids = _ids(conn, select(table.c.id).where(table.c.id == UUID(digits)))
    else:
        ids = _ids(conn, select(table.c.id).where(table.c.name == text).order_by(table.c.id.desc()).limit(1))
        if not ids and MIN_PREFIX <= len(digits) < 32 and _is_hex(digits):
            ids = _by_prefix(conn, table, digits)
    if len(ids) > 1:
        some = ", ".join(str(run_id) for run_id in ids[:_NAMED])
        raise ObjectNotFound(
            f"{text!r} is the start of the ids of several {noun}s ({some}): give more of the one you mean."
        )
    if not ids:
        raise ObjectNotFound(
            f"There is no {noun} {text!r}: expected an id, the first {MIN_PREFIX} or more characters of one, or a name."
        )
    return ids[0]


def _by_prefix(conn: Connection, table: Table, digits: str) -> list[UUID]:
    low, high = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    return _ids(conn, select(table.c.id).where(table.c.id.between(low, high)).limit(_NAMED))


def _ids(conn: Connection, query: Any) -> list[UUID]:
    return list(conn.execute(query).scalars())


def _is_hex(text: str) -> bool:
    return all(digit in "0123456789abcdef" for digit in text)

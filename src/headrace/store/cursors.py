"""Places in a table that only grows, in the order in which its rows were committed.

A reader keeps a `Cursor`, the place of the last row that it has seen, and asks for those behind it. Nothing is behind a
cursor's place that comes in front of it later:

    SQLite        one transaction writes at a time, so numbers (`seq`) grow in the order of commits
    PostgreSQL    transactions take numbers side by side and commit in any order. Rows are ordered by the transaction that
                  wrote them (`xid`), and read only as far as every older transaction has ended
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from headrace.store.connection import Connection, Dialect

__all__ = ["Cursor", "end_of", "is_behind", "is_held_back", "place_of", "read_behind", "transaction_of"]

_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())"


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in a table. Keep `str(cursor)`, and make it a cursor again with `Cursor.parse`.

    Args:
        transaction: The transaction that wrote the row at this place, on PostgreSQL; 0 on SQLite.
        seq: The row's number.
    """

    transaction: int
    seq: int

    START: ClassVar[Cursor]
    """Before the first row."""

    def __str__(self) -> str:
        return f"{self.transaction}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that `str` gave `text` for.

        Raises:
            ValueError: It did not.
        """
        transaction, dash, seq = text.partition("-")
        if not (dash and _is_number(transaction) and _is_number(seq)):
            raise ValueError(f"{text!r} is no place in the log: expected what an earlier answer gave.")
        return cls(int(transaction), int(seq))


Cursor.START = Cursor(0, 0)


def _is_number(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 20


def transaction_of(table: str, dialect: Dialect) -> str:
    """The expression of the transaction that wrote a row, as text; SQLite need not know it."""
    return "'0'" if dialect == "sqlite" else f"{table}.xid::text"


def is_behind(table: str, dialect: Dialect) -> str:
    """The condition that a row is behind the place that `place_of` gives the parameters of."""
    if dialect == "sqlite":
        return f"{table}.seq > :seq"
    return f"({table}.xid, {table}.seq) > (:transaction::text::xid8, :seq)"


def place_of(cursor: Cursor) -> dict[str, Any]:
    """The parameters of `is_behind`."""
    return {"seq": cursor.seq, "transaction": str(cursor.transaction)}


def read_behind(
    conn: Connection,
    table: str,
    selection: str,
    tables: str,
    after: Cursor,
    limit: int | None,
    **matching: Any,
) -> list[Any]:
    """Rows behind a place, in the order of commits; the transaction of each comes first.

    Args:
        table: The table that grows.
        selection: What to select besides.
        tables: What to select from: the table, and what is joined to it.
        after: The place.
        limit: How many at most; None for no limit.
        matching: Columns of the table and the values that they must have.
    """
    parameters: dict[str, Any] = {**place_of(after), **matching}
    conditions, order = [is_behind(table, conn.dialect)], f"{table}.seq"
    if conn.dialect == "postgresql":
        conditions.append(f"{table}.xid < {_HORIZON}")
        order = f"{table}.xid, {table}.seq"
    conditions += [f"{table}.{column} = :{column}" for column in matching]
    if limit is not None:
        parameters["limit"] = limit
    most = "" if limit is None else " LIMIT :limit"
    sql = (
        f"SELECT {transaction_of(table, conn.dialect)}, {selection} FROM {tables}"
        f" WHERE {' AND '.join(conditions)} ORDER BY {order}{most}"
    )
    return conn.rows(sql, **parameters)


def end_of(conn: Connection, table: str) -> Cursor:
    """The place behind which everything is that cannot be read yet."""
    if conn.dialect == "sqlite":
        return Cursor(0, conn.value(f"SELECT max(seq) FROM {table}") or 0)
    return Cursor(int(conn.value(f"SELECT {_HORIZON}::text")), 0)


def is_held_back(conn: Connection, table: str) -> bool:
    """Whether rows are stored that cannot be read yet, because an older transaction is still under way.

    They can be when it ends, of which nobody may tell: it need not be one of ours.
    """
    if conn.dialect == "sqlite":
        return False
    return bool(conn.value(f"SELECT EXISTS (SELECT 1 FROM {table} WHERE xid >= {_HORIZON})"))

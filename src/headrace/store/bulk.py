"""Many rows in one statement, with as little as possible of it under the GIL.

While a batch is written the user's code runs on, in another thread, and wants the interpreter. The sqlite3 module lets
go of the GIL for each step of a statement and takes it back afterwards, which costs up to the switch interval, 5 ms,
while another thread is busy. So what counts is the number of statements and the work done to bind their parameters.

The rows of a batch travel as one JSON text, and their ids as one blob (ids are most of the bytes, and JSON has no form
for them); SQLite takes both apart again while the GIL is free. Measured, for three rows of `event` (a no-op task) in
batches of 256 tasks, SQLite 3.40, CPU time:

    executemany                               20.8 us, a hand-over of the GIL for each row
    INSERT ... VALUES (..), (..), 256 rows    12.6 us, of it 2.5 to bind parameters; a hand-over for each 256 rows
    INSERT ... SELECT FROM json_each          12.5 us, of it 1.0 to encode; a hand-over for each batch
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, func, literal_column, select, true
from sqlalchemy.dialects import sqlite

from headrace.store.text import encode_json

NO_ID = bytes(16)
"""Stands for NULL among the ids."""


class Rows:
    """Rows for one `BulkInsert`: their ids one after the other, and a tuple of the other values of each.

    Columns that are mostly NULL come last, and a tuple may end before them: taking a value out of JSON costs SQLite 0.4 us
    even when it is null, so a batch is written with no more columns than its longest tuple.
    """

    __slots__ = ("fields", "ids", "width")

    def __init__(self) -> None:
        self.ids: list[bytes] = []
        self.fields: list[tuple[Any, ...]] = []
        self.width = 0


class BulkInsert:
    """An INSERT of any number of rows.

    Args:
        table: Where to.
        ids: The columns whose values are in `Rows.ids`.
        fields: The columns whose values are in the tuples of `Rows.fields`. Containers and Structs become JSON text.
        constants: Columns that have the same value in every row.
        moving: Columns to change in a row that is there already; none when such a row is passed over.
        forwards: The column that must not decrease for such a change.
    """

    def __init__(
        self,
        table: Table,
        ids: Sequence[str],
        fields: Sequence[str],
        *,
        constants: Mapping[str, str] = {},
        moving: Sequence[str] = (),
        forwards: str = "",
    ) -> None:
        self._table = table
        self._ids = ids
        self._fields = fields
        self._constants = constants
        self._moving = moving
        self._forwards = forwards
        self._sql: dict[int, str] = {}

    def execute(self, conn: Connection, rows: Rows) -> None:
        """Insert `rows`, if there are any.

        Goes to the driver directly: 30 us less, and an error does not carry a page of SQL.
        """
        if not rows.fields:
            return
        sql = self._sql.get(rows.width) or self._compile(rows.width)
        driver: Any = conn.connection.driver_connection
        driver.execute(sql, {"ids": b"".join(rows.ids), "rows": encode_json(rows.fields)})

    def _compile(self, width: int) -> str:
        """The statement for rows whose longest tuple has `width` values."""
        table, rows = self._table, func.json_each(bindparam("rows")).table_valued("key", "value")
        columns: dict[str, Any] = {name: _literal(value) for name, value in self._constants.items()}
        for at, name in enumerate(self._ids):
            start = rows.c.key * literal_column(str(16 * len(self._ids))) + literal_column(str(16 * at + 1))
            columns[name] = func.substr(bindparam("ids"), start, literal_column("16"))
            if table.c[name].nullable:
                columns[name] = func.nullif(columns[name], literal_column("zeroblob(16)"))
        for at, name in enumerate(self._fields[:width]):
            columns[name] = func.json_extract(rows.c.value, _literal(f"$[{at}]"))
        # WHERE true: without it SQLite takes ON CONFLICT for a join condition.
        insert = sqlite.insert(table).from_select(list(columns), select(*columns.values()).where(true()))
        if self._moving:
            later = insert.excluded[self._forwards] >= table.c[self._forwards]
            changes = {name: insert.excluded[name] for name in self._moving}
            insert = insert.on_conflict_do_update(index_elements=["id"], set_=changes, where=later)
        else:
            insert = insert.on_conflict_do_nothing(index_elements=["id"])
        sql = self._sql[width] = str(insert.compile(dialect=sqlite.dialect(paramstyle="named")))
        return sql


def _literal(text: str) -> ColumnElement[Any]:
    return literal_column(f"'{text}'")

"""Many rows in one statement, with as little as possible of it under the GIL.

While a batch is written the user's code runs on, in another thread, and wants the interpreter. The sqlite3 module lets
go of the GIL for each step of a statement and takes it back afterwards, which costs up to the switch interval, 5 ms,
while another thread is busy. So what counts is the number of statements and the work done to bind their parameters.

The rows of a batch travel as one JSON text, and their ids as one blob (ids are most of the bytes, and JSON has no form
for them); the database takes both apart again while the GIL is free. Measured, for three rows of `event` (a no-op task) in
batches of 256 tasks, SQLite 3.40, CPU time:

    executemany                               20.8 us, a hand-over of the GIL for each row
    INSERT ... VALUES (..), (..), 256 rows    12.6 us, of it 2.5 to bind parameters; a hand-over for each 256 rows
    INSERT ... SELECT FROM json_each          12.5 us, of it 1.0 to encode; a hand-over for each batch
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from headrace.core.text import encode_json
from headrace.store.connection import Connection, Dialect

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
        fields: The columns whose values are in the tuples of `Rows.fields`, with their types in PostgreSQL. Containers
            and Structs become JSON text.
        constants: Columns that have the same text in every row.
        moving: Columns to change in a row that is there already; none when such a row is passed over.
        forwards: The columns that must grow for such a change, compared one after the other. The first may be NULL in the row that
            is there, which is less than anything. As they order all rows that are ever sent for one id, what is kept in the end
            does not depend on the order of arrival.
    """

    def __init__(
        self,
        table: str,
        ids: Sequence[str],
        fields: Mapping[str, str],
        *,
        constants: Mapping[str, str] = {},
        moving: Sequence[str] = (),
        forwards: Sequence[str] = (),
    ) -> None:
        self._table = table
        self._ids = ids
        self._fields = fields
        self._constants = constants
        self._moving = moving
        self._forwards = forwards
        self._statement = cache(self._compose)

    def execute(self, conn: Connection, rows: Rows) -> None:
        """Insert `rows`, if there are any."""
        if rows.fields:
            sql = self._statement(conn.dialect, rows.width)
            conn.execute(sql, ids=b"".join(rows.ids), rows=encode_json(rows.fields))

    def _compose(self, dialect: Dialect, width: int) -> str:
        """The statement for rows whose longest tuple has `width` values."""
        fields = list(self._fields.items())[:width]
        columns = [*self._constants, *self._ids, *(name for name, _ in fields)]
        values = [f"'{text}'" for text in self._constants.values()]
        if dialect == "sqlite":
            values += [self._id_in_sqlite(at) for at in range(len(self._ids))]
            values += [f"json_extract(item.value, '$[{at}]')" for at in range(len(fields))]
            source = (
                "json_each(:rows) AS item WHERE true"  # without WHERE, ON CONFLICT would be read as a join's
            )
        else:
            values += [self._id_in_postgres(at) for at in range(len(self._ids))]
            values += [f"item.value[{at + 1}]::{kind}" for at, (_, kind) in enumerate(fields)]
            source = (
                "(SELECT ARRAY(SELECT json_array_elements_text(item)) AS value, place - 1 AS key"
                " FROM json_array_elements(:rows::json) WITH ORDINALITY AS items (item, place)) AS item"
            )
        return (
            f"INSERT INTO {self._table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {source}"
            f" ON CONFLICT (id) {self._on_conflict({*columns})}"
        )

    def _on_conflict(self, columns: set[str]) -> str:
        moving = [name for name in self._moving if name in columns]
        if not moving:
            return "DO NOTHING"
        changes = ", ".join(f"{name} = excluded.{name}" for name in moving)
        sent, kept = (
            ", ".join(f"{table}.{name}" for name in self._forwards) for table in ("excluded", self._table)
        )
        is_new = f"{self._table}.{self._forwards[0]} IS NULL"
        return f"DO UPDATE SET {changes} WHERE {is_new} OR ({sent}) > ({kept})"

    def _id_in_sqlite(self, at: int) -> str:
        octets = f"substr(:ids, item.key * {16 * len(self._ids)} + {16 * at + 1}, 16)"
        return octets if at == 0 else f"nullif({octets}, zeroblob(16))"

    def _id_in_postgres(self, at: int) -> str:
        start = f"(item.key * {16 * len(self._ids)} + {16 * at + 1})::integer"
        octets = f"encode(substring(:ids::bytea from {start} for 16), 'hex')::uuid"
        return octets if at == 0 else f"nullif({octets}, '00000000-0000-0000-0000-000000000000'::uuid)"

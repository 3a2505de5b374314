"""`Connection`: what verbs do SQL with, a thin layer over the database's own driver.

SQL is text, with `:name` where a parameter goes; both databases take the same, but for the few places where a verb asks
for the connection's `dialect`. SQLAlchemy builds the queries that have no fixed text, those of filtered lists (`queries`).
It does not execute them, and whoever only runs flows never imports it: importing takes 0.3 to 0.5 s, longer than all the rest of
a short flow, and executing a statement through it takes 90 us where the driver takes 8 (2026-11-22, AMD EPYC).

Values are bound by their type: UUIDs as the database keeps them, datetimes as microseconds, strings without what no
database can hold (`core.text`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

from headrace.core.text import clean

__all__ = ["BINDINGS", "EPOCH", "MICROSECOND", "PARAMETER", "Connection", "Dialect", "Row", "bound", "micros"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Dialect = Literal["sqlite", "postgresql"]
Row = Sequence[Any]


class Connection:
    """A connection to a database; it may pass between threads, used by one at a time.

    Args:
        driver: The driver's connection.
    """

    dialect: ClassVar[Dialect]

    for_update: ClassVar[str]
    """What a SELECT ends with to keep others from changing its rows until the commit."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def execute(self, sql: str, /, **parameters: Any) -> int:
        """Execute a statement. Returns how many rows it has changed."""
        return int(self.run(sql, parameters).rowcount)

    def rows(self, sql: str, /, **parameters: Any) -> list[Row]:
        """All rows of a query."""
        return list(self.run(sql, parameters).fetchall())

    def row(self, sql: str, /, **parameters: Any) -> Row | None:
        """The first row of a query; None when it has none."""
        row: Row | None = self.run(sql, parameters).fetchone()
        return row

    def value(self, sql: str, /, **parameters: Any) -> Any:
        """The first value of the first row; None when there is no row."""
        row = self.row(sql, **parameters)
        return None if row is None else row[0]

    def run(self, sql: str, parameters: Mapping[str, Any]) -> Any:
        """Execute a statement. Returns the driver's cursor."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connection."""
        self.driver.close()


def micros(instant: datetime) -> int:
    """Microseconds since 1970 of an aware datetime; exact, which `timestamp()` in floating point is not."""
    return (instant - EPOCH) // MICROSECOND


PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")
"""Where a parameter goes in a statement; a cast (`::text`) is none."""

Binding = Callable[[Any], Any]

BINDINGS: dict[type, Binding | None] = {
    datetime: micros,
    str: clean,
    **dict.fromkeys((type(None), bool, int, float, bytes)),
}
"""What becomes of a value of that type on its way to any database; None for one that is taken as it is."""


def bound(
    names: Sequence[str], parameters: Mapping[str, Any], bindings: Mapping[type, Binding | None]
) -> list[Any]:
    """The parameters of these names as a driver takes them."""
    return [
        value if (bind := bindings.get(type(value := parameters[name]), _bind_other)) is None else bind(value)
        for name in names
    ]


def _bind_other(value: Any) -> Any:
    return clean(str(value)) if isinstance(value, str) else value

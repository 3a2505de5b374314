"""PostgreSQL as Headrace uses it: how connections are made, how transactions run, and what the errors mean.

A process writes on one connection, as it does to SQLite: batches are large enough for that, and what one recorder
reports stays in order. Processes write side by side; verbs that decide by what they have read lock those rows
(`Connection.for_update`). A transaction that loses against another one, and one whose connection is lost, is done again from
the start: the server may be restarted under a running flow.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import zip_longest
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from headrace.exceptions import (
    ConfigurationError,
    StoreConflictError,
    StoreCorruptError,
    StoreUnavailableError,
)
from headrace.store import revisions
from headrace.store.connection import BINDINGS, PARAMETER, Connection, bound
from headrace.store.database import Read
from headrace.store.watching import Watch

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
except ImportError as error:
    raise ConfigurationError(
        "A store on PostgreSQL needs its driver, which is not installed: pip install 'headrace[postgres]'."
    ) from error

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds for which a server that has gone away is waited for. Whoever waits is told then, and whoever comes later is told at
once, until it is back."""

MAX_PAUSE = 0.5
"""Seconds between two attempts to connect."""

CONNECTION = {
    "application_name": "headrace",
    "connect_timeout": 10,
    # A host that went away without a word is noticed after a minute, not after two hours.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""What is asked of a connection unless the URL asks for something else."""

MIGRATING = 0x48524143
"""The advisory lock of whoever changes the schema: "HRAC"."""

CHANNEL = "headrace"
"""Where transactions announce themselves."""

_log = logging.getLogger("headrace.store")


class PostgresConnection(Connection):
    """A connection to PostgreSQL."""

    dialect = "postgresql"
    for_update = " FOR UPDATE"

    def run(self, sql: str, parameters: Mapping[str, Any]) -> Any:
        """Execute a statement. Returns the driver's cursor."""
        text, names = _in_drivers_style(sql)
        return self.driver.execute(text, dict(zip(names, bound(names, parameters, _BINDINGS), strict=True)))


_BINDINGS = {**BINDINGS, UUID: None}


@lru_cache(1024)
def _in_drivers_style(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with `%(name)s` for its parameters, and their names."""
    names = tuple(dict.fromkeys(PARAMETER.findall(sql)))
    return PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")).encode(), names


class PostgresDatabase:
    """A PostgreSQL database.

    Args:
        url: `postgresql://user:password@host:port/name`.

    Raises:
        ConfigurationError: The URL cannot be read.
    """

    is_private = False
    is_remote = True

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("://")
        self.url = f"{scheme.partition('+')[0]}://{rest}"
        self._parameters = _parameters_of(self.url)
        self.place = _place_of(self._parameters)
        self._has_answered = False
        self._away_since: float | None = None  # on the monotonic clock

    def exists(self) -> bool:
        """A server's database is made by its administrator."""
        return True

    def prepare(self) -> Connection:
        """Bring the database to the current schema. See `Database.prepare`."""
        conn = self.connect()
        try:
            revision = self.snapshot(conn, lambda: self.revision(conn))
            if revisions.is_outdated(conn, revision, self.place):
                self.migrate(conn, lambda: self._bring_up_to_date(conn))
        except BaseException:
            conn.close()
            raise
        return conn

    def connect(self) -> Connection:
        """A connection of its own; it may pass between threads, used by one at a time."""
        return PostgresConnection(self._open())

    def transact(self, conn: Connection, work: Callable[[], T]) -> T:
        """Run `work` in a write transaction and commit; from the start again where others or the server interfere.

        Whoever watches the database is told: by the transaction itself, so that none is missed.
        """
        return self._persevere(conn, "BEGIN", f"NOTIFY {CHANNEL}; COMMIT", work)

    def migrate(self, conn: Connection, work: Callable[[], T]) -> T:
        """Run `work`, which changes the schema, in one transaction; whoever else wants to waits."""

        def alone() -> T:
            conn.execute("SELECT pg_advisory_xact_lock(:key)", key=MIGRATING)
            return work()

        return self.transact(conn, alone)

    def snapshot(self, conn: Connection, work: Callable[[], T]) -> T:
        """Run `work` on one state of the database."""
        return self._persevere(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "ROLLBACK", work)

    def is_broken(self, error: BaseException) -> bool:
        """Whether the connection is better replaced after `error`."""
        return isinstance(error, StoreUnavailableError)

    def watch(self, read: Read, changed: Callable[[], object]) -> Callable[[], None]:
        """Listen to what `transact` announces, on a connection of its own."""
        return Listener(self._open, changed, self.place).stop

    def _open(self) -> psycopg.Connection[Any]:
        """Connect; a server that has been there is waited for."""
        pause = 0.01
        while True:
            try:
                driver = psycopg.connect(autocommit=True, **self._parameters)
            except psycopg.Error as error:
                if not self._may_come_back():
                    self._raise_translated(error)
            else:
                self._has_answered, self._away_since = True, None
                return driver
            time.sleep(pause)
            pause = min(pause * 2, MAX_PAUSE)

    def _may_come_back(self) -> bool:
        """Whether the server has been there lately."""
        now = time.monotonic()
        self._away_since = since = self._away_since or now
        return self._has_answered and now - since < PATIENCE

    def _persevere(self, conn: Connection, begin: str, end: str, work: Callable[[], T]) -> T:
        gives_up: float | None = None
        while True:
            try:
                return self._attempt(conn, begin, end, work)
            except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
                continue
            except psycopg.Error as error:
                gives_up = gives_up or time.monotonic() + PATIENCE
                # A server that accepts connections and loses them, time and again, is as good as away.
                if not conn.driver.closed or time.monotonic() > gives_up:
                    self._raise_translated(error)
                _log.warning(
                    "The connection to the store %s was lost (%s); connecting again.",
                    self.place,
                    _first_line(error),
                )
                conn.driver = self._open()

    def _attempt(self, conn: Connection, begin: str, end: str, work: Callable[[], T]) -> T:
        conn.driver.execute(begin)
        try:
            result = work()
            # Two statements at once cannot be prepared.
            conn.driver.execute(end, prepare=False)
        except BaseException:
            if not conn.driver.closed:
                conn.driver.execute("ROLLBACK")
            raise
        return result

    def _raise_translated(self, error: psycopg.Error) -> NoReturn:
        if isinstance(error, _REFUSALS):
            raise StoreConflictError(
                f"The store {self.place} refused what contradicts it ({_first_line(error)})."
            ) from error
        if isinstance(error, _FAILURES):
            raise StoreUnavailableError(
                f"The store {self.place} cannot be used ({_first_line(error)}): the server must run, accept this user and "
                "password, allow creating tables and writing, and have room. Check HEADRACE_SERVER_DATABASE_CONNECTION_URL "
                "and the server."
            ) from error
        raise error

    def revision(self, conn: Connection) -> str | None:
        """The revision that the database is stamped with; "" for an unstamped one, None for an empty one."""
        tables = self._tables(conn)
        if "alembic_version" not in tables:
            return None
        revision = revisions.stamp_of(conn)
        if not revision and tables != {"alembic_version"}:
            raise self._of_another_program("tables beside an empty table alembic_version")
        return revision

    def _tables(self, conn: Connection) -> set[str]:
        found = conn.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        return {name for (name,) in found}

    def _bring_up_to_date(self, conn: Connection) -> None:
        revision = self.revision(conn)  # another process may have done it meanwhile
        if revision is None and (taken := self._tables(conn) & revisions.declared_tables()):
            raise self._of_another_program(
                f"tables under the names of Headrace's: {', '.join(sorted(taken))}"
            )
        revisions.bring_up_to_date(conn, revision, self.place)

    def _of_another_program(self, finding: str) -> StoreCorruptError:
        return StoreCorruptError(
            f"The database {self.place} belongs to another program (it has {finding}). It was left as it is: give "
            "Headrace a database of its own."
        )


_REFUSALS = (psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)
"""What was to be written is at fault."""

_FAILURES = (
    psycopg.OperationalError,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ReadOnlySqlTransaction,
)
"""The server, or what it allows, is at fault."""


class Listener(Watch):
    """Waits for what transactions announce; connects again where the connection is lost, and tells then, too.

    Args:
        connect: Opens a connection.
        changed: Called after every announcement.
        place: What the database is called in messages.
    """

    def __init__(
        self, connect: Callable[[], psycopg.Connection[Any]], changed: Callable[[], object], place: str
    ) -> None:
        self._connect = connect
        self._place = place
        super().__init__(changed)

    def run(self) -> None:
        """Listen until `stop`."""
        while not self.stopped:
            try:
                with self._connect() as driver:
                    driver.execute(f"LISTEN {CHANNEL}")
                    self.tell()
                    while self.wait(driver.fileno()):
                        for _ in driver.notifies(timeout=0):
                            pass
                        self.tell()
            except psycopg.Error as error:
                _log.warning(
                    "Commits to the store %s cannot be listened to (%s); connecting again.",
                    self._place,
                    _first_line(error),
                )
                self.pause(MAX_PAUSE)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _parameters_of(url: str) -> dict[str, Any]:
    """What a URL says of a connection, and what it leaves open.

    The error says nothing of what it found: a part that is read wrongly may be one of the password.
    """
    try:
        parameters = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        parameters = None
    if parameters is None or any("@" in str(parameters.get(part, "")) for part in ("host", "port", "dbname")):
        raise ConfigurationError(
            "The URL of the PostgreSQL database cannot be read: expected 'postgresql://user:password@host:port/name', with "
            "each of the characters @ : / ? # % in the user and the password written as a code (%40 for @), and no other "
            "options behind a '?' than those of PostgreSQL's own programs (sslmode=require, not ssl=require)."
        )
    return {**CONNECTION, **parameters}


def _place_of(parameters: Mapping[str, Any]) -> str:
    """What a database is called in messages: its URL without the password and the options."""
    user = f"{parameters['user']}@" if "user" in parameters else ""
    ports = str(parameters.get("port", "")).split(",")
    hosts = str(parameters.get("host", "")).split(",")
    hosts = [f"[{host}]" if ":" in host else host for host in hosts]
    pairs = zip_longest(hosts, ports, fillvalue=ports[-1])
    addresses = [f"{host}:{port}" if port else host for host, port in pairs]
    return f"postgresql://{user}{','.join(addresses)}/{parameters.get('dbname', '')}"

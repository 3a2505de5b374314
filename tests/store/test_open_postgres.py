"""Opening a store on PostgreSQL: what is said when it cannot be, and that no message shows a password."""

from __future__ import annotations

import logging
import socket
import traceback
from urllib.parse import urlsplit

import psycopg
import pytest

from headrace.exceptions import ConfigurationError, StoreCorruptError, StoreUnavailableError
from headrace.store import flows
from headrace.store.lists.flows import read_flows
from headrace.store.postgres import PostgresDatabase
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

SECRET = "s3cr3t-w0rd"


def tables_of(url):
    with psycopg.connect(url) as conn:
        found = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {name for (name,) in found}


def said_of(error):
    """All that a traceback of the error shows, but for the lines of code."""
    return "".join(traceback.format_exception(error.value, limit=0))


@pytest.fixture
def locked_url(postgres, postgres_url):
    """The database under a user who needs a password, without it."""
    rules = postgres.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("host all locked 127.0.0.1/32 scram-sha-256\n" + before)
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE locked LOGIN SUPERUSER PASSWORD '{SECRET}'")
        conn.execute("SELECT pg_reload_conf()")
    parts = urlsplit(postgres_url)
    yield f"postgresql://locked:%s@{parts.hostname}:{parts.port}{parts.path}"
    rules.write_text(before)
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("REASSIGN OWNED BY locked TO headrace")
        conn.execute("DROP OWNED BY locked")
        conn.execute("DROP ROLE locked")
        conn.execute("SELECT pg_reload_conf()")


def test_what_was_written_is_there_when_the_store_is_opened_again(postgres_url, clock):
    for scheme in ("postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg"):
        with Store.open(postgres_url.replace("postgresql", scheme)) as store:
            flow = store.write(lambda conn: flows.read_or_create_flow(conn, "hello", now=clock.now))
    with Store.open(store.url) as again:
        assert again.read(lambda conn: flows.read_flow(conn, flow.id)) == flow


def test_options_in_the_url_are_those_of_the_connection(postgres_url):
    with Store.open(f"{postgres_url}?application_name=mine&options=-c%20work_mem%3D5MB") as store:
        assert store.read(lambda conn: conn.value("SHOW application_name")) == "mine"
        assert store.read(lambda conn: conn.value("SHOW work_mem")) == "5MB"
    with Store.open(postgres_url) as store:
        assert store.read(lambda conn: conn.value("SHOW application_name")) == "headrace"


# --- Passwords -------------------------------------------------------------------------------------------------


def test_a_password_opens_the_store_and_is_shown_nowhere(locked_url, caplog):
    with caplog.at_level(logging.DEBUG), Store.open(locked_url % SECRET) as store:
        assert store.read(read_flows) == []
        assert_history(store)
        store.write(lambda conn: conn.execute("DELETE FROM alembic_version"))
        assert SECRET not in f"{store!r} {store.place} {caplog.text}"
        assert SECRET in store.url
    with pytest.raises(StoreCorruptError) as error:
        Store.open(locked_url % SECRET)
    assert SECRET not in said_of(error)


def test_a_wrong_password_is_refused_naming_user_and_database_but_not_the_password(locked_url):
    with pytest.raises(
        StoreUnavailableError, match=r"postgresql://locked@127.*password authentication"
    ) as error:
        Store.open(locked_url % "wr0ng-w0rd")
    assert "wr0ng" not in said_of(error)
    with pytest.raises(StoreUnavailableError, match="no password supplied"):
        Store.open((locked_url % "").replace(":@", "@"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cr%t@host/db",
        "postgresql://me:s3cr t@host/db",
        "postgresql://me:s3cr@t/x@host/db",
        "postgresql://me:s3cr@t:w0rd@host/db",
        "postgresql://m@e:s3cr@host:5432/db",
        "postgresql://me:s3cr@[::1/db",
        "postgresql://me:s3cr@host/db?ssl=require",
        "postgresql://me:s3cr@host/db?password=s3cr&nonsense=1",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_being_shown(url):
    with pytest.raises(
        ConfigurationError, match=r"expected 'postgresql://user:password@.*%40 for @"
    ) as error:
        Store.open(url)
    assert "s3cr" not in said_of(error)
    assert "w0rd" not in said_of(error)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://me:s3cr@host:5432/db", "postgresql://me@host:5432/db"),
        ("postgresql://me:s%40c@host/db", "postgresql://me@host/db"),
        ("postgresql://me:a:b@host/db", "postgresql://me@host/db"),
        ("postgresql://me@host/db?password=s3cr&sslpassword=s3cr", "postgresql://me@host/db"),
        (
            "postgresql://me:s3cr@one:1,two:2/db?target_session_attrs=read-write",
            "postgresql://me@one:1,two:2/db",
        ),
        ("postgresql://me:s3cr@one,two:2/db", "postgresql://me@one,two:2/db"),
        ("postgresql://me:s3cr@[::1]:5432/db", "postgresql://me@[::1]:5432/db"),
        ("postgresql:///db", "postgresql:///db"),
        ("postgresql+asyncpg://me:s3cr@host/db", "postgresql://me@host/db"),
    ],
)
def test_a_database_is_called_by_its_url_without_password_and_options(url, place):
    assert PostgresDatabase(url).place == place


# --- What cannot be used ---------------------------------------------------------------------------------------


def test_a_server_that_is_not_there_is_named(postgres_url):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(
            StoreUnavailableError, match=f"127.0.0.1:{port}/x cannot be used.*[Rr]efused.*must run"
        ):
            Store.open(f"postgresql://me@127.0.0.1:{port}/x")


def test_a_database_or_a_user_that_does_not_exist_is_named(postgres_url):
    with pytest.raises(StoreUnavailableError, match='database "nowhere" does not exist'):
        Store.open(postgres_url.rpartition("/")[0] + "/nowhere")
    with pytest.raises(StoreUnavailableError, match='role "nobody" does not exist'):
        Store.open(postgres_url.replace("headrace@", "nobody@"))


def test_a_user_who_may_not_create_tables_is_told_so_and_nothing_is_made(postgres, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("CREATE ROLE guest LOGIN")
    try:
        with pytest.raises(StoreUnavailableError, match="permission denied.*allow creating tables"):
            Store.open(postgres_url.replace("headrace@", "guest@"))
        assert tables_of(postgres_url) == set()
        Store.open(postgres_url).close()
        with pytest.raises(StoreUnavailableError, match="permission denied for table alembic_version"):
            Store.open(postgres_url.replace("headrace@", "guest@"))
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as conn:
            conn.execute("DROP ROLE guest")


def test_a_database_that_may_only_be_read_is_read_and_says_so_to_whoever_writes(postgres_url, clock):
    Store.open(postgres_url).close()
    read_only = f"{postgres_url}?options=-c%20default_transaction_read_only%3Don"
    with Store.open(read_only) as store:
        assert store.read(read_flows) == []
        with pytest.raises(StoreUnavailableError, match="read-only transaction.*allow.*writing"):
            store.write(lambda conn: flows.read_or_create_flow(conn, "hello", now=clock.now))
        assert store.read(read_flows) == []


# --- What is not a store ---------------------------------------------------------------------------------------

OTHERS = {
    "with migrations of its own": (
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO alembic_version VALUES ('9e83011d1f2a')",
        "CREATE TABLE flow (id uuid)",
        "CREATE TABLE meta (key text)",
    ),
    "with migrations that have not been run": (
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "CREATE TABLE account (id uuid)",
    ),
    "with tables under our names": ("CREATE TABLE log (line text)", "CREATE TABLE account (id uuid)"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_the_database_of_another_program_is_refused_and_left_as_it_is(postgres_url, kind):
    with psycopg.connect(postgres_url) as conn:
        for statement in OTHERS[kind]:
            conn.execute(statement)
    before = tables_of(postgres_url)
    with pytest.raises(
        StoreCorruptError, match="belongs to another program.*left as it is.*database of its own"
    ):
        Store.open(postgres_url)
    assert tables_of(postgres_url) == before


def test_tables_of_others_do_not_matter_where_their_names_are_others(postgres_url):
    with psycopg.connect(postgres_url) as conn:
        conn.execute("CREATE TABLE account (id uuid)")
        conn.execute(
            "CREATE SCHEMA elsewhere CREATE TABLE alembic_version (x int) CREATE TABLE flow (id uuid)"
        )
    with Store.open(postgres_url) as store:
        assert store.read(read_flows) == []
    assert {"account", "flow"} <= tables_of(postgres_url)


def test_stores_in_schemas_of_one_database_know_nothing_of_each_other(postgres_url, clock):
    with psycopg.connect(postgres_url) as conn:
        conn.execute("CREATE SCHEMA one")
        conn.execute("CREATE SCHEMA two")
    urls = [f"{postgres_url}?options=-c%20search_path%3D{schema}" for schema in ("one", "two")]
    with Store.open(urls[0]) as one, Store.open(urls[1]) as two:
        one.write(lambda conn: flows.read_or_create_flow(conn, "hello", now=clock.now))
        assert len(one.read(read_flows)) == 1
        assert two.read(read_flows) == []
    assert tables_of(postgres_url) == set()

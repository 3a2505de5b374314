"""Migrations lead to the declared schema, and old stores get there when they are opened."""

from __future__ import annotations

import re
import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql, sqlite

from headrace.store import flows
from headrace.store.migrations import HEAD, REVISIONS
from headrace.store.migrations.upgrade import config_for, upgrade_to_head
from headrace.store.revisions import declared_schema
from headrace.store.store import Store
from headrace.store.tables import metadata


def schema_of(path):
    """Each object's definition, however the statement was laid out."""
    with sqlite3.connect(path) as conn:
        rows = conn.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
    conn.close()
    return {name: constraints_sorted(sql) for name, sql in rows}


def constraints_sorted(sql):
    body, _, options = sql.rpartition(")")
    return [options.strip(), *sorted(part.strip() for part in re.split(r",\s*\n", body))]


@pytest.fixture
def migrated(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/migrated.db")
    with engine.begin() as conn:
        upgrade_to_head(conn)
    engine.dispose()
    return tmp_path / "migrated.db"


def test_the_migrated_schema_is_the_declared_one(migrated, tmp_path):
    Store.open(tmp_path / "declared.db").close()
    assert schema_of(migrated) == schema_of(tmp_path / "declared.db")


def test_alembic_finds_nothing_to_change_in_a_fresh_store(tmp_path):
    Store.open(tmp_path / "s.db").close()
    with create_engine(f"sqlite:///{tmp_path}/s.db").connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD


@pytest.mark.parametrize(
    "dialect", [sqlite.dialect(), postgresql.dialect()], ids=lambda dialect: dialect.name
)
def test_the_indexes_of_few_rows_are_partial_in_every_dialect(dialect):
    partial = {
        statement.split()[2]: statement.rpartition(" WHERE ")[2]
        for statement in declared_schema(dialect)
        if " WHERE " in statement
    }
    assert partial == {
        "ix_event_run": "run_id IS NOT NULL",
        "ix_log_task_run": "task_run_id IS NOT NULL",
        "ix_lease_expires": "expires IS NOT NULL",
    }


def test_the_list_of_revisions_is_that_of_the_scripts():
    scripts = ScriptDirectory.from_config(config_for(None))
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == REVISIONS


def test_an_older_store_is_upgraded_when_it_is_opened(tmp_path, clock):
    """A store that is stamped, but has seen no migration yet, gets them all."""
    path = tmp_path / "s.db"
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    conn.close()
    with Store.open(path) as store:
        store.write(lambda conn: flows.read_or_create_flow(conn, "hello", now=clock.now))
    with sqlite3.connect(path) as conn:
        assert conn.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    conn.close()

"""Migrations lead to the declared schema, and old stores get there when they are opened, on both databases."""

from __future__ import annotations

import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from headrace.core.states import StateType
from headrace.exceptions import StoreVersionError
from headrace.schema.filters.flow_runs import FlowRunFilter, FlowRunFilterTags
from headrace.schema.filters.task_runs import TaskRunFilter, TaskRunFilterTags
from headrace.schema.logs import Log
from headrace.schema.requests.scope import RunScope
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State
from headrace.store import flow_runs, flows, states, task_runs
from headrace.store.lists.flow_runs import read_flow_runs
from headrace.store.lists.logs import read_logs
from headrace.store.lists.task_runs import read_task_runs
from headrace.store.migrations import HEAD, REVISIONS
from headrace.store.migrations.upgrade import config_for, downgrade, stamp, upgrade
from headrace.store.records import record
from headrace.store.schema import declared_schema
from headrace.store.store import Store, open_database
from headrace.store.tables import metadata
from headrace.testing.invariants import assert_history


def migrate(target, step, revision):
    """Run a step of migrations on a database, as the command line does."""
    database = open_database(target)
    conn = database.connect()
    try:
        database.migrate(conn, lambda: step(conn, revision))
    finally:
        conn.close()


def schema_of(target):
    """Each object's definition, however the statement was laid out."""
    database = open_database(target)
    conn = database.connect()
    try:
        return sqlite_schema(conn) if conn.dialect == "sqlite" else postgres_schema(conn)
    finally:
        conn.close()


def sqlite_schema(conn):
    rows = conn.rows("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    return {name: constraints_sorted(sql) for name, sql in rows}


def constraints_sorted(sql):
    body, _, options = sql.rpartition(")")
    return [options.strip(), *sorted(part.strip() for part in re.split(r",\s*\n", body))]


def postgres_schema(conn):
    columns = conn.rows(
        "SELECT table_name || '.' || column_name, data_type, is_nullable, column_default"
        " FROM information_schema.columns WHERE table_schema = 'public'"
    )
    indexes = conn.rows("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    constraints = conn.rows(
        "SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace"
    )
    triggers = conn.rows("SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal")
    functions = conn.rows(
        "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    return {name: rest for name, *rest in (*columns, *indexes, *constraints, *triggers, *functions)}


@pytest.fixture
def other_target(request, tmp_path, target):
    """A second empty database of the same kind."""
    if not target.startswith("postgresql"):
        yield str(tmp_path / "other.db")
        return
    server = request.getfixturevalue("postgres")
    url = server.create_database()
    yield url
    server.drop_database(url)


def test_the_migrated_schema_is_the_declared_one(target, other_target):
    migrate(target, upgrade, "head")
    Store.open(other_target).close()
    migrated, declared = schema_of(target), schema_of(other_target)
    assert len(declared) > 20
    assert migrated == declared


@pytest.mark.filterwarnings("ignore:.*expression-based index", "ignore:Did not recognize type 'xid8'")
def test_alembic_finds_nothing_to_change_in_a_fresh_store(target):
    Store.open(target).close()
    url = target.replace("postgresql://", "postgresql+psycopg://") if ":" in target else f"sqlite:///{target}"
    engine = create_engine(url)
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": False})
        changes = compare_metadata(context, metadata)
        assert context.get_current_revision() == HEAD
    engine.dispose()
    # What only PostgreSQL has is not in the tables' declaration.
    extra = {("remove_column", "xid"), ("remove_index", "ix_event_xid"), ("remove_index", "ix_log_xid")}
    found = {(change[0], getattr(change[-1], "name", None)) for change in changes}
    assert found == (extra if ":" in target else set())


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_indexes_of_few_rows_are_partial_in_every_dialect(dialect):
    partial = {
        statement.partition(" ON ")[0].split()[-1]: statement.rpartition(" WHERE ")[2]
        for statement in declared_schema(dialect)
        if statement.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX")) and " WHERE " in statement
    }
    assert partial == {
        "ix_event_flow_run_state": "run_kind = 'flow-run'",
        "ix_event_name": "event IS NOT NULL",
        "ix_event_related": "related IS NOT NULL",
        "ix_event_resource": "resource_id IS NOT NULL",
        "ix_event_run": "run_id IS NOT NULL",
        "ix_flow_run_deployment": "deployment_id IS NOT NULL",
        "ix_log_task_run": "task_run_id IS NOT NULL",
        "ix_lease_expires": "expires IS NOT NULL",
        "uq_flow_run_flow_id_idempotency_key": "idempotency_key IS NOT NULL",
    }


def test_the_list_of_revisions_is_that_of_the_scripts():
    scripts = ScriptDirectory.from_config(config_for(None))
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == REVISIONS


# --- Stores with data ------------------------------------------------------------------------------------------


@pytest.fixture
def filled(target, clock, life):
    """A store of the first revision with a flow run, a task run and a log line."""
    with Store.open(target) as store:
        flow = store.write(lambda conn: flows.read_or_create_flow(conn, "f", now=clock.now))
        run = FlowRun(
            flow_id=flow.id,
            parameters={"x": 1},
            idempotency_key="once",
            tags=["c"],
            state=State(type=StateType.PENDING, timestamp=clock.now),
        )
        run = store.write(lambda conn: flow_runs.create_flow_run(conn, run, now=clock.now))
        task_run = TaskRun(task_key="t", dynamic_key="0", name="t-0", flow_run_id=run.id, tags=["a", "b"])
        steps = life(task_run, start=clock.now)
        at = {"timestamp": clock.now, "created": clock.now, "updated": clock.now}
        line = Log(name="n", level=20, message="hello", flow_run_id=run.id, **at)
        store.write(lambda conn: record(conn, [*steps, line]))
    migrate(target, downgrade, "0001")
    return run, steps, line


def check(target, filled):
    run, steps, line = filled
    with Store.open(target) as store:
        assert store.read(lambda conn: flow_runs.read_flow_run(conn, run.id)) == run
        assert len(store.read(lambda conn: states.read_states(conn, steps[0].run.id))) == 3
        assert store.read(read_logs) == [line]
        task = store.read(lambda conn: task_runs.read_task_run(conn, steps[0].run.id))
        assert task.state_type is StateType.COMPLETED
        again = FlowRun(flow_id=run.flow_id, idempotency_key="once")
        assert store.write(lambda conn: flow_runs.create_flow_run(conn, again, now=run.created)) == run
        tagged = RunScope(flow_runs=FlowRunFilter(tags=FlowRunFilterTags(all_=["c"])))
        assert store.read(lambda conn: read_flow_runs(conn, tagged)) == [run]
        tagged = RunScope(task_runs=TaskRunFilter(tags=TaskRunFilterTags(all_=["a", "b"])))
        assert [found.id for found in store.read(lambda conn: read_task_runs(conn, tagged))] == [task.id]
        assert_history(store)


def test_an_older_store_keeps_its_data_when_it_is_opened(target, other_target, filled):
    check(target, filled)
    Store.open(other_target).close()
    assert schema_of(target) == schema_of(other_target)


def test_downgrading_leads_to_the_older_schema(target, other_target, filled):
    migrate(other_target, upgrade, "0001")
    assert schema_of(target) == schema_of(other_target)
    migrate(target, downgrade, "base")
    assert set(schema_of(target)) <= {"alembic_version", "alembic_version.version_num", "alembic_version_pkc"}


def test_a_store_that_was_downgraded_to_nothing_is_made_again(target, other_target):
    Store.open(target).close()
    migrate(target, downgrade, "base")
    Store.open(target).close()
    Store.open(other_target).close()
    assert schema_of(target) == schema_of(other_target)


def test_a_store_is_stamped_with_a_revision_without_being_changed(target, filled):
    before = schema_of(target)
    migrate(target, stamp, HEAD)
    assert schema_of(target) == before
    migrate(target, stamp, "0001")
    check(target, filled)


def test_a_store_of_a_newer_version_is_refused_naming_both_versions_and_left_as_it_is(target):
    with Store.open(target) as store:
        store.write(lambda conn: conn.execute("UPDATE alembic_version SET version_num = '9999'"))
        store.write(
            lambda conn: conn.execute("UPDATE meta SET value = '12.3' WHERE key = 'headrace_version'")
        )
    before = schema_of(target)
    with pytest.raises(
        StoreVersionError, match=rf"12\.3 \(schema 9999\).*up to {HEAD}.*Install Headrace 12\.3"
    ):
        Store.open(target)
    assert schema_of(target) == before

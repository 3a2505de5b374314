"""How databases go about lists and counts: along an index, however many rows there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from headrace.core.states import StateType
from headrace.schema.filters.flow_runs import FlowRunFilter, FlowRunFilterParentTaskRunId
from headrace.schema.logs import Log
from headrace.schema.requests.flow_runs import (
    FlowRunsFilterBody,
    FlowRunsHistoryBody,
    UIFlowRunsHistoryBody,
)
from headrace.schema.requests.logs import LogsFilterBody
from headrace.schema.requests.scope import RunScope
from headrace.schema.requests.task_runs import TaskRunsFilterBody, TaskRunsHistoryBody
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.sorting import FlowRunSort, LogSort, TaskRunSort
from headrace.schema.states import State
from headrace.schema.transitions import TaskTransition
from headrace.store import deletions, flow_runs, states, task_runs
from headrace.store.creations import create_flow_runs
from headrace.store.cursors import Cursor
from headrace.store.flows import read_or_create_flow
from headrace.store.lists import flow_grids, overviews, queries
from headrace.store.lists.failing_flows import read_failing_flows
from headrace.store.lists.flow_runs import (
    count_flow_runs,
    read_flow_run_history,
    read_flow_runs,
    versions_query,
)
from headrace.store.lists.last_runs import read_last_runs
from headrace.store.lists.logs import read_logs, read_logs_after
from headrace.store.lists.states_over_time import read_states_over_time
from headrace.store.lists.task_runs import count_task_runs, read_task_run_history, read_task_runs
from headrace.store.records import record
from headrace.store.store import Store
from headrace.store.timeline import read_timeline

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SOME, OTHER = UUID("01a20377-0000-7000-8000-000000000001"), UUID("01a20377-0000-7000-8000-000000000002")
SPAN = {
    "history_start": "2026-01-01T00:00:00Z",
    "history_end": "2026-01-02T00:00:00Z",
    "history_interval_seconds": 3600,
}
TOP = RunScope(flow_runs=FlowRunFilter(parent_task_run_id=FlowRunFilterParentTaskRunId(is_null_=True)))
SINCE = {"after_": "2026-01-01T00:00:00Z"}

WHOLE = re.compile(
    r"SCAN (?:flow_run|event|log|state)\b(?! USING)"
    r"|Seq Scan on (?:flow_run|task_run|event|log)\b"
)
"""What a plan says that reads a table from end to end. (In SQLite the table of task runs is the index of its ids.)"""

SORTED = re.compile(r"USE TEMP B-TREE FOR (?:LAST \d TERMS OF |RIGHT PART OF )?ORDER BY|\bSort Key\b")


@pytest.fixture
def store(target):
    """A store in a file, and one on PostgreSQL."""
    with Store.open(target) as opened:
        yield opened


def only_where_needed(conn):
    """Have PostgreSQL read whole tables and sort only where there is no other way, though its tables are small here."""
    if conn.dialect == "postgresql":
        for way in ("seqscan", "sort"):
            conn.execute(f"SET LOCAL enable_{way} = off")


@pytest.fixture
def plans(store):
    """The plans of all statements of a query, where there are too many rows for anything but an index."""

    def explain(query: Callable[[Any], object]) -> list[str]:
        def collect(conn: Any) -> list[str]:
            ran: list[tuple[str, dict[str, Any]]] = []
            run = conn.run

            def noting(sql, parameters):
                ran.append((sql, dict(parameters)))
                return run(sql, parameters)

            conn.run = noting
            try:
                query(conn)
            finally:
                del conn.run
            only_where_needed(conn)
            how = "EXPLAIN QUERY PLAN " if conn.dialect == "sqlite" else "EXPLAIN "
            return [
                "\n".join(str(row[-1]) for row in conn.rows(how + sql, **parameters))
                for sql, parameters in ran
            ]

        return store.read(collect)

    return explain


def body(kind, **content):
    return msgspec.convert(content, kind, strict=False)


# --- Orders ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", FlowRunSort)
def test_the_first_flow_runs_of_any_order_are_read_from_its_index(plans, sort):
    [plan] = plans(lambda conn: queries.list_rows(conn, versions_query(None, sort=sort, limit=50, offset=0)))
    assert not WHOLE.search(plan), plan
    assert not SORTED.search(plan), plan


@pytest.mark.parametrize("sort", FlowRunSort)
def test_only_the_flow_runs_of_a_page_are_read_whole(plans, sort):
    [plan] = plans(lambda conn: read_flow_runs(conn, sort=sort, limit=50))
    assert not WHOLE.search(plan), plan
    assert len(SORTED.findall(plan)) <= 1, plan  # that page


@pytest.mark.parametrize("sort", TaskRunSort)
def test_only_the_task_runs_of_a_page_are_read_whole(plans, sort):
    [plan] = plans(lambda conn: read_task_runs(conn, sort=sort, limit=50))
    assert not WHOLE.search(plan), plan
    assert len(SORTED.findall(plan)) <= 1, plan


@pytest.mark.parametrize("sort", LogSort)
@pytest.mark.parametrize("wanted", [{}, {"flow_run_id": {"any_": [SOME]}}, {"task_run_id": {"any_": [SOME]}}])
def test_log_lines_are_read_from_an_index_in_their_order(plans, sort, wanted):
    logs = body(LogsFilterBody, logs=wanted).logs
    [plan] = plans(lambda conn: read_logs(conn, logs, sort=sort, limit=50))
    assert not WHOLE.search(plan), plan
    assert not SORTED.search(plan), plan


@pytest.mark.parametrize("last", [None, (NOW, 1)])
def test_downloads_of_log_lines_go_on_in_an_index(plans, last):
    [plan] = plans(lambda conn: read_logs_after(conn, SOME, last, limit=50))
    assert not WHOLE.search(plan), plan
    assert not SORTED.search(plan), plan


# --- Filters ---------------------------------------------------------------------------------------------------

OF_FLOW_RUNS = [
    {},
    {"flows": {"id": {"any_": [SOME]}}},
    {"flows": {"name": {"any_": ["f"]}}},
    {"flow_runs": {"id": {"any_": [SOME, OTHER]}}},
    {"flow_runs": {"state": {"type": {"any_": ["FAILED", "CRASHED"]}}}},
    {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}, "name": {"any_": ["Late"]}}}},
    {"flow_runs": {"state": {"name": {"any_": ["Late"]}}}},
    {"flow_runs": {"tags": {"all_": ["rare"]}}},
    {"flow_runs": {"deployment_id": {"any_": [SOME]}}},
    {"flow_runs": {"parent_task_run_id": {"any_": [SOME]}}},
    {"flow_runs": {"parent_task_run_id": {"is_null_": True}}},
    {"flow_runs": {"parent_flow_run_id": {"any_": [SOME]}}},
    {"flow_runs": {"expected_start_time": SINCE}},
    {"flow_runs": {"start_time": SINCE}},
    {"flow_runs": {"end_time": SINCE}},
    {"flow_runs": {"next_scheduled_start_time": {"before_": "2026-01-01T00:00:00Z"}}},
]


@pytest.mark.parametrize("wanted", OF_FLOW_RUNS, ids=str)
def test_filtered_flow_runs_are_found_by_an_index(plans, wanted):
    scope = body(FlowRunsFilterBody, **wanted)
    for sort in (FlowRunSort.ID_DESC, FlowRunSort.START_TIME_DESC, FlowRunSort.EXPECTED_START_TIME_DESC):
        for plan in plans(lambda conn, sort=sort: read_flow_runs(conn, scope, sort=sort, limit=50)):
            assert not WHOLE.search(plan), plan


@pytest.mark.parametrize("wanted", OF_FLOW_RUNS[1:-1], ids=str)
def test_filtered_flow_runs_are_counted_by_an_index(plans, wanted):
    scope = body(FlowRunsFilterBody, **wanted)
    for plan in plans(lambda conn: count_flow_runs(conn, scope)):
        assert not WHOLE.search(plan), plan


OF_TASK_RUNS = [
    {},
    {"task_runs": {}},
    {"task_runs": {"id": {"any_": [SOME]}}},
    {"task_runs": {"flow_run_id": {"any_": [SOME]}}},
    {"task_runs": {"state": {"type": {"any_": ["FAILED"]}}}},
    {"task_runs": {"expected_start_time": SINCE}},
    {"task_runs": {"start_time": SINCE}},
    {"task_runs": {"end_time": SINCE}},
    {"task_runs": {"tags": {"all_": ["rare"]}}},
    {"task_runs": {"tags": {"all_": ["rare", "other"]}}},
    {"flow_runs": {"id": {"any_": [SOME]}}},
    {"flows": {"id": {"any_": [SOME]}}},
]


@pytest.mark.parametrize("wanted", OF_TASK_RUNS, ids=str)
def test_filtered_task_runs_are_found_and_counted_by_an_index(plans, wanted):
    scope = body(TaskRunsFilterBody, **wanted)
    for sort in (TaskRunSort.ID_DESC, TaskRunSort.EXPECTED_START_TIME_DESC, TaskRunSort.END_TIME_DESC):
        for plan in plans(lambda conn, sort=sort: read_task_runs(conn, scope, sort=sort, limit=50)):
            assert not WHOLE.search(plan), plan
    if wanted:
        for plan in plans(lambda conn: overviews.count_task_runs_by_state(conn, scope)):
            assert not WHOLE.search(plan), plan
            assert not re.search(r"SCAN task_run\b(?! USING)", plan), plan


@pytest.mark.parametrize("wanted", OF_TASK_RUNS[2:], ids=str)
def test_task_runs_are_counted_without_reading_all(plans, wanted):
    scope = body(TaskRunsFilterBody, **wanted)
    for plan in plans(lambda conn: count_task_runs(conn, scope)):
        assert not WHOLE.search(plan), plan
        assert not re.search(r"SCAN task_run\b", plan), plan


# --- What else is asked for ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        lambda conn: read_flow_run_history(conn, body(FlowRunsHistoryBody, **SPAN), now=NOW),
        lambda conn: read_task_run_history(conn, body(TaskRunsHistoryBody, **SPAN), now=NOW),
        lambda conn: overviews.read_simple_flow_runs(conn, UIFlowRunsHistoryBody(), now=NOW),
        lambda conn: overviews.read_next_flow_runs(conn, [SOME]),
        lambda conn: overviews.count_task_runs_of(conn, [SOME]),
        lambda conn: overviews.count_ended_task_runs(
            conn, TaskRunsFilterBody(), start=NOW - timedelta(days=1), end=NOW
        ),
        lambda conn: overviews.count_flow_runs_by_state(conn, body(FlowRunsFilterBody, **OF_FLOW_RUNS[1])),
        lambda conn: read_last_runs(conn, [SOME], most=20, now=NOW),
        lambda conn: read_failing_flows(conn, since=NOW - timedelta(days=1), until=NOW, most=10),
        lambda conn: flow_grids._read_shares(conn, [SOME, OTHER]),
        lambda conn: read_states_over_time(conn, TOP, since=NOW - timedelta(days=1), until=NOW, buckets=10),
        lambda conn: states.read_states(conn, SOME, "flow-run"),
        lambda conn: task_runs.find_by_key(conn, TaskRun(task_key="t", dynamic_key="0", flow_run_id=SOME)),
    ],
)
def test_nothing_reads_a_table_from_end_to_end(plans, query):
    for plan in plans(query):
        assert not WHOLE.search(plan), plan
        assert not re.search(r"SCAN task_run\b", plan), plan


def test_the_last_runs_of_a_flow_are_read_from_an_index_in_their_order(plans):
    [plan] = plans(lambda conn: read_last_runs(conn, [SOME], most=20, now=NOW))
    assert "ix_flow_run_flow" in plan
    assert not SORTED.search(plan), plan


@pytest.mark.parametrize(
    "states", [{}, {"state": {"type": {"any_": ["FAILED"]}}}, {"tags": {"all_": ["a"]}}], ids=str
)
def test_that_runs_have_no_parent_is_not_what_they_are_looked_for_by(plans, states):
    without_parent = {"parent_task_run_id": {"is_null_": True}}
    scope = body(FlowRunsFilterBody, flow_runs={**without_parent, **states})
    counts = plans(lambda conn: count_flow_runs(conn, scope))
    counts += plans(lambda conn: overviews.count_flow_runs_by_state(conn, scope)) if states else []
    counts += plans(
        lambda conn: read_states_over_time(conn, scope, since=NOW - timedelta(days=1), until=NOW, buckets=10)
    )
    for plan in counts:
        assert "ix_flow_run_parent (parent_task_run_id=?)" not in plan, plan


@pytest.mark.parametrize("after", [None, Cursor(0, 1)])
def test_a_timeline_is_read_from_indexes(store, plans, runs, after):
    [run] = store.read(lambda conn: read_flow_runs(conn, limit=1))
    for plan in plans(lambda conn: read_timeline(conn, run.id, after=after)):
        assert not WHOLE.search(plan) or "max" in plan, plan
        assert not re.search(r"SCAN task_run\b", plan), plan
        assert not re.search(r"SCAN (?!behind|shown|\()", plan), plan


# --- Common and rare -------------------------------------------------------------------------------------------


@pytest.fixture
def few_are_many(monkeypatch):
    """Rows that count as many here, where making as many as usual would take long."""
    monkeypatch.setattr(queries, "MANY", 20)


@pytest.fixture
def runs(store):
    """Flow runs: 50 that run, and 3 that are pending; with a task run each that has Completed or Failed, and a tag that says so."""

    def command(conn: Any) -> None:
        flow = read_or_create_flow(conn, "f", now=NOW)
        made = [
            FlowRun(
                flow_id=flow.id, name=kind.value, tags=[kind.value], state=State(type=kind, timestamp=NOW)
            )
            for kind in [StateType.RUNNING] * 50 + [StateType.PENDING] * 3
        ]
        create_flow_runs(conn, made, now=NOW)
        for run in made:
            kind = StateType.COMPLETED if run.name == "RUNNING" else StateType.FAILED
            names = {"name": kind.value, "tags": [kind.value]}
            task = TaskRun(task_key="t", dynamic_key=str(run.id), flow_run_id=run.id, **names)
            record(conn, [TaskTransition(task, State(type=kind, timestamp=NOW), None, 1, NOW, NOW, 0.0)])

    store.write(command)


@pytest.mark.parametrize(("kind", "count"), [("RUNNING", 50), ("PENDING", 3)])
def test_flow_runs_of_common_states_are_read_in_their_order_and_of_rare_ones_by_state(
    store, plans, few_are_many, runs, kind, count
):
    scope = body(FlowRunsFilterBody, flow_runs={"state": {"type": {"any_": [kind]}}})
    found = store.read(lambda conn: read_flow_runs(conn, scope, sort=FlowRunSort.NAME_ASC, limit=100))
    assert [run.name for run in found] == [kind] * count
    last = plans(lambda conn: read_flow_runs(conn, scope, sort=FlowRunSort.NAME_ASC, limit=10))[-1]
    if "SEARCH" in last:  # SQLite's, which has no statistics
        assert ("ix_flow_run_state" in last) is (kind == "PENDING"), last
        assert ("ix_flow_run_name" in last) is (kind == "RUNNING"), last


@pytest.mark.parametrize(("name", "count"), [("Running", 50), ("Pending", 3)])
def test_the_name_of_a_state_is_looked_up_among_all_types(store, plans, few_are_many, runs, name, count):
    scope = body(FlowRunsFilterBody, flow_runs={"state": {"name": {"any_": [name]}}})
    assert len(store.read(lambda conn: read_flow_runs(conn, scope, limit=100))) == count
    assert store.read(lambda conn: count_flow_runs(conn, scope)) == count
    last = plans(lambda conn: read_flow_runs(conn, scope, sort=FlowRunSort.END_TIME_DESC, limit=10))[-1]
    if re.search("SEARCH|SCAN", last):
        assert ("ix_flow_run_state (state_type=? AND state_name=?)" in last) is (name == "Pending"), last
        assert ("ix_flow_run_end_time" in last) is (name == "Running"), last


@pytest.mark.parametrize(("text", "count"), [("unnin", 50), ("PEND", 3), ("nothing", 0)])
def test_rare_texts_are_looked_for_in_the_index_of_names_and_common_ones_in_the_order(
    store, plans, monkeypatch, runs, text, count
):
    monkeypatch.setattr(queries, "COMMON", 20)
    scope = body(FlowRunsFilterBody, flow_runs={"name": {"like_": text}})
    assert len(store.read(lambda conn: read_flow_runs(conn, scope, limit=100))) == count
    assert store.read(lambda conn: count_flow_runs(conn, scope)) == count
    last = plans(lambda conn: read_flow_runs(conn, scope, sort=FlowRunSort.END_TIME_DESC, limit=10))[-1]
    if re.search("SEARCH|SCAN", last):
        assert ("COVERING INDEX ix_flow_run_name" in last) is (count < 20), last
        assert ("ix_flow_run_end_time" in last) is (count >= 20), last


@pytest.mark.parametrize(("tag", "count"), [("RUNNING", 50), ("PENDING", 3), ("nothing", 0)])
def test_flow_runs_of_rare_tags_are_read_by_their_tags(store, plans, few_are_many, runs, tag, count):
    scope = body(FlowRunsFilterBody, flow_runs={"tags": {"all_": [tag]}})
    assert len(store.read(lambda conn: read_flow_runs(conn, scope, limit=100))) == count
    assert store.read(lambda conn: count_flow_runs(conn, scope)) == count
    last = plans(lambda conn: read_flow_runs(conn, scope, sort=FlowRunSort.NAME_ASC, limit=10))[-1]
    if re.search("SEARCH|SCAN", last):
        assert ("ix_flow_run_name" in last) is (count >= 20), last
        assert ("flow_run_tag" in last) is (count < 20), last


def test_flow_runs_are_kept_by_their_tags_whatever_becomes_of_them(store, runs):
    def kept():
        return store.read(lambda conn: conn.value("SELECT count(*) FROM flow_run_tag WHERE tag = 'PENDING'"))

    scope = body(FlowRunsFilterBody, flow_runs={"tags": {"all_": ["PENDING"]}})
    first, second, _ = store.read(lambda conn: read_flow_runs(conn, scope))
    store.write(lambda conn: flow_runs.update_flow_run(conn, first.id, tags=["other"], now=NOW))
    assert kept() == 2
    store.write(lambda conn: deletions.delete_flow_run(conn, second.id, now=NOW))
    assert kept() == 1


def test_a_run_is_known_again_by_its_key_from_an_index(store, plans):
    def create(conn: Any) -> FlowRun:
        flow = read_or_create_flow(conn, "f", now=NOW)
        return flow_runs.create_flow_run(conn, FlowRun(flow_id=flow.id, idempotency_key="once"), now=NOW)

    run = store.write(create)
    assert store.write(create).id == run.id
    for plan in plans(lambda conn: flow_runs._known(conn, run)):
        assert not WHOLE.search(plan), plan


@pytest.mark.parametrize(("kind", "count"), [("COMPLETED", 50), ("FAILED", 3)])
def test_task_runs_of_common_states_too(store, plans, few_are_many, runs, kind, count):
    scope = body(TaskRunsFilterBody, task_runs={"state": {"type": {"any_": [kind]}}})
    found = store.read(lambda conn: read_task_runs(conn, scope, sort=TaskRunSort.NAME_ASC, limit=100))
    assert [run.name for run in found] == [kind] * count
    last = plans(lambda conn: read_task_runs(conn, scope, sort=TaskRunSort.NAME_ASC, limit=10))[-1]
    if "SEARCH" in last:
        assert ("ix_task_run_state" in last) is (kind == "FAILED"), last


@pytest.mark.parametrize(("tag", "count", "is_common"), [("COMPLETED", 50, True), ("FAILED", 3, False)])
def test_task_runs_of_common_tags_too(store, plans, few_are_many, runs, tag, count, is_common):
    scope = body(TaskRunsFilterBody, task_runs={"tags": {"all_": [tag]}})
    assert len(store.read(lambda conn: read_task_runs(conn, scope, limit=100))) == count
    assert store.read(lambda conn: count_task_runs(conn, scope)) == count
    last = plans(lambda conn: read_task_runs(conn, scope, sort=TaskRunSort.NAME_ASC, limit=10))[-1]
    if "SEARCH" in last:
        assert ("ix_task_run_name" in last) is is_common, last
        assert ("task_run_tag" in last) is not is_common, last


def test_deletions_find_their_rows_by_an_index(store, runs):
    """Of each statement, in the store itself: what they delete cannot be planned in a snapshot."""

    def command(conn: Any) -> list[str]:
        run_id = read_flow_runs(conn, limit=1)[0].id
        record(
            conn, [Log(name="n", level=20, message="m", timestamp=NOW, flow_run_id=run_id) for _ in range(3)]
        )
        ran: list[tuple[str, dict[str, Any]]] = []
        run = conn.run

        def noting(sql, parameters):
            ran.append((sql, dict(parameters)))
            return run(sql, parameters)

        conn.run = noting
        try:
            assert deletions.delete_flow_run(conn, run_id, now=NOW)
        finally:
            del conn.run
        only_where_needed(conn)
        how = "EXPLAIN QUERY PLAN " if conn.dialect == "sqlite" else "EXPLAIN "
        return [
            "\n".join(str(row[-1]) for row in conn.rows(how + sql, **parameters)) for sql, parameters in ran
        ]

    for plan in store.write(command):
        assert not WHOLE.search(plan), plan
        assert not re.search(r"SCAN task_run\b", plan), plan

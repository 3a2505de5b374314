"""Lists come in the order that was asked for, in pages that fit together."""

from __future__ import annotations

import pytest

from headrace.schema.filters.flow_runs import FlowRunFilter, FlowRunFilterName
from headrace.schema.requests.scope import RunScope
from headrace.schema.sorting import FlowRunSort, FlowSort, LogSort, TaskRunSort
from headrace.store.lists.flow_runs import read_flow_runs
from headrace.store.lists.flows import read_flows
from headrace.store.lists.logs import read_logs
from headrace.store.lists.task_runs import read_task_runs


def ids(rows):
    return [row.id for row in rows]


@pytest.fixture
def rank(filled):
    """Where a name comes in the database's own order: PostgreSQL sorts as people do, SQLite by code points."""
    names = {run.name for run in (*filled.flow_runs, *filled.task_runs, *filled.flows)}
    union = " UNION ".join(f"SELECT CAST(:n{number} AS text) AS name" for number in range(len(names)))
    parameters = {f"n{number}": name for number, name in enumerate(names)}
    found = filled.store.read(
        lambda conn: conn.rows(f"SELECT name FROM ({union}) AS n ORDER BY name", **parameters)
    )
    return {name: place for place, (name,) in enumerate(found)}.__getitem__


def in_order(rows, key, *, descending=False):
    """The ids of rows by key and id; those without a key last."""
    there = sorted((row for row in rows if key(row) is not None), key=lambda row: (key(row), row.id))
    missing = sorted((row for row in rows if key(row) is None), key=lambda row: row.id)
    return ids(there[::-1] + missing[::-1] if descending else there + missing)


@pytest.mark.parametrize("sort", FlowRunSort)
def test_flow_runs_come_in_order(filled, rank, sort):
    keys = {
        "ID": lambda run: run.id,
        "NAME": lambda run: rank(run.name),
        "START_TIME": lambda run: run.start_time or run.expected_start_time,
        "EXPECTED_START_TIME": lambda run: run.expected_start_time,
        "NEXT_SCHEDULED_START_TIME": lambda run: run.next_scheduled_start_time,
        "END_TIME": lambda run: run.end_time,
    }
    field, _, direction = sort.rpartition("_")
    found = filled.store.read(lambda conn: read_flow_runs(conn, sort=sort))
    assert ids(found) == in_order(filled.flow_runs, keys[field], descending=direction == "DESC")


@pytest.mark.parametrize("sort", TaskRunSort)
def test_task_runs_come_in_order(filled, rank, sort):
    keys = {
        "ID": lambda run: run.id,
        "NAME": lambda run: rank(run.name),
        "EXPECTED_START_TIME": lambda run: run.expected_start_time,
        "NEXT_SCHEDULED_START_TIME": lambda run: run.expected_start_time,
        "END_TIME": lambda run: run.end_time,
    }
    field, _, direction = sort.rpartition("_")
    found = filled.store.read(lambda conn: read_task_runs(conn, sort=sort))
    assert ids(found) == in_order(filled.task_runs, keys[field], descending=direction == "DESC")


@pytest.mark.parametrize("sort", FlowSort)
def test_flows_come_in_order(filled, rank, sort):
    keys = {
        "NAME": lambda flow: rank(flow.name),
        "CREATED": lambda flow: flow.created,
        "UPDATED": lambda flow: flow.updated,
    }
    field, _, direction = sort.rpartition("_")
    found = filled.store.read(lambda conn: read_flows(conn, sort=sort))
    assert ids(found) == in_order(filled.flows, keys[field], descending=direction == "DESC")


@pytest.mark.parametrize("sort", LogSort)
def test_log_lines_come_in_order_and_those_of_an_instant_as_they_were_recorded(filled, sort):
    recorded = sorted(filled.logs, key=lambda line: line.timestamp)  # keeps the order of equal ones
    expected = recorded if sort is LogSort.TIMESTAMP_ASC else recorded[::-1]
    assert ids(filled.store.read(lambda conn: read_logs(conn, sort=sort))) == ids(expected)


@pytest.mark.parametrize(
    "sort", [*FlowRunSort, *TaskRunSort], ids=lambda sort: f"{type(sort).__name__}.{sort}"
)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_pages_together_are_the_list(filled, sort, size):
    read = read_flow_runs if isinstance(sort, FlowRunSort) else read_task_runs
    whole = ids(filled.store.read(lambda conn: read(conn, sort=sort, limit=None)))
    pages = []
    while len(pages) < len(whole):
        offset = len(pages)
        page = filled.store.read(lambda conn, offset=offset: read(conn, sort=sort, limit=size, offset=offset))
        assert 0 < len(page) <= size
        pages += ids(page)
    assert pages == whole
    beyond = filled.store.read(lambda conn: read(conn, sort=sort, limit=size, offset=len(whole)))
    assert beyond == []


def test_an_offset_without_a_limit_leaves_out_the_first(filled):
    whole = ids(filled.store.read(read_flow_runs))
    assert ids(filled.store.read(lambda conn: read_flow_runs(conn, limit=None, offset=3))) == whole[3:]
    assert filled.store.read(lambda conn: read_flow_runs(conn, limit=0)) == []


def test_a_filtered_list_is_in_order_too(filled):
    scope = RunScope(flow_runs=FlowRunFilter(name=FlowRunFilterName(like_="otter")))
    found = filled.store.read(lambda conn: read_flow_runs(conn, scope, sort=FlowRunSort.END_TIME_DESC))
    chosen = [run for run in filled.flow_runs if "otter" in run.name.lower()]
    assert ids(found) == in_order(chosen, lambda run: run.end_time, descending=True)

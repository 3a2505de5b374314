"""How many flow runs were expected to start in each of a row of intervals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from headrace.core.states import StateType
from headrace.schema.requests.flow_runs import FlowRunsCountBody, StatesOverTimeBody
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State
from headrace.store import flow_runs, flows, task_runs
from headrace.store.lists import queries, states_over_time
from headrace.store.lists.flow_runs import count_flow_runs
from headrace.store.lists.overviews import count_flow_runs_by_state
from headrace.store.lists.states_over_time import read_states_over_time
from headrace.store.store import Store

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
COMPLETED, FAILED, RUNNING = StateType.COMPLETED, StateType.FAILED, StateType.RUNNING
LIFE = ((COMPLETED, None), (FAILED, None), (COMPLETED, "Cached"), (RUNNING, None), (FAILED, "TimedOut"))
TOP = {"flow_runs": {"parent_task_run_id": {"is_null_": True}}}


@pytest.fixture(scope="module", params=["memory", "postgres"])
def filled(request):
    """Sixty flow runs, one each second, of two flows; each seventh is a subflow run."""
    url = "sqlite://" if request.param == "memory" else request.getfixturevalue("postgres").create_database()

    def command(conn):
        made = [flows.read_or_create_flow(conn, name, now=START) for name in ("a", "b")]
        tracker = task_runs.create_task_run(conn, TaskRun(task_key="t", dynamic_key="0"), now=START)
        for number in range(60):
            kind, name = LIFE[number % len(LIFE)]
            run = FlowRun(
                flow_id=made[number % 2].id,
                expected_start_time=START + timedelta(seconds=number),
                parent_task_run_id=tracker.id if number % 7 == 0 else None,
                state=State(type=kind, name=name, timestamp=START + timedelta(minutes=5)),
            )
            flow_runs.create_flow_run(conn, run, now=START)

    with Store.open(url) as store:
        store.write(command)
        yield store


def read(store, since=0.0, until=60.0, buckets=6, **scope):
    span = {name: START + timedelta(seconds=at) for name, at in (("since", since), ("until", until))}
    body = msgspec.convert({**scope, **span}, StatesOverTimeBody, strict=False)
    return store.read(lambda conn: read_states_over_time(conn, body, **span, buckets=buckets))


@pytest.fixture(params=[True, False], ids=["counted", "grouped"])
def counted(request, monkeypatch):
    """So that SQLite counts the rows of any span, or of none and takes the subflow runs for many."""
    monkeypatch.setattr(states_over_time, "MANY", 1 if request.param else 10**9)
    if not request.param:
        monkeypatch.setattr(queries, "MANY", 1)


def test_runs_are_counted_by_interval_and_type(filled, counted):
    found = read(filled)
    assert found.counts == {RUNNING: [2] * 6, COMPLETED: [4] * 6, FAILED: [4] * 6}
    assert (found.since, found.until, found.seconds) == (START, START + timedelta(seconds=60), 10.0)


@pytest.mark.parametrize("scope", [{}, TOP], ids=str)
def test_sqlite_counts_many_rows(filled, monkeypatch, scope):
    monkeypatch.setattr(states_over_time, "MANY", 1)
    grouped = []
    monkeypatch.setattr(states_over_time, "_grouped", lambda *_: grouped.append(1) or {})
    read(filled, **scope)
    assert len(grouped) == (not filled.url.startswith("sqlite"))


def test_an_interval_ends_where_the_next_begins(filled, counted):
    found = read(filled, since=1.5, until=4.5, buckets=3)
    assert found.counts == {RUNNING: [0, 1, 0], COMPLETED: [1, 0, 0], FAILED: [0, 0, 1]}
    found = read(filled, since=1, until=4, buckets=3)
    assert found.counts == {RUNNING: [0, 0, 1], COMPLETED: [0, 1, 0], FAILED: [1, 0, 0]}


def test_a_span_without_runs_has_no_states(filled, counted):
    assert read(filled, since=60, until=90).counts == {}
    assert read(filled, since=-3600, until=0).counts == {}


@pytest.mark.parametrize(
    "scope",
    [
        {},
        TOP,
        {"flows": {"name": {"any_": ["a"]}}},
        {**TOP, "flows": {"name": {"any_": ["a"]}}},
        {"flow_runs": {**TOP["flow_runs"], "state": {"type": {"any_": ["FAILED"]}}}},
        {"flow_runs": {"operator": "or_", **TOP["flow_runs"], "state": {"type": {"any_": ["FAILED"]}}}},
        {"flow_runs": {"parent_task_run_id": {"is_null_": False}}},
    ],
    ids=str,
)
def test_any_runs_can_be_asked_for(filled, counted, scope):
    found = read(filled, **scope)
    body = msgspec.convert(scope, FlowRunsCountBody, strict=False)
    by_state = filled.read(lambda conn: count_flow_runs_by_state(conn, body))
    counts = {kind: getattr(by_state, kind.value) for kind in StateType}
    assert {kind: sum(row) for kind, row in found.counts.items()} == {
        kind: count for kind, count in counts.items() if count
    }
    assert sum(counts.values()) == filled.read(lambda conn: count_flow_runs(conn, body))


def test_subflow_runs_are_taken_off_where_they_were_counted(filled, counted):
    found = read(filled, buckets=60, **TOP)
    assert [sum(row) for row in zip(*found.counts.values(), strict=True)] == [
        0 if number % 7 == 0 else 1 for number in range(60)
    ]


def test_where_there_are_too_many_states_rows_are_grouped(filled, counted, monkeypatch):
    monkeypatch.setattr(states_over_time, "MAX_STATES", 2)
    assert read(filled).counts == {RUNNING: [2] * 6, COMPLETED: [4] * 6, FAILED: [4] * 6}

"""Flows of which runs have failed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headrace.core.states import StateType
from headrace.schema.states import State
from headrace.store.lists.failing_flows import read_failing_flows

COMPLETED, FAILED, CRASHED = StateType.COMPLETED, StateType.FAILED, StateType.CRASHED


@pytest.fixture
def end(make_flow_run, clock):
    """Makes a flow run that has ended."""

    def make(flow, kind, message=None, **fields):
        running = State(type=StateType.RUNNING, timestamp=clock.tick())
        return make_flow_run(
            running, State(type=kind, timestamp=clock.tick(), message=message), flow=flow, **fields
        )

    return make


def read(store, clock, since=None, until=None, most=10):
    span = {"since": since or clock.now - timedelta(days=1), "until": until or clock.now}
    return store.read(lambda conn: read_failing_flows(conn, **span, most=most))


def test_flows_come_in_the_order_of_their_last_failures(store, clock, end, make_flow_run):
    end("a", FAILED, "first")
    crashed = end("b", CRASHED, "gone")
    last = end("a", FAILED, "last", name="the last")
    end("a", COMPLETED)
    end("fine", COMPLETED)
    make_flow_run(State(type=StateType.RUNNING, timestamp=clock.tick()), flow="running")
    first, second = read(store, clock)
    assert (first.flow_id, first.flow_name, first.failed, first.ended) == (last.flow_id, "a", 2, 3)
    assert (first.last.id, first.last.name, first.last.message) == (last.id, "the last", "last")
    assert (first.last.state_name, first.last.end_time) == ("Failed", last.end_time)
    assert (second.flow_name, second.failed, second.ended, second.last.id) == ("b", 1, 1, crashed.id)
    assert [flow.flow_name for flow in read(store, clock, most=1)] == ["a"]


def test_only_what_ended_in_the_span_counts(store, clock, end):
    early = end("a", FAILED)
    late = end("a", COMPLETED)
    after = end("a", FAILED)
    [found] = read(store, clock, since=early.end_time, until=late.end_time)
    assert (found.failed, found.ended, found.last.id) == (1, 2, early.id)
    [found] = read(store, clock, since=late.end_time)
    assert (found.failed, found.ended, found.last.id) == (1, 2, after.id)
    assert read(store, clock, since=late.end_time, until=late.end_time) == []


def test_where_nothing_ran_nothing_failed(store, clock):
    assert read(store, clock) == []

"""The last runs of flows."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.schema.states import State
from headrace.store.lists.last_runs import read_last_runs


def test_each_flow_has_its_last_runs_the_newest_first(store, clock, make_flow_run):
    runs = [make_flow_run(flow="a", expected_start_time=clock.tick()) for _ in range(3)]
    other = make_flow_run(flow="b", expected_start_time=clock.tick())
    asked = [runs[0].flow_id, other.flow_id, uuid7(), other.flow_id]
    found = store.read(lambda conn: read_last_runs(conn, asked, most=2, now=clock.now))
    assert {flow_id: [run.id for run in last] for flow_id, last in found.items()} == {
        runs[0].flow_id: [runs[2].id, runs[1].id],
        other.flow_id: [other.id],
        asked[2]: [],
    }


def test_a_run_has_its_state_and_how_long_it_took_or_has_taken(store, clock, make_flow_run):
    running = State(type=StateType.RUNNING, timestamp=clock.tick())
    going = make_flow_run(running, expected_start_time=clock.now - timedelta(seconds=5))
    done = make_flow_run(
        State(type=StateType.RUNNING, timestamp=clock.tick()),
        State(type=StateType.FAILED, timestamp=clock.tick(3), name="TimedOut"),
        name="done",
    )
    waiting = make_flow_run(expected_start_time=clock.tick())
    [last] = store.read(
        lambda conn: read_last_runs(conn, [going.flow_id], most=9, now=clock.tick(10))
    ).values()
    assert [run.id for run in last] == [waiting.id, done.id, going.id]
    assert [run.duration for run in last] == [0, 3, 15]
    assert [run.timestamp for run in last] == [
        waiting.expected_start_time,
        done.start_time,
        running.timestamp,
    ]
    assert (last[0].state_type, last[0].state_name) == (None, None)
    assert (last[1].name, last[1].state_type, last[1].state_name) == ("done", StateType.FAILED, "TimedOut")


def test_what_is_to_start_later_is_no_last_run(store, clock, make_flow_run):
    run = make_flow_run(expected_start_time=clock.now)
    make_flow_run(expected_start_time=clock.now + timedelta(seconds=1))
    [last] = store.read(lambda conn: read_last_runs(conn, [run.flow_id], most=9, now=clock.now)).values()
    assert [each.id for each in last] == [run.id]


def test_no_flows_have_no_runs(store, clock):
    assert store.read(lambda conn: read_last_runs(conn, [], most=9, now=clock.now)) == {}
    unknown = uuid4()
    assert store.read(lambda conn: read_last_runs(conn, [unknown], most=9, now=clock.now)) == {unknown: []}

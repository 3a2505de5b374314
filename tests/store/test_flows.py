"""Flows: made when they are first named."""

from __future__ import annotations

from uuid import uuid4

import pytest

from headrace.exceptions import ObjectNotFound
from headrace.store import flows
from headrace.store.lists.flows import count_flows, read_flows


def test_a_flow_is_made_once(store, clock):
    def command(conn):
        return flows.read_or_create_flow(conn, "hello", tags=["a"], labels={"x": 1}, now=clock.now)

    made = store.write(command)
    assert (made.name, made.tags, made.labels, made.created) == ("hello", ["a"], {"x": 1}, clock.now)
    clock.tick()
    assert store.write(command) == made
    assert store.read(count_flows) == 1
    assert store.read(lambda conn: flows.read_flow(conn, made.id)) == made


def test_flows_are_listed_by_name(store, clock):
    for name in ("b", "a", "c"):
        store.write(lambda conn, name=name: flows.read_or_create_flow(conn, name, now=clock.now))
    assert [flow.name for flow in store.read(read_flows)] == ["a", "b", "c"]
    assert [flow.name for flow in store.read(lambda conn: read_flows(conn, limit=1, offset=1))] == ["b"]


def test_an_unknown_flow_is_refused(store):
    unknown = uuid4()
    with pytest.raises(ObjectNotFound, match=str(unknown)):
        store.read(lambda conn: flows.read_flow(conn, unknown))


def test_a_name_with_half_a_character_is_kept_as_well_as_can_be(store, clock):
    made = store.write(lambda conn: flows.read_or_create_flow(conn, "caf\udce9", now=clock.now))
    again = store.write(lambda conn: flows.read_or_create_flow(conn, "caf\udce9", now=clock.now))
    assert (again.id, again.name) == (made.id, "caf\ufffd")

"""Leases of flow runs that a server keeps: taken with Running, renewed, and decisive when they are lost."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from headrace.client import heartbeat
from headrace.client.http import get_http_orchestrator
from headrace.core.states import StateType
from headrace.exceptions import Abort
from headrace.schema.base import now
from headrace.schema.states import State
from headrace.store import flow_runs, leases
from headrace.store.processes import this_process
from headrace.store.reaping import reap_dead_runs


def lease_of(server, run):
    """Holder and expiry of a run's lease."""
    return server.store.read(
        lambda conn: conn.row("SELECT holder, expires, token FROM lease WHERE run_id = :run", run=run.id)
    )


def test_a_run_holds_its_lease_while_it_runs_and_not_longer(colour, server):
    seen = []

    colour.in_flow(lambda: seen.append(lease_of(server, server.flow_run())))

    assert seen[0][0] == this_process().name
    assert lease_of(server, server.flow_run())[0] is None


def test_a_lease_is_renewed(colour, server):
    expiries = []

    def body():
        expiries.append(lease_of(server, server.flow_run())[1])
        get_http_orchestrator()._heartbeat.renew()
        expiries.append(lease_of(server, server.flow_run())[1])

    colour.in_flow(body)

    assert expiries[0] < expiries[1]


def test_a_server_that_is_away_is_noticed_by_the_heartbeat(colour, server):
    def body():
        orchestrator = get_http_orchestrator()
        with server.away():
            orchestrator._heartbeat.renew()
            assert orchestrator._link.isaway
        orchestrator._heartbeat.renew()
        assert not orchestrator._link.isaway

    colour.in_flow(body)


def test_what_a_run_proposes_whose_lease_another_has_taken_is_refused(colour, server):
    def body():
        run = server.flow_run()

        def take(conn):
            leases.end_lease(conn, run.id)
            return leases.acquire_lease(conn, run.id, this_process()._replace(pid=1), seconds=60, now=now())

        assert server.store.write(take) == 2
        get_http_orchestrator()._heartbeat.renew()
        get_http_orchestrator()._heartbeat.renew()

    with pytest.raises(Abort, match="lease"):
        colour.in_flow(body)

    assert sum(path.endswith("/lease") for path in server.requests) == 1, "a lost lease is not renewed"
    run = server.flow_run()
    assert run.state_name == "Running"
    server.store.write(
        lambda conn: flow_runs.set_flow_run_state(
            conn, run.id, State(type=StateType.CRASHED), now=now() + timedelta(seconds=1)
        )
    )


def test_a_lease_whose_answer_was_lost_is_held_all_the_same(colour, server):
    """The proposal is made again, and the server gives its holder the token that it has."""
    server.cut_after_commit(path="/set_state", times=2)
    held = []

    def body():
        held.append(dict(get_http_orchestrator()._heartbeat._tokens))

    colour.in_flow(body)

    assert held == [{server.flow_run().id: 1}]
    assert server.history(server.flow_run()) == ["Pending", "Running", "Completed"]


def take_for_dead(server):
    """What a server does that has not heard of a process for too long."""
    later = now() + timedelta(hours=1)
    assert server.store.write(lambda conn: reap_dead_runs(conn, now=later, is_alive=lambda holder: None))


def test_a_run_that_was_taken_for_dead_while_the_server_was_away_ends_as_it_did(colour, server, monkeypatch):
    """It was not heard of for longer than its lease; `reap_dead_runs` has found it, and nobody has taken it over."""
    monkeypatch.setattr(heartbeat, "LEASE_SECONDS", 1e-6)

    def body():
        with server.away():
            take_for_dead(server)
        return "alive"

    assert colour.in_flow(body) == "alive"

    assert server.history(server.flow_run()) == ["Pending", "Running", "Crashed", "Completed"]


def test_a_run_that_is_declared_dead_amid_its_work_stops(colour, server):
    """It was heard of all the time, so whoever says so knows better."""
    with pytest.raises(Abort, match="declared dead"):
        colour.in_flow(lambda: take_for_dead(server))

    assert server.history(server.flow_run()) == ["Pending", "Running", "Crashed"]


def test_many_runs_at_once_have_a_lease_each(server):
    from headrace import flow

    together = threading.Barrier(8)

    @flow
    def each():
        together.wait(60)
        return len(get_http_orchestrator()._heartbeat._tokens)

    results = []
    threads = [threading.Thread(target=lambda: results.append(each())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert max(results) == 8
    assert get_http_orchestrator()._heartbeat._tokens == {}

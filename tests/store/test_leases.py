"""Leases: one holder at a time, and a token that tells an old one from a new one."""

from __future__ import annotations

from uuid import uuid4

import pytest

from headrace.core.states import StateType
from headrace.schema.states import State, StateDetails
from headrace.store import flow_runs, leases
from headrace.store.processes import Holder

ME, OTHER = Holder("here", 1, "a"), Holder("there", 2, "b")
RUNNING, COMPLETED, PAUSED = StateType.RUNNING, StateType.COMPLETED, StateType.PAUSED


@pytest.fixture
def acquire(store, clock):
    def make(run_id, holder=ME, seconds=30):
        return store.write(
            lambda conn: leases.acquire_lease(conn, run_id, holder, seconds=seconds, now=clock.now)
        )

    return make


def held(store, run_id, token):
    return store.write(lambda conn: leases.is_held(conn, run_id, token))


def test_a_run_has_one_holder_at_a_time(store, clock, acquire):
    run_id = uuid4()
    token = acquire(run_id)
    assert held(store, run_id, token)
    clock.tick()
    assert acquire(run_id, OTHER) is None
    assert acquire(run_id, ME) is None
    assert held(store, run_id, token)
    assert acquire(uuid4(), OTHER) is not None


def test_a_process_gets_the_same_lease_again_at_the_same_instant_and_nobody_else_does(store, acquire):
    """A command whose commit was not heard of is carried out once more."""
    run_id = uuid4()
    first = acquire(run_id)
    assert acquire(run_id, OTHER) is None
    again = acquire(run_id)
    assert again > first
    assert held(store, run_id, again)
    assert not held(store, run_id, first)


def test_a_released_lease_is_free_and_its_next_token_is_greater(store, acquire):
    run_id = uuid4()
    first = acquire(run_id)
    assert store.write(lambda conn: leases.release_lease(conn, run_id, first))
    assert not held(store, run_id, first)
    assert not store.write(lambda conn: leases.release_lease(conn, run_id, first))
    second = acquire(run_id, OTHER)
    assert second > first


def test_an_expired_lease_is_free_and_its_former_holder_is_refused(store, clock, acquire):
    run_id = uuid4()
    first = acquire(run_id, seconds=30)
    clock.tick(30)
    second = acquire(run_id, OTHER)
    assert second > first
    assert not held(store, run_id, first)
    assert not store.write(lambda conn: leases.release_lease(conn, run_id, first))
    assert held(store, run_id, second)


def test_renewing_moves_the_expiry_and_tells_which_leases_are_lost(store, clock, acquire):
    kept, late, lost, released = (uuid4() for _ in range(4))
    tokens = {run_id: acquire(run_id, seconds=30) for run_id in (kept, late, lost, released)}
    store.write(lambda conn: leases.release_lease(conn, released, tokens[released]))
    clock.tick(40)
    acquire(lost, OTHER)
    renewed = store.write(lambda conn: leases.renew_leases(conn, tokens, seconds=30, now=clock.now))
    assert renewed == {lost, released}
    clock.tick(20)
    assert acquire(kept, OTHER) is None
    assert acquire(late, OTHER) is None
    assert store.write(lambda conn: leases.renew_leases(conn, {}, seconds=30, now=clock.now)) == set()


def test_what_a_former_holder_proposes_is_refused(store, clock, acquire, make_flow_run):
    run = make_flow_run(State(type=RUNNING, timestamp=clock.tick()))
    old = acquire(run.id, seconds=30)
    clock.tick(31)
    new = acquire(run.id, OTHER)

    def propose(token):
        state = State(type=COMPLETED, timestamp=clock.tick())
        return store.write(
            lambda conn: flow_runs.set_flow_run_state(conn, run.id, state, token=token, now=clock.now)
        )

    refused = propose(old)
    assert (refused.status, refused.state.type) == ("ABORT", RUNNING)
    assert "lease" in refused.reason
    assert propose(new).status == "ACCEPT"


@pytest.mark.parametrize(
    "end",
    [
        State(type=COMPLETED),
        State(type=PAUSED, name="Suspended", state_details=StateDetails(pause_reschedule=True)),
    ],
)
def test_the_lease_of_a_run_that_nothing_executes_any_more_is_freed(
    store, clock, acquire, make_flow_run, end
):
    run = make_flow_run(State(type=RUNNING, timestamp=clock.tick()), deployment_id=uuid4())
    token = acquire(run.id)
    store.write(lambda conn: flow_runs.set_flow_run_state(conn, run.id, end, token=token, now=clock.now))
    assert not held(store, run.id, token)
    assert acquire(run.id, OTHER) > token
    store.write(lambda conn: leases.release_lease(conn, run.id, token + 1))


def test_a_run_that_only_pauses_keeps_its_lease(store, clock, acquire, make_flow_run):
    run = make_flow_run(State(type=RUNNING, timestamp=clock.tick()))
    token = acquire(run.id)
    pause = State(type=PAUSED, timestamp=clock.tick())
    store.write(lambda conn: flow_runs.set_flow_run_state(conn, run.id, pause, token=token, now=clock.now))
    assert held(store, run.id, token)

"""Two ledgers on one database, as two processes have them: both decide, and what they decided fits together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.exceptions import StoreConflictError
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State, StateDetails
from headrace.store import flow_runs, flows, leases, states, task_runs
from headrace.store.lists.flow_runs import count_flow_runs
from headrace.store.lists.flows import count_flows
from headrace.store.lists.task_runs import count_task_runs
from headrace.store.processes import Holder
from headrace.store.reaping import reap_dead_runs
from headrace.store.records import record
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

PENDING, RUNNING, COMPLETED = StateType.PENDING, StateType.RUNNING, StateType.COMPLETED
CRASHED, CANCELLING, FAILED = StateType.CRASHED, StateType.CANCELLING, StateType.FAILED
ELSEWHERE = Holder("another-host", 4711, "a")


@pytest.fixture
def stores(target):
    """Two stores on one database; its history is checked afterwards."""
    with Store.open(target) as one, Store.open(target) as other:
        yield one, other
        assert_history(one)


@pytest.fixture
def run(stores, clock):
    """A flow run that is pending."""

    def command(conn):
        flow = flows.read_or_create_flow(conn, "f", now=clock.now)
        run = FlowRun(flow_id=flow.id, state=State(type=PENDING, timestamp=clock.now))
        return flow_runs.create_flow_run(conn, run, now=clock.now)

    return stores[0].write(command)


def overlapping(stores, first, second):
    """What two commands return whose transactions overlap: the first is carried out, and committed when the other waits.

    SQLite has one transaction at a time: there the second begins after the first.
    """
    one, other = stores
    done, go = threading.Event(), threading.Event()

    def and_wait(conn):
        result = first(conn)
        done.set()
        go.wait()
        return result

    first_future = one.submit(and_wait)
    done.wait()
    started = threading.Event()

    def and_tell(conn):
        started.set()
        return second(conn)

    second_future = other.submit(and_tell)
    if other.url.startswith("postgresql"):
        started.wait()
        _until_it_waits(other, second_future)
    go.set()
    return first_future.result(), second_future.result()


def _until_it_waits(store, future):
    """Return when the command waits for a lock, or has been carried out."""
    with psycopg.connect(store.url, autocommit=True) as conn:
        while not future.done():
            waiting = conn.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
            if waiting != (0,):
                return


# --- Creating --------------------------------------------------------------------------------------------------


def test_a_flow_that_both_name_first_is_made_once(stores, clock):
    def command(conn):
        return flows.read_or_create_flow(conn, "hello", now=clock.now)

    one, other = overlapping(stores, command, command)
    assert one == other
    assert stores[0].read(count_flows) == 1


@pytest.mark.parametrize("by", ["id", "idempotency key"])
def test_a_flow_run_that_both_create_is_stored_once_and_both_get_it(stores, clock, run, by):
    same = uuid7()

    def creating(name):
        identity = {"id": same} if by == "id" else {"idempotency_key": "key"}
        wanted = FlowRun(
            flow_id=run.flow_id, name=name, state=State(type=PENDING, timestamp=clock.now), **identity
        )
        return lambda conn: flow_runs.create_flow_run(conn, wanted, now=clock.now)

    one, other = overlapping(stores, creating("one"), creating("other"))
    assert one == other
    assert one.name == "one"
    assert stores[0].read(count_flow_runs) == 2
    assert len(stores[0].read(lambda conn: states.read_states(conn, one.id))) == 1


def test_a_task_run_that_both_create_is_stored_once(stores, clock):
    runs = [
        TaskRun(
            id=task_id,
            task_key="t",
            dynamic_key="0",
            name=name,
            state=State(type=PENDING, timestamp=clock.now),
        )
        for task_id in [uuid7()]
        for name in ("one", "other")
    ]
    commands = [lambda conn, run=run: task_runs.create_task_run(conn, run, now=clock.now) for run in runs]
    one, other = overlapping(stores, *commands)
    assert one == other
    assert stores[0].read(count_task_runs) == 1


def test_records_that_both_write_are_stored_once(stores, life):
    steps = [step for number in range(50) for step in life(TaskRun(task_key="t", dynamic_key=str(number)))]
    overlapping(stores, lambda conn: record(conn, steps), lambda conn: record(conn, steps))
    assert stores[0].read(count_task_runs) == 50


def test_a_state_id_that_both_use_for_runs_of_their_own_stays_with_one_of_them(stores, clock, run):
    state = State(type=COMPLETED, timestamp=clock.tick())
    other_run = FlowRun(flow_id=run.flow_id, state=State(type=PENDING, timestamp=clock.now))
    stores[0].write(lambda conn: flow_runs.create_flow_run(conn, other_run, now=clock.now))

    def proposing(run_id):
        return lambda conn: flow_runs.set_flow_run_state(conn, run_id, state, now=clock.now)

    one, other = overlapping(stores, proposing(run.id), proposing(other_run.id))
    assert (one.status, other.status) == ("ACCEPT", "ACCEPT")
    assert one.state.id == state.id != other.state.id


def test_a_run_of_a_flow_that_is_unknown_is_refused_by_both(stores, clock):
    for store in stores:
        with pytest.raises(StoreConflictError, match="(?i)foreign key"):
            store.write(lambda conn: flow_runs.create_flow_run(conn, FlowRun(flow_id=uuid7()), now=clock.now))


# --- Moving ----------------------------------------------------------------------------------------------------


def test_of_two_ends_of_a_run_one_is_accepted(stores, clock, run):
    stores[0].write(
        lambda conn: flow_runs.set_flow_run_state(
            conn, run.id, State(type=RUNNING, timestamp=clock.tick()), now=clock.now
        )
    )

    def ending(kind):
        state = State(type=kind, timestamp=clock.tick())
        return lambda conn: flow_runs.set_flow_run_state(conn, run.id, state, now=clock.now)

    one, other = overlapping(stores, ending(COMPLETED), ending(FAILED))
    assert (one.status, other.status) == ("ACCEPT", "REJECT")
    assert other.state.type is COMPLETED


def test_a_proposal_that_both_deliver_is_carried_out_once(stores, clock, run):
    state = State(type=RUNNING, timestamp=clock.tick(), state_details=StateDetails(transition_id=uuid7()))

    def command(conn):
        return flow_runs.set_flow_run_state(conn, run.id, state, now=clock.now)

    one, other = overlapping(stores, command, command)
    assert (one.status, other.status) == ("ACCEPT", "REJECT")
    assert one.state.id == other.state.id
    history = stores[0].read(lambda conn: states.read_states(conn, run.id))
    assert [state.type for state in history] == [PENDING, RUNNING]


def test_a_subflow_run_that_ends_while_its_parent_does_leaves_one_end_for_each(stores, clock, run):
    tracking = TaskRun(
        task_key="c", dynamic_key="0", flow_run_id=run.id, state=State(type=PENDING, timestamp=clock.tick())
    )

    def start(conn):
        running = State(type=RUNNING, timestamp=clock.tick())
        flow_runs.set_flow_run_state(conn, run.id, running, now=clock.now)
        task_runs.create_task_run(conn, tracking, now=clock.now)
        child = FlowRun(
            flow_id=run.flow_id,
            parent_task_run_id=tracking.id,
            state=State(type=RUNNING, timestamp=clock.tick()),
        )
        return flow_runs.create_flow_run(conn, child, now=clock.now)

    child = stores[0].write(start)

    def ending_child(conn):
        state = State(type=COMPLETED, timestamp=clock.tick())
        return flow_runs.set_flow_run_state(conn, child.id, state, now=clock.now)

    def ending_tracker(conn):
        state = State(type=CRASHED, timestamp=clock.tick())
        return task_runs.set_task_run_state(conn, tracking.id, state, now=clock.now)

    _, end = overlapping(stores, ending_child, ending_tracker)
    assert end.state.type is COMPLETED
    stored = stores[1].read(lambda conn: task_runs.read_task_run(conn, tracking.id))
    assert stored.state_type is COMPLETED


# --- Leases and dead runs --------------------------------------------------------------------------------------


def test_of_two_that_want_a_lease_one_gets_it(stores, clock, run):
    def wanting(pid):
        holder = Holder("here", pid, None)
        return lambda conn: leases.acquire_lease(conn, run.id, holder, seconds=30, now=clock.now)

    assert overlapping(stores, wanting(1), wanting(2)) == (1, None)


@pytest.fixture
def dead_run(stores, clock, run, life):
    """A run whose process has disappeared, with a task run that has not ended."""
    task = TaskRun(task_key="t", dynamic_key="0", flow_run_id=run.id)

    def start(conn):
        leases.acquire_lease(conn, run.id, ELSEWHERE, seconds=30, now=clock.now)
        running = State(type=RUNNING, timestamp=clock.tick())
        flow_runs.set_flow_run_state(conn, run.id, running, now=clock.now)
        record(conn, life(task, PENDING, RUNNING, start=clock.now))

    stores[0].write(start)
    clock.tick(60)
    return run, task


def test_a_dead_run_that_both_find_is_ended_by_one(stores, clock, dead_run):
    run, task = dead_run

    def reap(conn):
        return reap_dead_runs(conn, now=clock.now, is_alive=lambda holder: None)

    one, other = overlapping(stores, reap, reap)
    assert ([ended.id for ended in one], other) == ([run.id], [])
    for run_id in (run.id, task.id):
        history = stores[0].read(lambda conn, run_id=run_id: states.read_states(conn, run_id))
        assert [state.type for state in history] == [PENDING, RUNNING, CRASHED]


def test_a_run_that_was_thought_dead_and_ends_meanwhile_has_ended_as_it_said(stores, clock, dead_run):
    run, task = dead_run

    def end(conn):
        state = State(type=COMPLETED, timestamp=clock.now)
        return flow_runs.set_flow_run_state(conn, run.id, state, token=1, now=clock.now)

    def reap(conn):
        return reap_dead_runs(conn, now=clock.now, is_alive=lambda holder: None)

    result, reaped = overlapping(stores, end, reap)
    assert (result.status, reaped) == ("ACCEPT", [])
    stored = stores[0].read(lambda conn: task_runs.read_task_run(conn, task.id))
    assert stored.state_type is RUNNING


def test_a_run_that_was_thought_dead_and_is_taken_over_meanwhile_goes_on(stores, clock, dead_run):
    run, _ = dead_run
    heir = Holder("here", 1, None)

    def take_over(conn):
        return leases.acquire_lease(conn, run.id, heir, seconds=30, now=clock.now)

    def reap(conn):
        return reap_dead_runs(conn, now=clock.now, is_alive=lambda holder: None)

    assert overlapping(stores, take_over, reap) == (2, [])
    stored = stores[0].read(lambda conn: flow_runs.read_flow_run(conn, run.id))
    assert stored.state_type is RUNNING


def test_a_process_that_is_declared_dead_in_the_moment_in_which_it_ends_its_run_is_told(
    stores, clock, dead_run
):
    run, _ = dead_run

    def reap(conn):
        return reap_dead_runs(conn, now=clock.now, is_alive=lambda holder: None)

    def end(conn):
        state = State(type=COMPLETED, timestamp=clock.now)
        return flow_runs.set_flow_run_state(conn, run.id, state, token=1, now=clock.now)

    _, result = overlapping(stores, reap, end)
    assert (result.status, result.state.type) == ("ABORT", CRASHED)


def test_renewing_and_reaping_at_once_agree_in_the_end(stores, clock, dead_run):
    run, _ = dead_run

    def renew(conn):
        return leases.renew_leases(conn, {run.id: 1}, seconds=30, now=clock.now)

    def reap(conn):
        return [run.id for run in reap_dead_runs(conn, now=clock.now, is_alive=lambda holder: None)]

    lost, reaped = overlapping(stores, renew, reap)
    assert lost == set()
    if reaped:
        assert stores[0].write(renew) == {run.id}


# --- PostgreSQL: conflicts that it ends by failing a transaction -----------------------------------------------


def bump(conn, key):
    conn.execute("UPDATE meta SET value = value || 'x' WHERE key = :key", key=key)


def value_of(store, key):
    return store.read(lambda conn: conn.value("SELECT value FROM meta WHERE key = :key", key=key))


def test_postgres_two_transactions_that_wait_for_each_other_are_both_carried_out(postgres_url):
    with Store.open(postgres_url) as one, Store.open(postgres_url) as other:
        for key in ("a", "b"):
            one.write(lambda conn, key=key: conn.execute("INSERT INTO meta VALUES (:key, '')", key=key))
        both = threading.Barrier(2)
        tries = []

        def crossing(first, second):
            def command(conn):
                tries.append(first)
                bump(conn, first)
                if len(tries) <= 2:
                    both.wait()
                bump(conn, second)

            return command

        futures = [one.submit(crossing("a", "b")), other.submit(crossing("b", "a"))]
        for future in futures:
            future.result()
        assert len(tries) >= 3
        assert (value_of(one, "a"), value_of(one, "b")) == ("xx", "xx")


def test_postgres_transactions_of_the_highest_isolation_are_repeated_until_they_fit(postgres_url):
    url = f"{postgres_url}?options=-c%20default_transaction_isolation%3Dserializable"
    with Store.open(url) as one, Store.open(url) as other:
        one.write(lambda conn: conn.execute("INSERT INTO meta VALUES ('n', '0')"))

        def increase(conn):
            number = int(conn.value("SELECT value FROM meta WHERE key = 'n'"))
            conn.execute("UPDATE meta SET value = :value WHERE key = 'n'", value=str(number + 1))

        def work(store):
            for _ in range(100):
                store.write(increase)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, (one, other)))
        assert value_of(one, "n") == "200"


def test_postgres_whoever_changes_the_schema_is_waited_for(postgres_url):
    with psycopg.connect(postgres_url) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (0x48524143,))
        opened = []
        opener = threading.Thread(target=lambda: opened.append(Store.open(postgres_url)))
        opener.start()
        with psycopg.connect(postgres_url, autocommit=True) as looking:
            while looking.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            ).fetchone() == (0,):
                pass
        assert opened == []
    opener.join()
    opened[0].close()


def test_stores_that_are_made_on_one_empty_database_at_once_are_one_store(target, clock):
    start = threading.Barrier(4)

    def make(number):
        start.wait()
        with Store.open(target) as store:
            store.write(
                lambda conn: flows.read_or_create_flow(conn, "hello", now=clock.now + timedelta(number))
            )
            return store.read(lambda conn: flows.read_flow_by_name(conn, "hello"))

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make, range(4)))
    assert len({flow.id for flow in made}) == 1

"""A server that is away for a while: runs go on, and what they record arrives when it is back, in order, once."""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from headrace import get_run_logger
from headrace.client.http import get_http_orchestrator
from headrace.context import TaskRunContext
from headrace.engine.session import close_sessions, current_session
from headrace.exceptions import ServerUnavailableError
from headrace.schema.base import now
from headrace.settings import temporary_settings
from headrace.store.reaping import reap_dead_runs

COMPLETED = ["Pending", "Running", "Completed"]


@pytest.fixture
def step(colour):
    @colour.task
    def step(number):
        get_run_logger().info("step %s", number)
        return number

    return step


def assert_all_arrived(server, steps):
    """So many tasks ran in the only flow run, and all of it is there once and in order."""
    assert server.history(server.flow_run()) == COMPLETED
    assert [server.history(run) for run in server.task_runs()] == [COMPLETED] * steps
    said = [line for line in server.messages() if line.startswith("step ")]
    assert sorted(said) == sorted(f"step {number}" for number in range(steps))


def test_a_flow_goes_on_while_the_server_is_away_and_all_of_it_arrives(colour, server, step, outbox):
    async def body():
        await colour.call(step, 0)
        with server.away():
            for number in range(1, 300):
                await colour.call(step, number)
        return "done"

    assert colour.in_flow(body) == "done"

    assert_all_arrived(server, 300)
    close_sessions()
    assert outbox() == []


@pytest.mark.parametrize("status", [401, 404, 408, 429, 500, 502, 503, 504])
def test_a_server_that_takes_no_records_now_is_asked_again(colour, server, step, status):
    server.answer(status, path="/runs/record", times=2)

    async def body():
        for number in range(3):
            await colour.call(step, number)

    colour.in_flow(body)

    assert_all_arrived(server, 3)


def test_a_server_is_left_alone_for_as_long_as_it_asks(colour, server, step):
    """Told to come again in an hour, nobody comes; only the end of the run, which knows no patience, lets go of it."""
    server.answer(429, path="/runs/record", Retry_After="3600")

    with temporary_settings({"client.patience_seconds": 0}):
        colour.in_flow(lambda: None)
        close_sessions()

    assert server.requests.count("/api/runs/record") == 1


def test_a_server_that_says_when_is_asked_then(colour, server, step):
    server.answer(503, path="/runs/record", Retry_After="0")
    server.answer(429, path="/runs/record", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")

    async def body():
        await colour.call(step, 0)

    colour.in_flow(body)

    assert_all_arrived(server, 1)


def test_a_server_that_does_not_answer_in_time_is_asked_again(colour, server, step, remote):
    remote(HEADRACE_API_REQUEST_TIMEOUT="0.5")
    held = server.hold(path="/runs/record")

    async def body():
        for number in range(3):
            await colour.call(step, number)

    colour.in_flow(body)
    held.set()

    assert_all_arrived(server, 3)


def test_tasks_do_not_wait_for_a_server_that_does_not_answer(colour, server, step, outbox):
    """All of them run, and what they record is on disk, while the first request hangs."""
    held = server.hold(path="/runs/record")
    kept = []

    async def body():
        for number in range(100):
            await colour.call(step, number)
        current_session().recorder.drain().result()
        kept.extend(outbox())
        assert server.batches == []
        held.set()

    colour.in_flow(body)

    assert len(kept) == 1
    assert_all_arrived(server, 100)


FAULTS = {
    "refused": lambda server: server.answer(503),
    "refused for a while": lambda server: server.answer(503, times=3),
    "done, and the answer lost": lambda server: server.cut_after_commit(),
    "done, and the answer lost twice": lambda server: server.cut_after_commit(times=2),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_whichever_request_fails_everything_is_there_once(colour, server, step, fault):
    """The first request, then the second, and so on, until there is no such request any more."""
    nth = 0
    failed = True
    while failed:
        nth += 1
        has_failed = server.nth(nth, FAULTS[fault])

        async def body():
            for number in range(3):
                await colour.call(step, number)

        colour.in_flow(body)
        failed = has_failed()

    assert nth > 4
    assert [server.history(run) for run in server.flow_runs()] == [COMPLETED] * nth
    assert [server.history(run) for run in server.task_runs()] == [COMPLETED] * 3 * nth
    said = Counter(line for line in server.messages() if line.startswith("step "))
    assert said == {f"step {number}": nth for number in range(3)}


def test_records_come_in_order_for_each_run_also_when_they_are_sent_again(colour, server, step):
    server.cut_after_commit(path="/runs/record", times=4)

    async def body():
        for number in range(200):
            await colour.call(step, number)

    colour.in_flow(body)

    first_seen = {}
    for item in server.records:
        if hasattr(item, "follows") and hasattr(item, "state"):
            first_seen.setdefault(item.state.id, (item.run.id, item.follows))
    last = {}
    for state_id, (run_id, follows) in first_seen.items():
        assert follows == last.get(run_id)
        last[run_id] = state_id
    assert len(last) == 200
    assert len(server.records) > len(first_seen), "nothing was sent twice"


def test_records_wait_on_disk_and_not_in_memory(colour, server, outbox):
    states: list[weakref.ref[Any]] = []
    alive: list[int] = []

    @colour.task
    def step():
        states.append(weakref.ref(TaskRunContext.get().task_run.state))
        if len(states) % 500 == 0:
            alive.append(sum(state() is not None for state in states))

    async def body():
        await colour.call(step)
        with server.away():
            for _ in range(9_999):
                await colour.call(step)
            current_session().recorder.drain().result()
            assert sum(state() is not None for state in states) < 10
            assert sum(path.stat().st_size for path in outbox()) > 500_000

    colour.in_flow(body)

    assert len(alive) == 20
    assert max(alive) < 5_000
    assert len(server.task_runs()) == 10_000


# --- At the start ----------------------------------------------------------------------------------------------


def test_a_flow_waits_for_a_server_that_is_starting(colour, server):
    server.stop()
    threading.Timer(0.5, server.start).start()

    assert colour.in_flow(lambda: "started") == "started"

    assert server.history(server.flow_run()) == COMPLETED


def test_a_server_that_is_not_there_is_an_error_that_names_it(colour, server):
    server.stop()
    ran = []

    with temporary_settings({"client.patience_seconds": 0}):
        with pytest.raises(ServerUnavailableError, match=server.url) as raised:
            colour.in_flow(lambda: ran.append("it ran"))
        close_sessions()

    assert "HEADRACE_API_URL" in str(raised.value)
    assert ran == []


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_are_refused_are_an_error_at_once(colour, server, status):
    server.answer(status, times=9)

    with pytest.raises(ServerUnavailableError, match="HEADRACE_API_KEY"):
        colour.in_flow(lambda: None)

    assert sum(path.endswith("/flows/") for path in server.requests) <= 1


def test_a_subflow_waits_for_the_server_to_come_back(colour, server):
    child = colour.flow(lambda: "child", name="child")

    async def body():
        server.stop()
        threading.Timer(0.5, server.start).start()
        return await colour.call(child)

    assert colour.in_flow(body) == "child"
    assert [server.history(run) for run in server.flow_runs()] == [COMPLETED] * 2


# --- At the end ------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(remote):
    """Runs do not wait for a server that is away."""
    remote(HEADRACE_CLIENT_PATIENCE_SECONDS="0")


@pytest.mark.usefixtures("impatient")
def test_a_flow_ends_without_a_server_that_stays_away_and_the_next_process_delivers_its_end(
    colour, server, step, outbox, caplog
):
    async def body():
        await colour.call(step, 0)
        server.stop()
        for number in range(1, 20):
            await colour.call(step, number)
        return "done"

    assert colour.in_flow(body) == "done"
    close_sessions()

    (path,) = outbox()
    assert server.history(server.flow_run()) == ["Pending", "Running"]
    assert any(str(path) in record.getMessage() for record in caplog.records if record.levelname == "WARNING")

    server.start()
    close_http = get_http_orchestrator().close
    close_http()

    assert_all_arrived(server, 20)
    assert outbox() == []


@pytest.mark.usefixtures("impatient")
def test_the_end_of_a_run_counts_that_was_taken_for_dead_before_it_arrived(colour, server, step, outbox):
    async def body():
        await colour.call(step, 0)
        server.stop()
        await colour.call(step, 1)

    colour.in_flow(body)
    close_sessions()
    later = now() + timedelta(hours=1)
    (dead,) = server.store.write(lambda conn: reap_dead_runs(conn, now=later, is_alive=lambda holder: None))
    assert dead.state_name == "Crashed"

    server.start()
    get_http_orchestrator().close()

    assert server.history(server.flow_run()) == ["Pending", "Running", "Crashed", "Completed"]
    # The first may have been known to run when it was taken for dead, and no more of it.
    assert [server.history(run)[-1] for run in server.task_runs()] == ["Completed"] * 2
    assert outbox() == []


@pytest.mark.usefixtures("impatient")
def test_the_end_of_a_flow_is_delivered_after_all_that_its_tasks_recorded(colour, server, step):
    seen = []

    async def body():
        server.stop()
        for number in range(500):
            await colour.call(step, number)

    colour.in_flow(body)
    server.when(path="/set_state", then=lambda: seen.append(len(server.task_runs())))
    server.start()
    close_sessions()

    assert seen == [500]
    assert_all_arrived(server, 500)


@pytest.mark.usefixtures("impatient")
def test_a_flow_is_retried_without_a_server_that_stays_away(colour, server, step, outbox):
    attempts = []

    def body():
        server.stop()
        attempts.append(len(attempts))
        if len(attempts) < 3:
            raise ValueError("not yet")

    colour.run(colour.flow(body, name="retried", retries=3))
    close_sessions()
    assert len(attempts) == 3
    assert server.history(server.flow_run()) == ["Pending", "Running"]

    server.start()
    get_http_orchestrator().close()

    assert server.history(server.flow_run()) == [
        "Pending", "Running", "AwaitingRetry", "Running", "AwaitingRetry", "Running", "Completed",
    ]  # fmt: skip
    assert server.flow_run().run_count == 3
    assert outbox() == []


@pytest.mark.usefixtures("impatient")
def test_a_flow_that_fails_while_the_server_is_away_raises_its_own_error(colour, server):
    def body():
        server.stop()
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        colour.in_flow(body)

    server.start()
    close_sessions()
    assert server.history(server.flow_run()) == ["Pending", "Running", "Failed"]


@pytest.mark.usefixtures("impatient")
def test_the_next_flow_of_the_same_process_delivers_what_the_one_before_could_not(
    colour, server, step, outbox
):
    async def body():
        server.stop()
        await colour.call(step, 0)

    colour.in_flow(body)
    server.start()
    colour.in_flow(lambda: None)

    assert [server.history(run) for run in server.flow_runs()] == [COMPLETED] * 2
    close_sessions()
    assert outbox() == []

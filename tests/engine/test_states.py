"""State objects: what they carry, and how results and exceptions come out of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from headrace import State, flow, task
from headrace.exceptions import (
    CancelledRun,
    CrashedRun,
    FailedRun,
    MissingResult,
    PausedRun,
    UnfinishedRun,
)
from headrace.states import (
    AwaitingRetry,
    Cancelled,
    Cancelling,
    Completed,
    Crashed,
    Failed,
    Late,
    Paused,
    Pending,
    Retrying,
    Running,
    Scheduled,
    Suspended,
    get_state_exception,
    raise_state_exception,
)


@pytest.mark.parametrize(
    ("make", "kind", "name"),
    [
        (Scheduled, "SCHEDULED", "Scheduled"),
        (Late, "SCHEDULED", "Late"),
        (AwaitingRetry, "SCHEDULED", "AwaitingRetry"),
        (Pending, "PENDING", "Pending"),
        (Running, "RUNNING", "Running"),
        (Retrying, "RUNNING", "Retrying"),
        (Completed, "COMPLETED", "Completed"),
        (Failed, "FAILED", "Failed"),
        (Crashed, "CRASHED", "Crashed"),
        (Cancelling, "CANCELLING", "Cancelling"),
        (Cancelled, "CANCELLED", "Cancelled"),
        (Paused, "PAUSED", "Paused"),
        (Suspended, "PAUSED", "Suspended"),
    ],
)
def test_each_constructor_makes_a_state_of_its_type_and_name(make: Any, kind: str, name: str) -> None:
    state = make(message="why")
    assert isinstance(state, State)
    assert (state.type.value, state.name, state.message, state.data) == (kind, name, "why", None)
    assert state.timestamp.utcoffset() == timedelta(0)
    assert state.is_final() == (kind in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
    asked = {
        "SCHEDULED": state.is_scheduled,
        "PENDING": state.is_pending,
        "RUNNING": state.is_running,
        "COMPLETED": state.is_completed,
        "FAILED": state.is_failed,
        "CRASHED": state.is_crashed,
        "CANCELLING": state.is_cancelling,
        "CANCELLED": state.is_cancelled,
        "PAUSED": state.is_paused,
    }
    assert {answer for answer, question in asked.items() if question()} == {kind}


def test_states_print_as_their_name_message_and_type_when_the_name_hides_it() -> None:
    assert str(Completed()) == "Completed()"
    assert str(Failed(message="boom")) == "Failed('boom')"
    assert str(Completed(name="Cached")) == "Cached(type=COMPLETED)"
    assert str(Failed(name="TimedOut", message="late")) == "TimedOut('late', type=FAILED)"


def test_every_state_has_an_id_of_its_own() -> None:
    assert len({Completed().id for _ in range(100)}) == 100


def test_the_result_of_a_completed_state_is_its_data() -> None:
    assert Completed(data=3).result() == 3
    assert asyncio.run(Completed(data=3).aresult()) == 3


def test_a_completed_state_without_data_misses_its_result() -> None:
    with pytest.raises(MissingResult):
        Completed().result()


@pytest.mark.parametrize(
    ("state", "kind", "message"),
    [
        (Failed(), FailedRun, "Run failed."),
        (Failed(message="why"), FailedRun, "why"),
        (Failed(data="text"), FailedRun, "text"),
        (Failed(data=KeyError("key")), KeyError, "key"),
        (Failed(data=[Completed(), Failed(message="inner")]), FailedRun, "inner"),
        (Failed(data=Failed(data=KeyError("nested"))), KeyError, "nested"),
        (Crashed(), CrashedRun, "Run crashed."),
        (Crashed(message="why"), CrashedRun, "why"),
        (Cancelled(), CancelledRun, "Run cancelled."),
        (Cancelled(message="why"), CancelledRun, "why"),
    ],
)
def test_states_that_are_no_success_raise_what_they_carry(state: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        state.result()
    assert isinstance(state.result(raise_on_failure=False), kind)
    assert isinstance(get_state_exception(state), kind)
    with pytest.raises(kind, match=message):
        raise_state_exception(state)


@pytest.mark.parametrize("make", [Running, Pending, Scheduled, Cancelling])
def test_a_run_that_has_not_ended_has_no_result(make: Any) -> None:
    for raise_on_failure in (True, False):
        with pytest.raises(UnfinishedRun, match="its result is not available"):
            make().result(raise_on_failure=raise_on_failure)


def test_a_paused_run_has_no_result() -> None:
    with pytest.raises(PausedRun):
        Paused().result()


def test_states_of_runs_know_their_run(colour, recorded) -> None:
    @colour.task
    def step() -> int:
        return 1

    flow_state = colour.state(colour.flow_calling(step))
    assert flow_state.state_details.flow_run_id == recorded.flow_run().id
    task_state = colour.run(step, return_state=True)
    assert task_state.state_details.task_run_id == recorded.task_runs()[-1].id


def test_states_of_a_run_are_entered_in_order_of_time(colour, recorded) -> None:
    @colour.task
    def step() -> int:
        return 1

    colour.run(colour.flow_calling(step))
    for run in (recorded.flow_run(), recorded.task_run()):
        assert recorded.history(run) == ["Pending", "Running", "Completed"]
        assert run.start_time <= run.end_time == run.state.timestamp
        assert run.total_run_time == pytest.approx((run.end_time - run.start_time).total_seconds())
        assert run.run_count == 1


def test_a_submitted_task_goes_through_the_same_states(colour, recorded) -> None:
    @colour.task
    def step() -> int:
        return 1

    assert colour.run(colour.flow(lambda: step.submit().result())) == 1
    assert recorded.history(recorded.task_run()) == ["Pending", "Running", "Completed"]


def test_the_recorded_state_is_the_state_that_the_caller_got(colour, recorded) -> None:
    state = colour.state(colour.flow(lambda: 1))
    run = recorded.flow_run()
    assert (run.state_id, run.state_name, run.state_type) == (state.id, state.name, state.type)


def test_the_result_of_a_state_can_be_awaited_in_an_async_flow() -> None:
    @task
    async def step() -> int:
        return 1

    @flow
    async def awaiting() -> int:
        state = await step(return_state=True)
        return await state.aresult()

    assert asyncio.run(awaiting()) == 1


def test_a_result_that_is_not_kept_in_memory_still_reaches_the_caller(colour) -> None:
    assert colour.run(colour.flow(lambda: 3, cache_result_in_memory=False)) == 3
    assert colour.run(colour.task(lambda: 3, cache_result_in_memory=False)) == 3

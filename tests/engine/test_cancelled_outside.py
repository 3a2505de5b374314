"""A flow run that somebody cancels while its code runs, and one that is executed once more."""

from __future__ import annotations

import pytest

from headrace import runtime
from headrace.client.orchestration import get_client
from headrace.core.states import StateType
from headrace.engine.another_execution import AnotherExecution
from headrace.engine.inline import run_inline
from headrace.engine.ports import ASYNC, SYNC
from headrace.exceptions import CancelledRun
from headrace.schema.base import now
from headrace.schema.states import State, StateDetails


def cancel_from_outside():
    """What `headrace flow-run cancel` does, to the run that calls this."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(runtime.flow_run.id, State(type=StateType.CANCELLING))
    return "done all the same"


def test_a_run_that_was_to_be_cancelled_ends_as_cancelled(colour):
    told = []
    flow = colour.flow(
        cancel_from_outside, on_cancellation=[lambda flow, run, state: told.append(state.name)]
    )
    state = colour.state(flow)
    assert (state.type, state.name) == (StateType.CANCELLED, "Cancelled")
    assert told == ["Cancelled"]


def test_whoever_calls_a_run_that_was_cancelled_is_told(colour):
    with pytest.raises(CancelledRun):
        colour.run(colour.flow(cancel_from_outside))


def test_a_run_is_executed_once_more_as_the_same_run(colour):
    calls = []

    def counted(word: str) -> int:
        calls.append((runtime.flow_run.id, runtime.flow_run.name, word))
        return len(calls)

    flow = colour.flow(counted)
    colour.run(flow, "x")
    run_id = calls[0][0]
    with get_client(sync_client=True) as client:
        again = State(type=StateType.SCHEDULED, state_details=StateDetails(scheduled_time=now()))
        client.set_flow_run_state(run_id, again, force=True)
        engine = AnotherExecution(flow, client.read_flow_run(run_id), ASYNC if colour.is_async else SYNC)
        if colour.is_async:
            import asyncio

            asyncio.run(engine.execute())
        else:
            run_inline(engine.execute())
        run = client.read_flow_run(run_id)
    assert (run.state_type, run.run_count) == (StateType.COMPLETED, 2)
    assert calls[0] == calls[1]
    assert engine.deliver(return_state=False) == 2

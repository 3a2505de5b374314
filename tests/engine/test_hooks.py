"""Hooks: functions that are called when a run enters a state."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

from headrace import flow, task
from headrace.context import FlowRunContext, TaskRunContext
from headrace.states import Cancelled, Completed, Crashed

FLOW_HOOKS = ["on_completion", "on_failure", "on_running", "on_cancellation", "on_crashed"]
TASK_HOOKS = ["on_completion", "on_failure", "on_running"]


class Calls(list[tuple[str, str]]):
    """What hooks were called, each with the name of the state."""

    def hook(self, kind: str) -> Any:
        def remember(definition: Any, run: Any, state: Any) -> None:
            assert run.state.name == state.name
            self.append((kind, state.name))

        return remember

    def hooks(self, kinds: list[str]) -> dict[str, list[Any]]:
        return {kind: [self.hook(kind)] for kind in kinds}


@pytest.fixture
def calls() -> Calls:
    return Calls()


# --- Which hooks are called ------------------------------------------------------------------------------------


def test_a_flow_that_completes_calls_running_then_completion(colour, calls) -> None:
    assert colour.run(colour.flow(lambda: 1, **calls.hooks(FLOW_HOOKS))) == 1
    assert calls == [("on_running", "Running"), ("on_completion", "Completed")]


def test_a_task_that_completes_calls_running_then_completion(colour, calls) -> None:
    assert colour.run(colour.task(lambda: 1, **calls.hooks(TASK_HOOKS))) == 1
    assert calls == [("on_running", "Running"), ("on_completion", "Completed")]


def test_a_submitted_task_calls_its_hooks_before_its_flow_ends(colour, calls) -> None:
    step = colour.task(lambda: 1, **calls.hooks(TASK_HOOKS))

    def submitting() -> None:
        step.submit()

    colour.run(colour.flow(submitting, on_completion=[calls.hook("flow")]))
    assert calls == [("on_running", "Running"), ("on_completion", "Completed"), ("flow", "Completed")]


def test_a_run_that_fails_calls_running_then_failure(colour, calls) -> None:
    def failing() -> None:
        raise ValueError("no good")

    for definition in (
        colour.flow(failing, **calls.hooks(FLOW_HOOKS)),
        colour.task(failing, **calls.hooks(TASK_HOOKS)),
    ):
        calls.clear()
        with pytest.raises(ValueError, match="no good"):
            colour.run(definition)
        assert calls == [("on_running", "Running"), ("on_failure", "Failed")]


def test_states_made_by_hand_call_the_hooks_of_their_type(colour, calls) -> None:
    for made, kind in (
        (Completed(name="Skipped"), "on_completion"),
        (Crashed(), "on_crashed"),
        (Cancelled(), "on_cancellation"),
    ):
        calls.clear()
        colour.state(colour.flow(made.fresh_copy, **calls.hooks(FLOW_HOOKS)))
        assert calls == [("on_running", "Running"), (kind, made.name)]


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit])
def test_a_flow_that_crashes_calls_its_crash_hooks(calls, signal: Any) -> None:
    @flow(**calls.hooks(FLOW_HOOKS))
    def crashing() -> None:
        raise signal()

    with pytest.raises(signal):
        crashing()
    assert calls == [("on_running", "Running"), ("on_crashed", "Crashed")]


def test_a_task_that_crashes_calls_no_final_hook(calls) -> None:
    @task(**calls.hooks(TASK_HOOKS))
    def crashing() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crashing()
    assert calls == [("on_running", "Running")]


def test_bad_parameters_call_failure_hooks_without_running(colour, calls) -> None:
    def typed(a: int) -> None: ...

    colour.state(colour.flow(typed, **calls.hooks(FLOW_HOOKS)), "text")
    assert calls == [("on_failure", "Failed")]


def test_a_retried_task_calls_running_for_each_attempt_and_one_final_hook(colour, calls) -> None:
    attempts: list[int] = []

    def flaky() -> str:
        attempts.append(1)
        if len(attempts) < 3:
            raise ValueError("again")
        return "done"

    assert colour.run(colour.task(flaky, retries=2, **calls.hooks(TASK_HOOKS))) == "done"
    running = [("on_running", "Running"), ("on_running", "Retrying"), ("on_running", "Retrying")]
    assert calls == [*running, ("on_completion", "Completed")]


def test_a_task_that_is_held_back_calls_no_hook(calls) -> None:
    @task
    def failing() -> None:
        raise ValueError("no good")

    @task(**calls.hooks(TASK_HOOKS))
    def never(value: Any) -> None: ...

    @flow
    def holding() -> None:
        never(failing.submit())

    holding()
    assert calls == []


# --- How hooks are given and called ----------------------------------------------------------------------------


def test_flow_hooks_get_the_flow_its_run_and_the_state(colour, recorded) -> None:
    seen: list[tuple[Any, Any, Any]] = []
    hooked = colour.flow(lambda: 1, name="hooked", on_completion=[lambda *arguments: seen.append(arguments)])
    colour.run(hooked)
    ((a_flow, run, state),) = seen
    assert (a_flow, a_flow.name) == (hooked, "hooked")
    assert run.id == recorded.flow_run().id
    assert (state.name, state.result()) == ("Completed", 1)


def test_task_hooks_get_the_task_its_run_and_the_state(colour, recorded) -> None:
    seen: list[tuple[Any, Any, Any]] = []
    hooked = colour.task(lambda: 1, name="hooked", on_completion=[lambda *arguments: seen.append(arguments)])
    colour.run(hooked)
    ((a_task, run, state),) = seen
    assert (a_task, run.id) == (hooked, recorded.task_run().id)
    assert (state.name, state.result()) == ("Completed", 1)


def test_failure_hooks_can_read_the_exception(colour) -> None:
    seen: list[str] = []

    def failing() -> None:
        raise ValueError("no good")

    def hook(_: Any, __: Any, state: Any) -> None:
        seen.append(str(state.result(raise_on_failure=False)))

    colour.state(colour.flow(failing, on_failure=[hook]))
    colour.run(colour.task(failing, on_failure=[hook]), return_state=True)
    assert seen == ["no good", "no good"]


def test_hooks_are_called_in_the_order_in_which_they_were_given(colour, calls) -> None:
    hooked = colour.flow(lambda: 1, on_completion=[calls.hook("first"), calls.hook("second")])
    hooked.on_completion(calls.hook("third"))
    colour.run(hooked)
    assert [kind for kind, _ in calls] == ["first", "second", "third"]


@pytest.mark.parametrize("kind", FLOW_HOOKS)
def test_decorators_add_a_hook_to_a_flow_and_give_the_function_back(kind: str) -> None:
    hooked = flow(lambda: 1)

    def hook(*_: Any) -> None: ...

    assert getattr(hooked, kind)(hook) is hook
    assert getattr(hooked, f"{kind}_hooks") == [hook]


@pytest.mark.parametrize("kind", [*TASK_HOOKS, "on_commit", "on_rollback"])
def test_decorators_add_a_hook_to_a_task_and_give_the_function_back(kind: str) -> None:
    hooked = task(lambda: 1)

    def hook(*_: Any) -> None: ...

    assert getattr(hooked, kind)(hook) is hook
    assert getattr(hooked, f"{kind}_hooks") == [hook]


def test_a_hook_added_to_a_copy_does_not_reach_the_original(calls) -> None:
    original = flow(lambda: 1, on_completion=[calls.hook("original")])
    copied = original.with_options(name="copied")
    copied.on_completion(calls.hook("copied"))
    original()
    assert calls == [("original", "Completed")]


def test_async_hooks_are_awaited_in_both_colours(colour) -> None:
    seen: list[str] = []

    async def hook(definition: Any, run: Any, state: Any) -> None:
        await asyncio.sleep(0)
        seen.append(state.name)

    colour.run(colour.flow(lambda: 1, on_running=[hook], on_completion=[hook]))
    colour.run(colour.task(lambda: 1, on_running=[hook], on_completion=[hook]))
    assert seen == ["Running", "Completed"] * 2


def test_any_callable_can_be_a_hook(calls) -> None:
    class Hook:
        def __call__(self, *arguments: Any) -> None:
            calls.append(("object", arguments[2].name))

    def with_extra(extra: str, *arguments: Any) -> None:
        calls.append((extra, arguments[2].name))

    flow(lambda: 1, on_completion=[Hook(), functools.partial(with_extra, "partial")])()
    assert calls == [("object", "Completed"), ("partial", "Completed")]


def test_completion_hooks_are_called_within_their_runs_context(colour) -> None:
    seen: list[Any] = []
    in_flow = colour.flow(lambda: 1, on_completion=[lambda *_: seen.append(FlowRunContext.get())])
    in_task = colour.task(lambda: 1, on_completion=[lambda *_: seen.append(TaskRunContext.get())])
    colour.run(in_flow)
    colour.run(in_task)
    assert seen[0].flow is in_flow
    assert seen[1].task is in_task


# --- Hooks that raise ------------------------------------------------------------------------------------------


def test_a_flow_hook_that_raises_is_logged_and_neither_the_run_nor_later_hooks_suffer(
    colour, calls, recorded
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("hook trouble")

    hooked = colour.flow(lambda: 1, on_running=[broken], on_completion=[broken, calls.hook("later")])
    assert colour.run(hooked) == 1
    assert calls == [("later", "Completed")]
    assert recorded.flow_run().state_name == "Completed"
    told = [
        text for text in recorded.messages() if "An error was encountered while running hook 'broken'" in text
    ]
    assert len(told) == 2
    assert "hook trouble" in told[0]


def test_a_task_hook_that_raises_is_logged_and_neither_the_run_nor_later_hooks_suffer(
    colour, calls, recorded
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("hook trouble")

    hooked = colour.task(
        lambda: 1, name="hooked", on_running=[broken], on_completion=[broken, calls.hook("later")]
    )
    assert colour.run(colour.flow_calling(hooked)) == 1
    assert calls == [("later", "Completed")]
    assert recorded.task_run().state_name == "Completed"
    told = [
        text for text in recorded.messages() if "An error was encountered while running hook 'broken'" in text
    ]
    assert len(told) == 2


def test_a_hook_of_the_wrong_arity_is_logged_and_the_run_does_not_suffer(colour, recorded) -> None:
    assert colour.run(colour.flow(lambda: 1, on_completion=[lambda a_flow: None])) == 1
    assert any(
        "An error was encountered while running hook '<lambda>'" in text for text in recorded.messages()
    )


def test_an_async_hook_that_raises_is_logged_too(colour, recorded) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("hook trouble")

    assert colour.run(colour.flow(lambda: 1, on_completion=[broken])) == 1
    assert any("running hook 'broken'" in text for text in recorded.messages())

"""What a function returns or raises decides its run's final state, and what the caller gets."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import flow, task
from headrace.exceptions import CancelledRun, CrashedRun, FailedRun, PausedRun
from headrace.states import Cancelled, Completed, Crashed, Failed, Paused


@task
def add(a: int, b: int = 1) -> int:
    return a + b


@task
def boom(message: str = "boom") -> None:
    raise ValueError(message)


# --- Plain values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [None, 0, "text", [], {}, (), {"a": [1]}, ValueError("returned, not raised")]
)
def test_a_value_completes_the_run_and_is_returned(colour, value: Any) -> None:
    for definition in (colour.flow(lambda: value), colour.task(lambda: value)):
        assert colour.run(definition) is value
        state = colour.state(definition)
        assert str(state) == "Completed()"
        assert state.result() is value


def test_a_function_without_return_completes_with_none(colour) -> None:
    def nothing() -> None:
        pass

    assert colour.run(colour.flow(nothing)) is None
    assert colour.state(colour.flow(nothing)).result() is None


def test_a_value_that_cannot_be_compared_or_hashed_is_returned(colour) -> None:
    class Awkward:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise AssertionError("must not be compared")

        def __bool__(self) -> bool:
            raise AssertionError("must not be tested")

    value = Awkward()
    assert colour.run(colour.flow(lambda: value)) is value
    assert colour.run(colour.task(lambda: value)) is value


def test_numpy_values_are_returned(colour) -> None:
    import numpy

    value = numpy.arange(3)
    assert colour.run(colour.flow(lambda: value)) is value
    assert colour.run(colour.task(lambda: value)) is value


def test_a_container_that_holds_itself_is_returned(colour) -> None:
    value: list[Any] = [1]
    value.append(value)
    assert colour.run(colour.flow(lambda: value)) is value


# --- Exceptions ------------------------------------------------------------------------------------------------


def test_an_exception_fails_a_flow_with_a_message_that_tells_it(colour) -> None:
    def failing() -> None:
        raise ValueError("in flow")

    state = colour.state(colour.flow(failing))
    assert str(state) == "Failed('Flow run encountered an exception: ValueError: in flow')"


def test_an_exception_fails_a_task_with_a_message_that_tells_it(colour) -> None:
    def failing() -> None:
        raise ValueError("in task")

    state = colour.state(colour.task(failing))
    assert str(state) == "Failed('Task run encountered an exception ValueError: in task')"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit("odd")])
def test_what_is_not_an_exception_crashes_the_run_and_reaches_the_caller(
    recorded, error: BaseException
) -> None:
    @flow
    def crashing() -> None:
        raise error

    with pytest.raises(type(error)):
        crashing(return_state=True)
    assert recorded.history(recorded.flow_run()) == ["Pending", "Running", "Crashed"]


def test_a_crash_in_a_task_crashes_its_flow_too(recorded) -> None:
    @task
    def crashing() -> None:
        raise SystemExit(3)

    @flow
    def around() -> None:
        crashing()

    with pytest.raises(SystemExit):
        around()
    assert recorded.task_run().state_name == recorded.flow_run().state_name == "Crashed"


def test_the_traceback_of_an_error_leads_to_the_users_line(colour) -> None:
    def failing() -> None:
        raise ValueError("here")

    with pytest.raises(ValueError, match="here") as caught:
        colour.run(colour.flow(failing))
    assert caught.traceback[-1].name == "failing"


# --- States made by hand ---------------------------------------------------------------------------------------


def test_a_completed_state_gives_its_data_to_the_caller_of_a_flow(colour, recorded) -> None:
    assert colour.run(colour.flow(lambda: Completed(message="three it is", data=3))) == 3
    run = recorded.flow_run()
    assert (run.state_type.value, run.state.message) == ("COMPLETED", "three it is")


def test_a_completed_state_keeps_its_name(colour, recorded) -> None:
    state = colour.state(colour.flow(lambda: Completed(name="Skipped", message="nothing new")))
    assert str(state) == "Skipped('nothing new', type=COMPLETED)"
    assert recorded.flow_run().state_name == "Skipped"


@pytest.mark.parametrize(
    ("made", "kind", "message"),
    [
        (lambda: Failed(message="bad"), FailedRun, "bad"),
        (lambda: Failed(), FailedRun, "Run failed."),
        (lambda: Failed(message="bad", data=KeyError("key")), KeyError, "key"),
        (lambda: Cancelled(message="stop"), CancelledRun, "stop"),
        (lambda: Crashed(message="gone"), CrashedRun, "gone"),
    ],
)
def test_a_state_that_is_no_success_is_raised_for_the_caller_of_a_flow(
    colour, recorded, made, kind, message
) -> None:
    with pytest.raises(kind, match=message):
        colour.run(colour.flow(made))
    state = colour.state(colour.flow(made))
    assert (state.type, state.message) == (made().type, made().message)
    assert {run.state_type for run in recorded.flow_runs()} == {made().type}


def test_a_state_that_a_task_returns_is_its_final_state_and_is_given_to_the_caller(colour, recorded) -> None:
    """Callers of tasks get the state itself, so that a flow can look at it and go on."""
    state = colour.run(colour.task(lambda: Failed(message="bad")))
    assert str(state) == "Failed('bad')"
    completed = colour.run(colour.task(lambda: Completed(name="Skipped", data=4)))
    assert (completed.name, completed.result()) == ("Skipped", 4)
    assert [run.state_name for run in recorded.task_runs()] == ["Failed", "Skipped"]


def test_a_future_of_a_task_that_returned_a_state_gives_that_states_result() -> None:
    @task
    def completed() -> Any:
        return Completed(message="m", data=4)

    @task
    def failed() -> Any:
        return Failed(message="not today")

    @flow
    def submitting() -> int:
        with pytest.raises(FailedRun, match="not today"):
            failed.submit().result()
        return add(completed.submit())

    assert submitting() == 5


def test_a_paused_state_leaves_the_flow_run_paused(colour, recorded) -> None:
    with pytest.raises(PausedRun):
        colour.run(colour.flow(lambda: Paused(message="lunch")))
    assert recorded.flow_run().state_type.value == "PAUSED"


# --- Collections of states -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([Completed(), Completed()], "Completed('All states completed.')"),
        ([Completed(), Failed(), Completed()], "Failed('1/3 states failed.')"),
        ([Crashed(), Failed()], "Failed('2/2 states failed.')"),
        ([Completed(), Cancelled()], "Cancelled('1/2 states cancelled.')"),
        ((Completed(), Failed()), "Failed('1/2 states failed.')"),
        ([Failed(), Cancelled()], "Cancelled('1/2 states cancelled.')"),
    ],
)
def test_states_in_a_list_or_tuple_are_counted(colour, states: Any, expected: str) -> None:
    assert str(colour.state(colour.flow(lambda: states))) == expected
    assert str(colour.state(colour.task(lambda: states))) == expected


def test_the_caller_gets_the_states_in_a_list_as_they_are(colour) -> None:
    states = [Completed(data=1), Failed()]
    assert colour.run(colour.flow(lambda: states)) == states


@pytest.mark.parametrize(
    "value", [[Completed(data=1), 5], {"a": Completed(data=1), "b": Failed()}, [[Failed()]], ["a", Failed()]]
)
def test_states_among_other_values_are_only_data(colour, value: Any) -> None:
    assert str(colour.state(colour.flow(lambda: value))) == "Completed()"
    assert colour.run(colour.flow(lambda: value)) == value


def test_the_state_of_a_task_completes_or_fails_the_flow_that_returns_it(recorded) -> None:
    good, bad = flow(lambda: add(1, return_state=True)), flow(lambda: boom(return_state=True))
    assert good().result() == 2
    assert good(return_state=True).message == "All states completed."
    with pytest.raises(ValueError, match="boom"):
        bad()
    assert str(bad(return_state=True)) == "Failed('1/1 states failed.')"


# --- Futures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "expected", "message"),
    [
        (lambda: add.submit(1), 2, "All states completed."),
        (lambda: [add.submit(1), add.submit(2)], [2, 3], "All states completed."),
        (lambda: (add.submit(1), add.submit(2)), (2, 3), "All states completed."),
        (lambda: add.map([1, 2, 3]), [2, 3, 4], "All states completed."),
        (lambda: {"a": add.submit(1), "b": add.submit(2)}, {"a": 2, "b": 3}, None),
        (lambda: [add.submit(1), 7], [2, 7], None),
        (lambda: [[add.submit(1)], {"k": (add.submit(2), "s")}], [[2], {"k": (3, "s")}], None),
    ],
)
def test_the_caller_gets_results_in_place_of_futures(colour, returned, expected, message) -> None:
    result = colour.run(colour.flow(returned))
    assert result == expected
    state = colour.state(colour.flow(returned))
    assert (state.type.value, state.message) == ("COMPLETED", message)
    assert state.result() == expected


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda: boom.submit(), "1/1 states failed."),
        (lambda: [add.submit(1), boom.submit(), add.submit(2)], "1/3 states failed."),
        (lambda: boom.map(["boom", "boom"]), "2/2 states failed."),
    ],
)
def test_a_failed_future_fails_the_flow_that_returns_it(colour, returned, message) -> None:
    with pytest.raises(ValueError, match="boom"):
        colour.run(colour.flow(returned))
    state = colour.state(colour.flow(returned))
    assert (state.type.value, state.message) == ("FAILED", message)
    with pytest.raises(ValueError, match="boom"):
        state.result()


def test_a_failed_future_among_other_values_is_replaced_by_its_exception(colour, recorded) -> None:
    result = colour.run(colour.flow(lambda: {"good": add.submit(1), "bad": boom.submit()}))
    assert result["good"] == 2
    assert isinstance(result["bad"], ValueError)
    assert recorded.flow_run().state_name == "Completed"


def test_a_future_whose_upstream_failed_fails_the_flow(colour) -> None:
    state = colour.state(colour.flow(lambda: [add.submit(boom.submit()), add.submit(1)]))
    assert str(state) == "Failed('1/2 states are not final.')"


def test_failed_tasks_that_the_flow_does_not_return_do_not_fail_it(colour, recorded) -> None:
    def careless() -> str:
        boom.submit()
        return "fine"

    assert colour.run(colour.flow(careless)) == "fine"
    assert recorded.task_run().state_name == "Failed"
    assert recorded.flow_run().state_name == "Completed"


def test_futures_of_a_task_that_returns_them_are_resolved_for_the_flow(recorded) -> None:
    @task
    def fan_out() -> Any:
        return [add.submit(1), add.submit(2)]

    @flow
    def outer() -> list[int]:
        return fan_out()

    assert outer() == [2, 3]


# --- Other things ----------------------------------------------------------------------------------------------


def test_a_generator_object_is_used_up_for_the_state(colour) -> None:
    assert colour.state(colour.flow(lambda: (n for n in range(3)))).result() == [0, 1, 2]


def test_a_function_can_be_returned(colour) -> None:
    def value() -> int:
        return 1

    assert colour.run(colour.flow(lambda: value)) is value

"""Futures and states among arguments: found, replaced by results, and recorded (`engine.inputs`)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from headrace.core.annotations import allow_failure, opaque, quote, unmapped
from headrace.core.ids import uuid7
from headrace.engine.futures import FutureList, TaskRunFuture
from headrace.engine.inputs import collect_upstream, is_plain, resolve, run_input, task_inputs
from headrace.engine.links import ResultLinks
from headrace.exceptions import UpstreamTaskError
from headrace.results import ResultRecord
from headrace.schema.runs import FlowRun, FlowRunResult, TaskRun, TaskRunResult
from headrace.schema.states import State, StateDetails, StateType


def completed(value: Any, run_id: UUID | None = None) -> State[Any]:
    details = StateDetails(task_run_id=run_id or uuid7())
    return State(type=StateType.COMPLETED, data=ResultRecord(value), state_details=details)


def failed(error: Exception) -> State[Any]:
    return State(
        type=StateType.FAILED, data=ResultRecord(error), state_details=StateDetails(task_run_id=uuid7())
    )


def future(state: State[Any]) -> TaskRunFuture[Any]:
    run = TaskRun(id=state.state_details.task_run_id or uuid7(), task_key="t", dynamic_key="0", state=state)
    made: TaskRunFuture[Any] = TaskRunFuture(run)
    made.complete(state)
    return made


# --- Finding ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [{}, {"a": 1, "b": "x"}, {"a": [1, {"b": (2,)}]}, 5, None, "text", object(), iter([1])]
)
def test_most_arguments_have_no_upstream(value: Any) -> None:
    assert collect_upstream(value) == []


def test_upstream_is_found_in_order_and_once() -> None:
    first, second, state = future(completed(1)), future(completed(2)), completed(3)
    value = {"a": [first, {"k": (second,)}], "b": first, "c": unmapped([state]), "d": allow_failure(second)}
    assert collect_upstream(value) == [first, second, state]
    assert collect_upstream(first) == [first]
    assert collect_upstream(FutureList([first, second])) == [first, second]
    assert collect_upstream({first: 1}) == [first]


def test_what_is_quoted_is_not_searched_and_what_is_opaque_only_at_the_top() -> None:
    upstream = future(completed(1))
    assert collect_upstream([quote(upstream), quote([upstream])]) == []
    assert collect_upstream(opaque(upstream)) == [upstream]
    assert collect_upstream(opaque([upstream])) == []


def test_the_state_inside_a_run_object_is_no_upstream() -> None:
    run = FlowRun(flow_id=uuid4(), state=completed(1))
    assert collect_upstream({"run": run, "runs": [run]}) == []
    assert resolve([run])[0] is run


def test_structures_deep_or_endless_are_searched() -> None:
    upstream = future(completed(1))
    deep: Any = upstream
    for _ in range(5000):
        deep = [deep]
    endless: list[Any] = [upstream]
    endless.append(endless)
    assert collect_upstream({"deep": deep}) == collect_upstream(endless) == [upstream]


# --- Resolving -------------------------------------------------------------------------------------------------


def test_results_take_the_places_of_futures_and_states() -> None:
    value = {"a": [future(completed(1)), 2], "b": completed(3), "c": FutureList([future(completed(4))])}
    resolved = resolve(value)
    assert resolved == {"a": [1, 2], "b": 3, "c": [4]}


@pytest.mark.parametrize("value", [{"a": 1}, {"a": [1, (2, {"x": [3]})]}, [quote], 5])
def test_arguments_without_upstream_are_the_same_objects(value: Any) -> None:
    assert resolve(value) is value


@pytest.mark.parametrize(
    ("annotated", "expected"),
    [
        (unmapped([1]), [1]),
        (allow_failure(5), 5),
        (quote([1]), [1]),
        (opaque((1,)), (1,)),
        ([unmapped(1), {"x": quote(2)}], [1, {"x": 2}]),
        (unmapped(allow_failure(3)), 3),
    ],
)
def test_annotations_are_removed(annotated: Any, expected: Any) -> None:
    assert resolve({"a": annotated}) == {"a": expected}


def test_what_is_quoted_is_passed_with_its_futures() -> None:
    upstream = future(completed(1))
    assert resolve({"a": quote([upstream])}) == {"a": [upstream]}


def test_a_run_that_did_not_complete_is_named() -> None:
    upstream = future(failed(ValueError("boom")))
    with pytest.raises(UpstreamTaskError) as refusal:
        resolve({"a": [upstream]})
    assert (
        str(refusal.value) == f"Upstream task run '{upstream.task_run_id}' did not reach a 'COMPLETED' state."
    )
    flow_state: State[Any] = State(type=StateType.CRASHED, state_details=StateDetails(flow_run_id=uuid7()))
    with pytest.raises(UpstreamTaskError, match="Upstream flow run "):
        resolve(flow_state)


def test_a_failure_that_is_allowed_is_passed_as_its_exception() -> None:
    error = ValueError("boom")
    upstream = future(failed(error))
    assert resolve({"a": allow_failure([upstream, 1]), "b": allow_failure(upstream)}) == {
        "a": [error, 1],
        "b": error,
    }
    with pytest.raises(UpstreamTaskError):
        resolve({"a": allow_failure(upstream), "b": upstream})


def test_one_list_may_be_allowed_to_fail_in_one_place_and_not_in_another() -> None:
    shared = [future(failed(ValueError("boom")))]
    with pytest.raises(UpstreamTaskError):
        resolve([allow_failure(shared), shared])


def test_another_resolver_can_be_given() -> None:
    upstream = future(completed(1))
    seen = []

    def resolver(found: Any, may_fail: bool) -> Any:
        seen.append((found, may_fail))
        return "replaced"

    assert resolve([upstream, allow_failure(upstream)], resolver) == ["replaced", "replaced"]
    assert seen == [(upstream, False), (upstream, True)]


# --- Recording -------------------------------------------------------------------------------------------------


def test_the_runs_of_futures_and_states_are_inputs() -> None:
    run_id = uuid7()
    assert run_input(completed(1, run_id)) == TaskRunResult(id=run_id)
    assert run_input(future(completed(1, run_id))) == TaskRunResult(id=run_id)
    flow_state: State[Any] = State(type=StateType.COMPLETED, state_details=StateDetails(flow_run_id=run_id))
    assert run_input(flow_state) == FlowRunResult(id=run_id)
    assert run_input(State(type=StateType.COMPLETED)) is None


def test_every_parameter_has_its_list_of_inputs() -> None:
    first, second = future(completed(1)), future(completed(2))
    assert task_inputs({"a": 1, "b": "x"}) == {"a": [], "b": []}
    assert task_inputs({"a": [first, second, first], "b": 1, "args": (second,)}) == {
        "a": [TaskRunResult(id=first.task_run_id), TaskRunResult(id=second.task_run_id)],
        "b": [],
        "args": [TaskRunResult(id=second.task_run_id)],
    }


def test_what_is_waited_for_is_recorded_when_it_was_given() -> None:
    upstream = future(completed(1))
    assert task_inputs({}, wait_for=[upstream]) == {"wait_for": [TaskRunResult(id=upstream.task_run_id)]}
    assert task_inputs({}, wait_for=upstream) == {"wait_for": [TaskRunResult(id=upstream.task_run_id)]}
    assert task_inputs({}, wait_for=[]) == {"wait_for": []}


def test_runs_that_returned_plain_values_are_inputs_too() -> None:
    links = ResultLinks()
    rows, number = ["row"], 1_000_000
    of_rows, of_number = uuid7(), uuid7()
    links.remember(rows, of_rows)
    links.remember(number, of_number)
    upstream = future(completed(1))
    assert task_inputs({"a": number, "b": 2}, links) == {"a": [TaskRunResult(id=of_number)], "b": []}
    assert task_inputs({"a": {"deep": [rows]}, "b": [upstream, number]}, links) == {
        "a": [TaskRunResult(id=of_rows)],
        "b": [TaskRunResult(id=upstream.task_run_id), TaskRunResult(id=of_number)],
    }


@pytest.mark.parametrize(
    ("parameters", "plain"),
    [
        ({}, True),
        ({"a": 1, "b": None, "c": "x", "d": 2.5}, True),
        ({"a": [1]}, False),
        ({"a": unmapped(1)}, False),
        ({"a": object()}, False),
    ],
)
def test_plain_parameters_are_known_by_their_types(parameters: dict[str, Any], plain: bool) -> None:
    assert is_plain(parameters) is plain

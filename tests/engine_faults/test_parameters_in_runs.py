"""Parameters of flows: checked and coerced by their annotations, refused by name, and recorded with the run."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from headrace import flow, task
from headrace.exceptions import ParameterBindError, ParameterTypeError


class Address(BaseModel):
    """A model of the user's."""

    street: str
    number: int = 1


def values(count: int, weights: list[float] = [1.0], where: Address | None = None):  # noqa: B006
    return count, weights, where


def person(where: Address) -> Address:
    return where


def test_values_are_coerced_by_their_annotations(colour):
    result = colour.run(
        colour.flow(values), "3", weights=["1.5", 2], where={"street": "Mill Lane", "number": "7"}
    )

    assert result == (3, [1.5, 2.0], Address(street="Mill Lane", number=7))


def test_a_model_is_made_of_a_dictionary_and_passed_as_it_is(colour):
    where = Address(street="Mill Lane")

    assert colour.run(colour.flow(person), {"street": "Mill Lane"}) == where
    assert colour.run(colour.flow(person), where) == where


def test_values_that_do_not_fit_are_refused_and_every_one_is_named(colour, recorded):
    called = []

    def strict(count: int, weights: list[float], name: str) -> None:
        called.append(count)

    with pytest.raises(ParameterTypeError) as raised:
        colour.run(colour.flow(strict), "three", weights=[1, "heavy"], name="fine")

    message = str(raised.value)
    assert "received invalid parameters:" in message
    assert " - count: Input should be a valid integer" in message
    assert " - weights: " in message
    assert "[1]: Input should be a valid number" in message
    assert " - name" not in message
    assert called == []


def test_a_field_of_a_model_is_named_with_its_parameter(colour):
    with pytest.raises(ParameterTypeError, match=r"where: at street: Field required"):
        colour.run(colour.flow(person), {"number": 3})


def test_a_run_with_refused_parameters_is_recorded_as_failed(colour, recorded):
    with pytest.raises(ParameterTypeError):
        colour.run(colour.flow(values), "three")

    run = recorded.flow_run()
    assert recorded.history(run) == ["Pending", "Failed"]
    message = recorded.states(run)[-1].message
    assert message.startswith("Validation of flow parameters failed with error: ParameterTypeError: ")
    assert " - count: " in message
    assert run.start_time == run.end_time  # as it never ran


def test_return_state_gives_the_state_of_the_refused_run(colour):
    state = colour.run(colour.flow(values), "three", return_state=True)

    assert state.is_failed()
    with pytest.raises(ParameterTypeError, match="count"):
        state.result()


def test_failure_hooks_run_for_refused_parameters(colour):
    seen = []
    strict = colour.flow(values, on_failure=[lambda a_flow, run, state: seen.append(state.name)])

    with pytest.raises(ParameterTypeError):
        colour.run(strict, "three")

    assert seen == ["Failed"]


def test_a_flow_that_does_not_validate_gets_what_was_given(colour):
    lax = colour.flow(lambda count: count, validate_parameters=False)

    def annotated(count: int):
        return count

    assert colour.run(lax, "three") == "three"
    assert colour.run(colour.flow(annotated, validate_parameters=False), "three") == "three"


def test_a_subflow_validates_its_own_parameters(colour, recorded):
    child = colour.flow(values, name="child")
    parent = colour.flow_calling(child, "three", name="parent")

    with pytest.raises(ParameterTypeError, match="count"):
        colour.run(parent)

    assert recorded.flow_run("child").state_name == "Failed"
    assert recorded.flow_run("parent").state_name == "Failed"


def test_tasks_do_not_validate(colour):
    def annotated(count: int):
        return count

    assert colour.run(colour.flow_calling(colour.task(annotated), "three")) == "three"


# --- Arguments that do not fit the signature -------------------------------------------------------------------

MISFITS = [
    ((), {}, "count"),
    ((1, [1.0], None, "one too many"), {}, "values"),
    ((1,), {"colour": "red"}, "colour"),
    ((1,), {"count": 2}, "count"),
]


@pytest.mark.parametrize(("args", "kwargs", "named"), MISFITS)
@pytest.mark.parametrize("return_state", [False, True])
def test_arguments_that_do_not_fit_a_flow_are_refused_before_there_is_a_run(
    colour, recorded, args, kwargs, named, return_state
):
    with pytest.raises(ParameterBindError, match=named) as raised:
        colour.run(colour.flow(values), *args, return_state=return_state, **kwargs)

    assert isinstance(raised.value, TypeError)
    assert "values" in str(raised.value)
    assert not recorded.path.exists() or recorded.flow_runs() == []


@pytest.mark.parametrize(("args", "kwargs", "named"), MISFITS)
@pytest.mark.parametrize("verb", ["call", "submit", "map"])
def test_arguments_that_do_not_fit_a_task_are_refused_before_there_is_a_run(
    recorded, args, kwargs, named, verb
):
    a_task = task(values)
    entry = {"call": a_task, "submit": a_task.submit, "map": a_task.map}[verb]

    @flow
    def calling() -> None:
        with pytest.raises(ParameterBindError, match=named):
            entry(*args, **kwargs)

    calling()

    assert recorded.task_runs() == []
    assert recorded.flow_run().state_name == "Completed"


# --- What is recorded ------------------------------------------------------------------------------------------


def test_parameters_are_recorded_with_their_defaults(colour, recorded):
    def named(count: int, label: str = "mill", extra: dict | None = None):
        return count

    colour.run(colour.flow(named), 3)

    assert recorded.flow_run().parameters == {"count": 3, "label": "mill", "extra": None}


def test_variadic_parameters_are_passed_on_and_recorded(colour, recorded):
    def variadic(first: int, *rest: int, **options: str):
        return first, rest, options

    assert colour.run(colour.flow(variadic), 1, 2, 3, mode="fast") == (1, (2, 3), {"mode": "fast"})

    parameters = recorded.flow_run().parameters
    assert parameters["first"] == 1
    assert list(parameters["rest"]) == [2, 3]
    assert parameters["options"] == {"mode": "fast"}


def test_changing_an_argument_later_does_not_change_the_record(colour, recorded):
    def changing(items: list[int]):
        items.append(99)

    colour.run(colour.flow(changing), [1, 2])

    assert recorded.flow_run().parameters == {"items": [1, 2]}


def test_parameters_named_as_built_ins_work(colour):
    def span(min: int, max: int, type: str = "closed", id: int = 0):
        return min, max, type, id

    assert colour.run(colour.flow(span), "1", max=5) == (1, 5, "closed", 0)
    assert colour.run(colour.flow_calling(colour.task(span), 1, 5)) == (1, 5, "closed", 0)

"""Names of runs: generated, from templates, and from functions."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest

from headrace import flow, runtime, task
from headrace.context import FlowRunContext, TaskRunContext


def flow_run_name() -> str:
    return FlowRunContext.get().flow_run.name


def task_run_name() -> str:
    return TaskRunContext.get().task_run.name


# --- Flow runs -------------------------------------------------------------------------------------------------


def test_a_flow_run_gets_two_words_for_a_name(colour, recorded) -> None:
    name = colour.run(colour.flow(flow_run_name))
    assert re.fullmatch(r"[a-z]+-[a-z]+", name)
    assert recorded.flow_run().name == name


def test_generated_names_differ(recorded) -> None:
    named = flow(flow_run_name)
    assert len({named() for _ in range(10)}) >= 8


@pytest.mark.parametrize(
    ("template", "args", "kwargs", "expected"),
    [
        ("plain", (1,), {}, "plain"),
        ("n-{a}-{b}", (1,), {}, "n-1-2"),
        ("n-{a}-{b}", (), {"a": "x", "b": [1]}, "n-x-[1]"),
        ("{a:%A}", (datetime.date(2026, 1, 1),), {}, "Thursday"),
        ("{a:>5}|{a!r}", ("x",), {}, "    x|'x'"),
        ("{a.year}", (datetime.date(2026, 1, 1),), {}, "2026"),
        ("{a[k]}", ({"k": "v"},), {}, "v"),
    ],
)
def test_a_flow_run_name_template_is_filled_with_the_parameters(
    colour, recorded, template, args, kwargs, expected
):
    named = colour.flow(lambda a, b=2: flow_run_name(), flow_run_name=template)
    assert colour.run(named, *args, **kwargs) == expected
    assert recorded.flow_run().name == expected


def test_a_function_names_flow_runs(colour, recorded) -> None:
    assert colour.run(colour.flow(flow_run_name, flow_run_name=lambda: "made up")) == "made up"
    assert recorded.flow_run().name == "made up"


def test_a_function_that_names_flow_runs_is_called_once_and_knows_the_run() -> None:
    seen: list[Any] = []

    def name() -> str:
        seen.append((runtime.flow_run.flow_name, runtime.flow_run.parameters))
        return f"for {runtime.flow_run.parameters['who']}"

    @flow(name="greeter", flow_run_name=name)
    def greeter(who: str) -> tuple[str, str]:
        return flow_run_name(), runtime.flow_run.name

    assert greeter("Ada") == ("for Ada", "for Ada")
    assert seen == [("greeter", {"who": "Ada"})]


def test_names_are_as_they_were_asked_for_whatever_they_hold(recorded) -> None:
    name = "Weekly / réport 📈 100%"
    assert flow(flow_run_name, flow_run_name=lambda: name)() == name
    assert recorded.flow_run().name == name


def test_a_flow_run_name_that_mentions_an_unknown_parameter_fails_the_run(colour, recorded) -> None:
    named = colour.flow(lambda a: None, flow_run_name="n-{nobody}")
    with pytest.raises(Exception, match="nobody"):
        colour.run(named, 1)
    assert recorded.flow_run().state_name == "Failed"
    assert "nobody" in recorded.flow_run().state.message


def test_a_function_that_raises_instead_of_naming_the_flow_run_fails_it(colour, recorded) -> None:
    def name() -> str:
        raise LookupError("no name today")

    with pytest.raises(LookupError, match="no name today"):
        colour.run(colour.flow(lambda: None, flow_run_name=name))
    assert recorded.flow_run().state_name == "Failed"


@pytest.mark.parametrize("given", [5, None])
def test_a_function_that_returns_no_string_for_a_name_is_a_type_error(colour, given: Any) -> None:
    with pytest.raises(TypeError, match=f"flow_run_name.*{type(given).__name__}"):
        colour.run(colour.flow(lambda: None, flow_run_name=lambda: given))
    with pytest.raises(TypeError, match=f"task_run_name.*{type(given).__name__}"):
        colour.run(colour.task(lambda: None, task_run_name=lambda: given))


@pytest.mark.parametrize("given", [5, ["name"], b"name"])
def test_a_name_that_is_neither_template_nor_function_is_refused_at_once(given: Any) -> None:
    with pytest.raises(TypeError, match="flow_run_name"):
        flow(lambda: None, flow_run_name=given)
    with pytest.raises(TypeError, match="task_run_name"):
        task(lambda: None, task_run_name=given)


# --- Task runs -------------------------------------------------------------------------------------------------


def test_a_task_run_outside_a_flow_has_the_name_of_its_task(colour, recorded) -> None:
    assert colour.run(colour.task(task_run_name, name="my task")) == "my task"
    assert recorded.task_run().name == "my task"


def test_a_task_run_in_a_flow_adds_three_letters_to_the_name_of_its_task(colour, recorded) -> None:
    named = colour.task(task_run_name, name="my task")

    @colour.flow
    def naming() -> list[str]:
        return [named.submit().result() for _ in range(3)]

    names = colour.run(naming)
    assert all(re.fullmatch(r"my task-[0-9a-f]{3}", name) for name in names)
    assert names == [run.name for run in recorded.task_runs()]


def test_a_task_run_is_told_from_its_siblings_by_its_dynamic_key(recorded) -> None:
    named = task(task_run_name, name="t")

    @flow
    def naming() -> None:
        for _ in range(20):
            named()

    naming()
    runs = recorded.task_runs()
    assert len({run.dynamic_key for run in runs}) == 20
    assert len({run.task_key for run in runs}) == 1
    assert all(run.name == f"t-{run.dynamic_key[:3]}" for run in runs)


def test_a_task_run_name_template_is_filled_with_the_parameters(colour, recorded) -> None:
    named = colour.task(lambda a, b=2: task_run_name(), task_run_name="t-{a}-{b}")
    assert colour.run(named, 1) == "t-1-2"
    assert colour.run(colour.flow(lambda: named.submit(3).result())) == "t-3-2"
    assert colour.run(colour.flow(lambda: named.map([4, 5]).result())) == ["t-4-2", "t-5-2"]
    assert sorted(run.name for run in recorded.task_runs()) == ["t-1-2", "t-3-2", "t-4-2", "t-5-2"]


def test_a_task_run_name_template_sees_results_in_place_of_futures(recorded) -> None:
    @task(task_run_name="t-{a}")
    def named(a: Any) -> int:
        return 7

    @flow
    def naming() -> None:
        named.submit(named.submit("x")).wait()

    naming()
    assert [run.name for run in recorded.task_runs()] == ["t-x", "t-7"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (lambda: "plain", "plain"),
        (lambda parameters: f"with {parameters}", "with {'a': 1, 'b': 2}"),
        (lambda: f"{runtime.task_run.task_name} {runtime.task_run.parameters['a']}", "named 1"),
    ],
)
def test_a_function_names_task_runs_with_or_without_the_parameters(colour, name, expected) -> None:
    named = colour.task(lambda a, b=2: task_run_name(), name="named", task_run_name=name)
    assert colour.run(named, 1) == expected
    assert colour.run(colour.flow(lambda: named.submit(1).result())) == expected


def test_a_task_run_name_that_mentions_an_unknown_parameter_fails_the_run(colour, recorded) -> None:
    named = colour.task(lambda a: None, name="named", task_run_name="t-{nobody}")
    with pytest.raises(Exception, match="nobody"):
        colour.run(named, 1)
    with pytest.raises(Exception, match="nobody"):
        colour.run(colour.flow(lambda: named.submit(1).result()))
    assert [run.state_name for run in recorded.task_runs()] == ["Failed", "Failed"]


def test_a_function_that_raises_instead_of_naming_the_task_run_fails_it(colour, recorded) -> None:
    def name() -> str:
        raise LookupError("no name today")

    with pytest.raises(LookupError, match="no name today"):
        colour.run(colour.task(lambda: None, task_run_name=name))
    assert recorded.task_run().state_name == "Failed"


# --- Flows and tasks -------------------------------------------------------------------------------------------


def test_flows_and_tasks_are_named_after_their_functions() -> None:
    def some_function() -> None: ...

    assert (flow(some_function).name, task(some_function).name) == ("some-function", "some_function")
    assert flow(some_function, name="Some Other Name").name == "Some Other Name"


@pytest.mark.parametrize("character", list("/%&<>"))
def test_flow_names_that_would_break_addresses_are_refused(character: str) -> None:
    from headrace.exceptions import InvalidNameError

    with pytest.raises(InvalidNameError, match=re.escape(character)):
        flow(lambda: None, name=f"a{character}b")


def test_names_that_are_no_strings_are_refused() -> None:
    with pytest.raises(TypeError, match="name"):
        flow(lambda: None, name=5)

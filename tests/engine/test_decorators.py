"""`@flow` and `@task` as definitions: what they keep of the function, their options, and `with_options`."""

from __future__ import annotations

import functools
import inspect
from datetime import timedelta
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from headrace import Flow, Task, flow, task
from headrace.cache_policies import INPUTS, NO_CACHE
from headrace.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from headrace.tasks import exponential_backoff


def documented(a: int, *args: str, b: float = 2.0, **kwargs: Any) -> str:
    """Says something.

    At length.
    """
    return f"{a} {b}"


# --- What is kept of the function ------------------------------------------------------------------------------


@pytest.mark.parametrize(("decorate", "kind"), [(flow, Flow), (task, Task)])
def test_decorators_work_with_and_without_parentheses(decorate, kind) -> None:
    @decorate
    def bare() -> int:
        return 1

    @decorate()
    def with_parentheses() -> int:
        return 2

    @decorate(name="named")
    def with_options() -> int:
        return 3

    definitions = (bare, with_parentheses, with_options)
    assert all(isinstance(definition, kind) for definition in definitions)
    names = [definition.name.replace("-", "_") for definition in definitions]
    assert names == ["bare", "with_parentheses", "named"]
    assert [definition() for definition in definitions] == [1, 2, 3]


@pytest.mark.parametrize(("decorate", "kind"), [(flow, Flow), (task, Task)])
def test_a_definition_can_be_made_by_its_class(decorate, kind) -> None:
    made = kind(documented, name="made", retries=2)
    assert (made.name, made.retries, made(1)) == ("made", 2, "1 2.0")


@pytest.mark.parametrize("decorate", [flow, task])
def test_a_definition_looks_like_its_function(decorate) -> None:
    decorated = decorate(documented)
    assert inspect.signature(decorated) == inspect.signature(documented)
    for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
        assert getattr(decorated, attribute) == getattr(documented, attribute)
    assert decorated.__wrapped__ is decorated.fn is documented
    assert callable(decorated)
    assert "Says something." in (inspect.getdoc(decorated) or "")


@pytest.mark.parametrize("decorate", [flow, task])
def test_the_description_is_the_docstring_unless_given(decorate) -> None:
    assert decorate(documented).description == inspect.getdoc(documented)
    assert decorate(documented, description="Short.").description == "Short."
    assert decorate(lambda: None).description is None


@pytest.mark.parametrize("decorate", [flow, task])
def test_definitions_know_the_colour_of_their_function(decorate) -> None:
    async def coroutine() -> None: ...

    def generator() -> Any:
        yield

    async def async_generator() -> Any:
        yield

    seen = [
        (decorate(fn).isasync, decorate(fn).isgenerator)
        for fn in (documented, coroutine, generator, async_generator)
    ]
    assert seen == [(False, False), (True, False), (False, True), (True, True)]


@pytest.mark.parametrize("decorate", [flow, task])
@pytest.mark.parametrize("given", [5, "text", None])
def test_what_is_not_callable_cannot_be_decorated(decorate, given: Any) -> None:
    if given is not None:
        with pytest.raises(TypeError, match="callable"):
            decorate(given)
    with pytest.raises(TypeError, match="callable"):
        (Flow if decorate is flow else Task)(given)


@pytest.mark.parametrize("decorate", [flow, task])
def test_unknown_options_are_refused_by_name(decorate) -> None:
    with pytest.raises(TypeError, match="colour"):
        decorate(colour="red")(documented)
    with pytest.raises(TypeError, match="colour"):
        decorate(documented).with_options(colour="red")


@pytest.mark.parametrize("decorate", [flow, task])
@pytest.mark.parametrize("hooks", [print, 5, [5], "text", [print, None]])
def test_hooks_that_are_no_list_of_functions_are_refused(decorate, hooks: Any) -> None:
    for option in ("on_completion", "on_failure", "on_running"):
        with pytest.raises(TypeError, match=option):
            decorate(documented, **{option: hooks})


def test_decorated_functions_may_have_other_decorators_inside() -> None:
    def doubled(fn: Any) -> Any:
        @functools.wraps(fn)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return 2 * fn(*args, **kwargs)

        return wrapper

    @task
    @doubled
    def add(a: int, b: int = 1) -> int:
        return a + b

    assert add(1, b=2) == 6
    assert list(inspect.signature(add).parameters) == ["a", "b"]


def test_a_partial_function_can_be_a_task() -> None:
    add = task(functools.partial(lambda a, b: a + b, 1), name="add one")
    assert add(2) == 3


@pytest.mark.parametrize("decorate", [flow, task])
def test_definitions_can_be_pickled(decorate) -> None:
    loaded = cloudpickle.loads(cloudpickle.dumps(decorate(lambda a: a + 1, name="pickled", retries=2)))
    assert (loaded.name, loaded.retries, loaded(1)) == ("pickled", 2, 2)


def test_definitions_are_hashable_and_equal_to_themselves_only() -> None:
    one, two = task(documented), task(documented)
    assert len({one, two, one}) == 2


# --- Attributes ------------------------------------------------------------------------------------------------


def test_a_flow_has_its_options_as_attributes_with_these_defaults() -> None:
    made = flow(documented)
    expected = {
        "name": "documented",
        "flow_run_name": None,
        "log_prints": None,
        "isasync": False,
        "isgenerator": False,
        "timeout_seconds": None,
        "retries": 0,
        "retry_delay_seconds": 0,
        "should_validate_parameters": True,
        "persist_result": None,
        "result_storage": None,
        "result_serializer": None,
        "cache_result_in_memory": True,
        "on_completion_hooks": [],
        "on_failure_hooks": [],
        "on_cancellation_hooks": [],
        "on_crashed_hooks": [],
        "on_running_hooks": [],
    }
    assert {name: getattr(made, name) for name in expected} == expected
    assert isinstance(made.task_runner, ThreadPoolTaskRunner)
    assert isinstance(made.version, str)
    assert made.fn is documented


def test_a_task_has_its_options_as_attributes_with_these_defaults() -> None:
    made = task(documented)
    expected = {
        "name": "documented",
        "version": None,
        "tags": set(),
        "task_run_name": None,
        "log_prints": None,
        "isasync": False,
        "isgenerator": False,
        "timeout_seconds": None,
        "retries": 0,
        "retry_delay_seconds": 0,
        "retry_jitter_factor": None,
        "retry_condition_fn": None,
        "persist_result": None,
        "result_storage": None,
        "result_serializer": None,
        "result_storage_key": None,
        "cache_result_in_memory": True,
        "cache_key_fn": None,
        "cache_expiration": None,
        "refresh_cache": None,
        "viz_return_value": None,
        "on_completion_hooks": [],
        "on_failure_hooks": [],
        "on_running_hooks": [],
        "on_commit_hooks": [],
        "on_rollback_hooks": [],
    }
    assert {name: getattr(made, name) for name in expected} == expected
    assert made.task_key.startswith("documented-")
    assert "return f" in made.source_code
    assert made.fn is documented


def test_task_keys_tell_tasks_of_one_name_apart() -> None:
    assert task(lambda: 1, name="same").task_key != task(lambda: 2, name="same").task_key
    assert task(documented).task_key == task(documented).task_key


@pytest.mark.parametrize(
    ("given", "kept"),
    [(0, 0), (2.5, 2.5), ([1, 2], [1, 2]), (exponential_backoff(2), [2, 4, 8]), (lambda n: [n], [3])],
)
def test_delays_of_task_retries_are_worked_out_at_once(given: Any, kept: Any) -> None:
    assert task(documented, retries=3, retry_delay_seconds=given).retry_delay_seconds == kept


def test_a_task_runner_may_be_given_as_a_class() -> None:
    assert isinstance(flow(documented, task_runner=ThreadPoolTaskRunner).task_runner, ThreadPoolTaskRunner)
    runner = ProcessPoolTaskRunner(max_workers=2)
    assert flow(documented, task_runner=runner).task_runner is runner


@pytest.mark.parametrize("given", [5, "threads", dict])
def test_what_is_no_task_runner_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="task_runner"):
        flow(documented, task_runner=given)


# --- with_options ----------------------------------------------------------------------------------------------

KEEP = object()
"""None leaves the option as it is."""


def first(*_: Any) -> Any: ...


def second(*_: Any) -> Any: ...


SHARED = [
    ("name", "name", "one", "two", KEEP),
    ("description", "description", "one", "two", KEEP),
    ("timeout_seconds", "timeout_seconds", 1.0, 2.0, KEEP),
    ("cache_result_in_memory", "cache_result_in_memory", False, True, KEEP),
    ("on_completion", "on_completion_hooks", [first], [second], KEEP),
    ("on_failure", "on_failure_hooks", [first], [second], KEEP),
    ("on_running", "on_running_hooks", [first], [second], KEEP),
    ("persist_result", "persist_result", True, False, None),
    ("result_storage", "result_storage", Path("one"), Path("two"), None),
    ("result_serializer", "result_serializer", "json", "pickle", None),
    ("log_prints", "log_prints", True, False, None),
]
OF_FLOWS = [
    *SHARED,
    ("version", "version", "1", "2", KEEP),
    ("flow_run_name", "flow_run_name", "one", first, KEEP),
    ("retries", "retries", 1, 0, KEEP),
    ("retry_delay_seconds", "retry_delay_seconds", 1, 0, KEEP),
    ("validate_parameters", "should_validate_parameters", False, True, KEEP),
    ("on_cancellation", "on_cancellation_hooks", [first], [second], KEEP),
    ("on_crashed", "on_crashed_hooks", [first], [second], KEEP),
    ("task_runner", "task_runner", ThreadPoolTaskRunner(2), ThreadPoolTaskRunner(3), KEEP),
]
OF_TASKS = [
    *SHARED,
    ("tags", "tags", {"one"}, {"two", "three"}, KEEP),
    ("task_run_name", "task_run_name", "one", first, None),
    ("retries", "retries", 1, 0, 0),
    ("retry_delay_seconds", "retry_delay_seconds", 1, [2, 3], 0),
    ("retry_jitter_factor", "retry_jitter_factor", 0.5, 1.5, None),
    ("retry_condition_fn", "retry_condition_fn", first, second, KEEP),
    ("cache_policy", "cache_policy", INPUTS, NO_CACHE, ...),
    ("cache_key_fn", "cache_key_fn", first, second, KEEP),
    ("cache_expiration", "cache_expiration", timedelta(1), timedelta(2), KEEP),
    ("refresh_cache", "refresh_cache", True, False, None),
    ("result_storage_key", "result_storage_key", "one", "two", None),
    ("viz_return_value", "viz_return_value", 1, 2, KEEP),
]
CASES = [
    pytest.param(kind, *case, id=f"{kind.__name__}-{case[0]}")
    for kind, cases in ((Flow, OF_FLOWS), (Task, OF_TASKS))
    for case in cases
]


@pytest.mark.parametrize(("kind", "option", "attribute", "one", "other", "after_none"), CASES)
def test_with_options_changes_one_option_of_a_copy(kind, option, attribute, one, other, after_none) -> None:
    original = kind(documented, **{option: one})
    changed = original.with_options(**{option: other})
    assert getattr(original, attribute) == one
    assert getattr(changed, attribute) == other
    assert type(changed) is kind
    assert changed.fn is documented


@pytest.mark.parametrize(("kind", "option", "attribute", "one", "other", "after_none"), CASES)
def test_with_options_keeps_what_is_not_given(kind, option, attribute, one, other, after_none) -> None:
    original = kind(documented, **{option: one})
    copied = original.with_options()
    assert copied is not original
    assert getattr(copied, attribute) == one


@pytest.mark.parametrize(("kind", "option", "attribute", "one", "other", "after_none"), CASES)
def test_with_options_none_keeps_an_option_or_sets_it_back(
    kind, option, attribute, one, other, after_none
) -> None:
    if after_none is not ...:
        changed = kind(documented, **{option: one}).with_options(**{option: None})
        assert getattr(changed, attribute) == (one if after_none is KEEP else after_none)


def test_with_options_keeps_signature_and_binding() -> None:
    changed = task(documented).with_options(retries=3)
    assert inspect.signature(changed) == inspect.signature(documented)
    assert (changed(1, b=3.0), changed.retries) == ("1 3.0", 3)


def test_with_options_takes_effect_on_runs(colour, recorded) -> None:
    attempts: list[int] = []

    def flaky() -> int:
        attempts.append(1)
        if len(attempts) < 2:
            raise ValueError("again")
        return len(attempts)

    original = colour.task(flaky)
    assert colour.run(original.with_options(retries=1, name="patient", tags=["t"])) == 2
    run = recorded.task_run()
    assert (run.name, run.tags, run.run_count) == ("patient", ["t"], 2)


def test_options_of_copies_can_be_changed_again_and_again() -> None:
    changed = (
        flow(documented, retries=1)
        .with_options(name="two")
        .with_options(retries=5)
        .with_options(description="x")
    )
    assert (changed.name, changed.retries, changed.description) == ("two", 5, "x")

"""Bad input: a clear error or warning that names the culprit; the record stays consistent and nothing of it is lost."""

from __future__ import annotations

import asyncio
import threading

import pytest

from headrace import flow, task
from headrace.exceptions import HeadraceException, InvalidNameError, ReservedArgumentError
from headrace.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

DEPTH = 2000
HUGE = 50_000_000


def nested(depth: int) -> list:
    """Lists in lists, `depth` deep."""
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


def own_member() -> list:
    """A list that contains itself."""
    value: list = []
    value.append(value)
    return value


class Hostile:
    """An object that resists whatever is done with it."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no eq")

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise RuntimeError("no bool")

    def __reduce_ex__(self, protocol):
        raise RuntimeError("no pickle")


# --- What is decorated, and with which options -----------------------------------------------------------------


@pytest.mark.parametrize("decorate", [flow, task], ids=["flow", "task"])
@pytest.mark.parametrize("thing", [3, "name", [1]])
def test_what_cannot_be_called_cannot_be_decorated(decorate, thing):
    with pytest.raises(TypeError, match="callable"):
        decorate(thing)


@pytest.mark.parametrize("decorate", [flow, task], ids=["flow", "task"])
@pytest.mark.parametrize("name", ["return_state", "wait_for"])
def test_reserved_parameter_names_are_refused(decorate, name):
    namespace: dict = {}
    exec(f"def reserving({name}): pass", namespace)

    with pytest.raises(ReservedArgumentError, match=name):
        decorate(namespace["reserving"])


@pytest.mark.parametrize("name", ["a/b", "50%", "a&b", "<a", "a>"])
def test_names_that_break_addresses_are_refused(name):
    with pytest.raises(InvalidNameError, match="must not contain"):
        flow(lambda: None, name=name)


@pytest.mark.parametrize("decorate", [flow, task], ids=["flow", "task"])
def test_a_name_must_be_text(decorate):
    with pytest.raises(TypeError, match="name"):
        decorate(lambda: None, name=3)


@pytest.mark.parametrize("decorate", [flow, task], ids=["flow", "task"])
def test_an_option_that_does_not_exist_is_refused_by_name(decorate):
    with pytest.raises(TypeError, match="nonsense"):
        decorate(lambda: None, nonsense=1)
    with pytest.raises(TypeError, match="nonsense"):
        decorate(nonsense=1)(lambda: None)


@pytest.mark.parametrize("decorate", [flow, task], ids=["flow", "task"])
@pytest.mark.parametrize("hooks", [3, [3], lambda *_: None], ids=["number", "list of numbers", "function"])
@pytest.mark.parametrize("option", ["on_completion", "on_failure", "on_running"])
def test_hooks_must_be_a_list_of_functions(decorate, hooks, option):
    with pytest.raises(TypeError, match=option):
        decorate(lambda: None, **{option: hooks})


def test_a_task_runner_must_be_one():
    with pytest.raises(TypeError, match="task_runner"):
        flow(lambda: None, task_runner=3)
    with pytest.raises((TypeError, ValueError), match="max_workers"):
        ThreadPoolTaskRunner(max_workers=0)
    with pytest.raises((TypeError, ValueError), match="max_workers"):
        ProcessPoolTaskRunner(max_workers="two")


def test_a_cache_key_function_must_be_one():
    with pytest.raises(TypeError, match="cache_key_fn"):
        task(lambda: None, cache_key_fn=3)


# --- Functions of the user's that raise ------------------------------------------------------------------------


def test_a_cache_key_function_that_raises_is_logged_and_the_task_runs_uncached(colour, recorded):
    def broken_key(context, parameters):
        raise LookupError("no key")

    calls = []
    a_task = colour.task(lambda: calls.append(1) or "ran", cache_key_fn=broken_key)

    assert colour.run(colour.flow_calling(a_task)) == "ran"
    assert colour.run(colour.flow_calling(a_task)) == "ran"

    assert len(calls) == 2
    assert {run.state_name for run in recorded.task_runs()} == {"Completed"}
    complaints = [line.message for line in recorded.logs() if line.level >= 30]
    assert len(complaints) == 2
    assert "cache key" in complaints[0]
    assert "LookupError: no key" in complaints[0]


def test_a_cache_key_that_is_no_text_fails_the_run_and_says_so(colour, recorded):
    a_task = colour.task(lambda: None, cache_key_fn=lambda context, parameters: 3)

    with pytest.raises(Exception, match="cache"):
        colour.run(colour.flow_calling(a_task))

    assert recorded.task_run().state_type.value == "FAILED"


@pytest.mark.parametrize("kind", ["flow", "task"])
@pytest.mark.parametrize("option", ["on_running", "on_completion"])
def test_a_hook_that_raises_is_logged_and_the_run_goes_on(colour, recorded, kind, option):
    called = []

    def broken_hook(*_) -> None:
        called.append("broken")
        raise RuntimeError("the hook broke")

    def next_hook(*_) -> None:
        called.append("next")

    hooks = {option: [broken_hook, next_hook]}
    a_task = colour.task(lambda: "ran", **(hooks if kind == "task" else {}))
    assert colour.run(colour.flow_calling(a_task, **(hooks if kind == "flow" else {}))) == "ran"

    assert called == ["broken", "next"]
    assert recorded.flow_run().state_name == recorded.task_run().state_name == "Completed"
    (complaint,) = [line.message for line in recorded.logs() if line.level == 40]
    assert "'broken_hook'" in complaint
    assert "RuntimeError: the hook broke" in complaint


@pytest.mark.parametrize("kind", ["flow", "task"])
def test_a_failure_hook_that_raises_does_not_hide_the_failure(colour, recorded, kind):
    def broken_hook(*_) -> None:
        raise RuntimeError("the hook broke")

    def failing() -> None:
        raise ValueError("the failure")

    hooks = {"on_failure": [broken_hook]}
    a_task = colour.task(failing, **(hooks if kind == "task" else {}))
    with pytest.raises(ValueError, match="the failure"):
        colour.run(colour.flow_calling(a_task, **(hooks if kind == "flow" else {})))

    assert recorded.flow_run().state_name == recorded.task_run().state_name == "Failed"


@pytest.mark.parametrize("kind", ["flow", "task"])
def test_a_run_name_function_that_raises_leaves_no_run_unfinished(colour, recorded, kind):
    def broken_name() -> str:
        raise RuntimeError("no name")

    naming = {f"{kind}_run_name": broken_name}
    a_task = colour.task(lambda: None, **(naming if kind == "task" else {}))
    with pytest.raises(Exception, match="no name"):
        colour.run(colour.flow_calling(a_task, **(naming if kind == "flow" else {})))

    runs = [*recorded.flow_runs(), *recorded.task_runs()] if recorded.path.exists() else []
    assert {run.state_type.value for run in runs} <= {"FAILED", "CRASHED"}


def test_an_error_that_cannot_be_shown_is_recorded_all_the_same(colour, recorded):
    class Unspeakable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

        __repr__ = __str__

    def failing() -> None:
        raise Unspeakable

    failing_flow = colour.flow_calling(colour.task(failing))

    async def caught() -> None:
        # Not around `asyncio.run`: it may want to show what it raises, and then its own clean-up fails.
        with pytest.raises(Unspeakable):
            await failing_flow()

    if colour.is_async:
        asyncio.run(caught())
    else:
        with pytest.raises(Unspeakable):
            failing_flow()

    assert recorded.flow_run().state_name == recorded.task_run().state_name == "Failed"
    assert "Unspeakable" in recorded.states(recorded.task_run())[-1].message


# --- Values that are hard to record ----------------------------------------------------------------------------

AWKWARD = {
    "lock": threading.Lock,
    "surrogate": lambda: "half a pair \ud800",
    "not a number": lambda: float("nan"),
    "huge integer": lambda: 10**400,
    "contains itself": own_member,
    "hostile": Hostile,
    "keys of all kinds": lambda: {1: 2, None: 3, (4, 5): 6, "\udc00": 7},
    "bytes": lambda: b"\xff\x00",
    "lambda": lambda: lambda: None,
    "class": lambda: Hostile,
    "generator": lambda: (number for number in range(3)),
    "deep": lambda: nested(DEPTH),
}


@pytest.mark.parametrize("make", AWKWARD.values(), ids=AWKWARD)
@pytest.mark.parametrize("kind", ["flow", "task"])
def test_an_awkward_parameter_reaches_the_code_or_is_refused_by_name(colour, recorded, kind, make):
    given = make()
    received = []

    def taking(awkward) -> None:
        received.append(awkward)

    calling = colour.flow(taking) if kind == "flow" else colour.flow_calling(colour.task(taking), given)
    arguments = [given] if kind == "flow" else []
    refusal = None
    try:
        colour.run(calling, *arguments)
    except HeadraceException as error:
        refusal = error

    if refusal is None:
        (arrived,) = received
        assert type(arrived) is type(given)
    else:
        assert "awkward" in str(refusal)
        assert received == []

    runs = [*recorded.flow_runs(), *recorded.task_runs()] if recorded.path.exists() else []
    assert {run.state_type.value for run in runs} == ({"COMPLETED"} if received else {"FAILED"})


@pytest.mark.parametrize("make", AWKWARD.values(), ids=AWKWARD)
def test_an_awkward_result_reaches_the_caller(colour, recorded, make):
    result = make()

    given_back = colour.run(colour.flow_calling(colour.task(lambda: result)))

    assert type(given_back) in (type(result), list)
    assert recorded.flow_run().state_name == recorded.task_run().state_name == "Completed"


def test_a_deep_structure_may_hold_a_future_at_its_bottom(recorded):
    one = task(lambda: 1, name="one")

    @task
    def dig(value) -> int:
        while isinstance(value, list):
            (value,) = value
        return value

    @flow
    def digging() -> int:
        value = one.submit()
        for _ in range(DEPTH):
            value = [value]
        return dig(value)

    assert digging() == 1


@pytest.mark.parametrize(
    "make",
    [lambda: "x" * HUGE, lambda: bytes(HUGE), lambda: [1.5] * (HUGE // 8)],
    ids=["text", "bytes", "list"],
)
@pytest.mark.parametrize("kind", ["flow", "task"])
def test_a_parameter_of_fifty_megabytes_works_and_does_not_end_up_in_the_store(recorded, kind, make):
    def measuring(value) -> int:
        return len(value)

    value = make()
    if kind == "flow":
        assert flow(measuring)(value) == len(value)
    else:
        measured = task(measuring)
        assert flow(lambda: measured(value), name="calling")() == len(value)

    assert recorded.flow_run().state_name == "Completed"
    assert sum(file.stat().st_size for file in recorded.path.parent.glob("headrace.db*")) < 10_000_000


def test_a_huge_error_message_is_recorded_and_the_run_fails_as_usual(colour, recorded):
    def failing() -> None:
        raise ValueError("x" * (HUGE // 10))

    with pytest.raises(ValueError):
        colour.run(colour.flow_calling(colour.task(failing)))

    assert recorded.flow_run().state_name == recorded.task_run().state_name == "Failed"

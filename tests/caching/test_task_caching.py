"""Caching as users see it: which calls of a task call its function, and which take a result that is there."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from headrace import flow, task
from headrace.cache_policies import (
    DEFAULT,
    FLOW_PARAMETERS,
    INPUTS,
    NO_CACHE,
    RUN_ID,
    TASK_SOURCE,
    CachePolicy,
)
from headrace.filesystems import LocalFileSystem
from headrace.results import get_result_store
from headrace.states import Failed
from headrace.tasks import task_input_hash


def names(states: list[Any]) -> list[str]:
    return [state.name for state in states]


# --- What makes two calls the same -----------------------------------------------------------------------------


def test_calls_with_the_same_inputs_share_a_result(colour, calls):
    @colour.task(cache_policy=INPUTS)
    def grind(x, y):
        calls.append(x)
        return {"flour": x}

    states = colour.call(grind, (1,), (1,), (2,), (1,))

    assert names(states) == ["Completed", "Cached", "Completed", "Cached"]
    assert [state.result() for state in states] == [{"flour": 1}, {"flour": 1}, {"flour": 2}, {"flour": 1}]
    assert calls == [1, 2]


def test_a_cached_state_reads_as_such(colour):
    grind = colour.task(cache_policy=INPUTS)(lambda x, y: x)

    _, cached = colour.call(grind, (1,), (1,))

    assert cached.is_completed()
    assert str(cached) == "Cached(type=COMPLETED)"


def test_none_is_cached_like_any_other_result(colour, calls):
    grind = colour.task(cache_policy=INPUTS)(lambda x, y: calls.append(x))

    assert names(colour.call(grind, (1,), (1,))) == ["Completed", "Cached"]


def test_flow_runs_share_results_by_inputs_but_not_by_run(colour, calls):
    by_inputs = colour.task(cache_policy=INPUTS)(lambda x, y: calls.append("inputs"))
    by_run = colour.task(cache_policy=RUN_ID)(lambda x, y: calls.append("run"))
    for _ in range(2):
        colour.call(by_inputs, (1,), (1,))
        colour.call(by_run, (1,), (2,))

    assert calls == ["inputs", "run", "run"]


def test_an_argument_can_be_left_out_of_the_key(colour, calls):
    @colour.task(cache_policy=INPUTS - "y")
    def grind(x, y):
        calls.append((x, y))

    assert names(colour.call(grind, (1, "a"), (1, "b"), (2, "b"))) == ["Completed", "Cached", "Completed"]


def test_other_source_is_another_task(colour, calls):
    # Tasks whose functions are one text have one source.
    def grind(x):
        calls.append("grind")

    def sift(x):
        calls.append("sift")

    for fn in (grind, sift, grind):
        flow(lambda fn=fn: task(fn, cache_policy=INPUTS + TASK_SOURCE)(1))()

    assert calls == ["grind", "sift"]


def test_the_parameters_of_the_flow_can_be_the_key(calls):
    @task(cache_policy=FLOW_PARAMETERS)
    def grind(x):
        calls.append(x)

    @flow
    def mill(day):
        grind(1)
        grind(2)

    for day in ("monday", "monday", "tuesday"):
        mill(day)

    assert calls == [1, 1]


def test_by_default_a_task_that_keeps_its_result_is_cached_within_the_run(colour, calls):
    grind = colour.task(persist_result=True)(lambda x, y: calls.append(x))

    for _ in range(2):
        assert names(colour.call(grind, (1,), (1,), (2,))) == ["Completed", "Cached", "Completed"]


def test_by_default_a_task_that_keeps_nothing_is_not_cached(colour, home):
    grind = colour.task()(lambda x, y: x)

    assert names(colour.call(grind, (1,), (1,))) == ["Completed", "Completed"]
    assert not (home / "storage").exists()


def test_in_a_flow_that_keeps_results_tasks_are_cached_within_the_run(colour):
    grind = colour.task()(lambda x, y: x)

    assert names(colour.call(grind, (1,), (1,), persist_result=True)) == ["Completed", "Cached"]


@pytest.mark.parametrize(
    "options",
    [
        {"cache_policy": NO_CACHE},
        {"cache_policy": NO_CACHE, "persist_result": True},
        {"cache_policy": INPUTS, "persist_result": False},
    ],
)
def test_what_is_not_to_be_cached_is_not(colour, options):
    grind = colour.task(**options)(lambda x, y: x)

    assert names(colour.call(grind, (1,), (1,))) == ["Completed", "Completed"]


@pytest.mark.parametrize(
    "key_of",
    [task_input_hash, lambda context, parameters: f"{context.task.name}-{parameters['x']}"],
    ids=["inputs", "own"],
)
def test_a_function_makes_the_key(colour, calls, key_of):
    grind = colour.task(cache_key_fn=key_of)(lambda x, y: calls.append(x))

    assert names(colour.call(grind, (1,), (1,), (2,))) == ["Completed", "Cached", "Completed"]


def test_no_key_means_no_caching(colour):
    grind = colour.task(cache_key_fn=lambda context, parameters: None)(lambda x, y: x)

    assert names(colour.call(grind, (1,), (1,))) == ["Completed", "Completed"]


def test_policies_of_different_tasks_can_share_a_key(colour, calls):
    shared = CachePolicy.from_cache_key_fn(lambda context, parameters: "shared")
    grind = colour.task(cache_policy=shared)(lambda x, y: "ground")
    sift = colour.task(cache_policy=shared)(lambda x, y: "sifted")

    colour.call(grind, (1,))

    assert [state.result() for state in colour.call(sift, (1,))] == ["ground"]


def test_a_storage_key_is_a_cache_key(colour, home):
    grind = colour.task(result_storage_key="flour-{parameters[x]}")(lambda x, y: x)

    assert names(colour.call(grind, (1,), (1,), (2,))) == ["Completed", "Cached", "Completed"]
    assert sorted(file.name for file in (home / "storage").iterdir()) == ["flour-1", "flour-2"]


def test_a_failed_run_is_not_cached(colour, calls):
    @colour.task(cache_policy=INPUTS)
    def grind(x, y):
        calls.append(x)
        if len(calls) == 1:
            raise ValueError("no grain")

    assert names(colour.call(grind, (1,), (1,), (1,))) == ["Failed", "Completed", "Cached"]


def test_a_failed_state_that_a_task_returns_is_not_cached(colour, calls):
    @colour.task(cache_policy=INPUTS)
    def grind(x, y):
        calls.append(x)
        return Failed(message="no grain") if len(calls) == 1 else "flour"

    assert names(colour.call(grind, (1,), (1,), (1,))) == ["Failed", "Completed", "Cached"]


def test_a_retry_that_succeeds_is_cached(colour, calls):
    @colour.task(cache_policy=INPUTS, retries=1)
    def grind(x, y):
        calls.append(x)
        if len(calls) == 1:
            raise ValueError("no grain")

    assert names(colour.call(grind, (1,), (1,))) == ["Completed", "Cached"]


def test_tasks_outside_flows_are_cached(calls):
    @task(cache_policy=INPUTS)
    def grind(x):
        calls.append(x)
        return x

    assert [grind(1), grind(1)] == [1, 1]
    assert calls == [1]


def test_submitted_and_mapped_runs_are_cached(calls):
    @task(cache_policy=INPUTS)
    def grind(x):
        calls.append(x)
        return x * 10

    @flow
    def mill():
        first = grind.submit(1).result()
        return [first, grind.submit(1).result(), *grind.map([1, 2, 3]).result()]

    assert mill() == [10, 10, 10, 20, 30]
    assert sorted(calls) == [1, 2, 3]


def test_a_future_counts_as_its_result(calls):
    @task
    def harvest():
        return "rye"

    @task(cache_policy=INPUTS)
    def grind(x):
        calls.append(x)

    @flow
    def mill():
        grind("rye")
        grind.submit(harvest.submit()).wait()

    mill()

    assert calls == ["rye"]


# --- How long and where ----------------------------------------------------------------------------------------


def test_a_result_that_has_expired_is_computed_anew(colour, calls):
    grind = colour.task(cache_policy=INPUTS, cache_expiration=timedelta(seconds=0.2))(
        lambda x, y: calls.append(x)
    )
    colour.call(grind, (1,))

    deadline = time.monotonic() + 30
    while names(colour.call(grind, (1,))) == ["Cached"]:
        assert time.monotonic() < deadline

    assert calls == [1, 1]


def test_a_result_that_has_not_expired_is_taken(colour):
    grind = colour.task(cache_policy=INPUTS, cache_expiration=timedelta(days=1))(lambda x, y: x)

    assert names(colour.call(grind, (1,), (1,))) == ["Completed", "Cached"]


def test_refreshing_replaces_what_is_cached(colour, calls):
    @colour.task(cache_policy=INPUTS, refresh_cache=True)
    def grind(x, y):
        calls.append(x)
        return len(calls)

    refreshed = colour.call(grind, (1,), (1,))
    taken = colour.call(grind.with_options(refresh_cache=False), (1,))

    assert names(refreshed) == ["Completed", "Completed"]
    assert names(taken) == ["Cached"]
    assert taken[0].result() == 2


def test_keys_and_results_can_be_kept_apart(colour, tmp_path):
    policy = INPUTS.configure(key_storage=tmp_path / "keys")
    grind = colour.task(cache_policy=policy, result_storage=tmp_path / "results")(lambda x, y: x)

    assert names(colour.call(grind, (1,), (1,))) == ["Completed", "Cached"]
    assert [file.name for file in (tmp_path / "keys").iterdir()] == [
        file.name for file in (tmp_path / "results").iterdir()
    ]


@pytest.mark.parametrize("serializer", ["pickle", "json", "compressed/pickle", "compressed/json"])
def test_results_are_cached_with_every_serializer(colour, serializer):
    grind = colour.task(cache_policy=INPUTS, result_serializer=serializer)(lambda x, y: {"flour": [x]})

    states = colour.call(grind, (1,), (1,))

    assert names(states) == ["Completed", "Cached"]
    assert states[1].result() == {"flour": [1]}


def test_a_task_keeps_results_where_its_flow_does(colour, tmp_path):
    grind = colour.task(persist_result=True)(lambda x, y: x)

    colour.call(grind, (1,), result_storage=LocalFileSystem(tmp_path / "results"), result_serializer="json")

    assert len(list((tmp_path / "results").iterdir())) >= 1


def test_the_result_store_of_a_run_is_its_own(tmp_path):
    @task(result_storage=tmp_path / "task", cache_policy=NO_CACHE)
    def grind():
        get_result_store().write("flour", key="by-hand")

    @flow(result_storage=tmp_path / "flow")
    def mill():
        get_result_store().write("bread", key="by-hand")
        grind()

    mill()

    assert (tmp_path / "task" / "by-hand").exists()
    assert (tmp_path / "flow" / "by-hand").exists()


def test_a_result_that_is_gone_is_computed_anew(colour, calls, home):
    grind = colour.task(cache_policy=INPUTS)(lambda x, y: calls.append(x))
    colour.call(grind, (1,))
    for file in (home / "storage").iterdir():
        file.unlink()

    assert names(colour.call(grind, (1,))) == ["Completed"]
    assert calls == [1, 1]


def test_a_result_that_is_damaged_is_computed_anew(colour, calls, home):
    grind = colour.task(cache_policy=INPUTS)(lambda x, y: calls.append(x))
    colour.call(grind, (1,))
    for file in (home / "storage").iterdir():
        file.write_bytes(b"{damaged")

    assert names(colour.call(grind, (1,), (1,))) == ["Completed", "Cached"]
    assert calls == [1, 1]


# --- Inputs that cannot be part of a key -----------------------------------------------------------------------


@pytest.mark.parametrize("policy", [INPUTS, DEFAULT], ids=["INPUTS", "DEFAULT"])
def test_a_run_with_an_argument_that_cannot_be_hashed_is_not_cached(colour, calls, policy):
    grind = colour.task(cache_policy=policy)(lambda x, y: calls.append(x))
    gate = threading.Lock()

    assert names(colour.call(grind, (1, gate), (1, gate))) == ["Completed", "Completed"]


def test_a_key_function_that_raises_does_not_fail_the_run(colour):
    def key_of_grain(context, parameters):
        raise LookupError("no grain")

    grind = colour.task(cache_key_fn=key_of_grain)(lambda x, y: x)

    assert names(colour.call(grind, (1,), (1,))) == ["Completed", "Completed"]


def test_fifty_megabytes_can_be_an_argument(colour):
    grind = colour.task(cache_policy=INPUTS)(lambda x, y: len(x))
    grain = bytes(50_000_000)

    states = colour.call(grind, (grain,), (grain,))

    assert names(states) == ["Completed", "Cached"]

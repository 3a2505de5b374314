"""Whether a task's results are kept and cached, from its options and the settings."""

from __future__ import annotations

import logging
from datetime import timedelta
from types import SimpleNamespace

import pytest

from headrace.cache_policies import (
    DEFAULT,
    INPUTS,
    NO_CACHE,
    NONE,
    RUN_ID,
    CacheKeyFnPolicy,
    CompoundCachePolicy,
)
from headrace.core.annotations import NotSet
from headrace.core.durations import parse_duration
from headrace.results.persistence import persists_task, resolve_persistence
from headrace.settings import temporary_settings


def key_of_run(context, parameters):
    return "key"


KEY_FN_POLICY = CacheKeyFnPolicy(cache_key_fn=key_of_run)


@pytest.mark.parametrize(
    ("options", "persist", "policy"),
    [
        ({}, None, DEFAULT),
        ({"cache_policy": INPUTS}, True, INPUTS),
        ({"cache_policy": DEFAULT}, True, DEFAULT),
        ({"cache_policy": RUN_ID}, True, RUN_ID),
        ({"cache_policy": NO_CACHE}, None, NO_CACHE),
        ({"cache_policy": NONE}, None, NO_CACHE),
        ({"cache_policy": None}, None, None),
        ({"cache_key_fn": key_of_run}, True, KEY_FN_POLICY),
        ({"result_storage_key": "a-{parameters[x]}"}, True, None),
        ({"result_storage": "memory://results"}, True, DEFAULT),
        ({"result_serializer": "json"}, True, DEFAULT),
        ({"persist_result": True}, True, DEFAULT),
        ({"persist_result": True, "cache_policy": NO_CACHE}, True, NO_CACHE),
        ({"persist_result": False}, False, NO_CACHE),
        ({"persist_result": False, "result_serializer": "json"}, False, NO_CACHE),
        ({"persist_result": False, "result_storage_key": "a"}, False, NO_CACHE),
        ({"cache_policy": INPUTS, "result_storage_key": "a"}, True, None),
        ({"cache_key_fn": key_of_run, "result_storage_key": "a"}, True, None),
        ({"cache_policy": NO_CACHE, "result_storage_key": "a"}, True, NO_CACHE),
    ],
)
def test_options_decide_what_is_kept_and_cached(options, persist, policy, caplog):
    with caplog.at_level(logging.WARNING):
        found = resolve_persistence("load", **options)

    assert found == (persist, policy)
    assert not caplog.records


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """What is logged, though the program's own loggers do not hand it on to others."""
    for name in ("headrace", "prefect"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    caplog.set_level(logging.WARNING)
    return caplog


@pytest.mark.parametrize(
    "options", [{"cache_policy": INPUTS}, {"cache_policy": DEFAULT}, {"cache_key_fn": key_of_run}]
)
def test_not_keeping_results_wins_over_caching_with_a_warning(options, warnings):
    assert resolve_persistence("load", persist_result=False, **options) == (False, NO_CACHE)
    assert "Ignoring `cache_policy`" in warnings.text
    assert "'load'" in warnings.text


def test_a_cache_key_function_wins_over_a_policy_with_a_warning(warnings):
    assert resolve_persistence("load", cache_policy=INPUTS, cache_key_fn=key_of_run) == (True, KEY_FN_POLICY)
    assert "`cache_key_fn` will be used" in warnings.text


def test_settings_may_cache_only_what_names_a_policy():
    with temporary_settings({"tasks.default_no_cache": True}):
        assert resolve_persistence("load").cache_policy == NO_CACHE
        assert resolve_persistence("load", cache_policy=INPUTS).cache_policy == INPUTS
        assert resolve_persistence("load", cache_key_fn=key_of_run).cache_policy == KEY_FN_POLICY


def test_settings_may_turn_caching_off():
    with temporary_settings({"tasks.disable_caching": True}):
        assert resolve_persistence("load").cache_policy == NO_CACHE
        assert resolve_persistence("load", cache_policy=INPUTS) == (True, NO_CACHE)


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({"cache_policy": "INPUTS"}, TypeError, "`cache_policy`.*'INPUTS'"),
        ({"cache_key_fn": 3}, TypeError, "`cache_key_fn`.*3"),
        ({"result_storage_key": 3}, TypeError, "`result_storage_key`"),
        ({"result_storage": 3}, TypeError, "`result_storage`"),
        ({"result_storage": "nonsense"}, ValueError, "'nonsense'"),
        ({"result_serializer": 3}, TypeError, "`result_serializer`"),
        ({"result_serializer": "nonsense"}, ValueError, "'nonsense'"),
    ],
)
def test_options_that_cannot_be_used_are_refused_by_name(options, error, named):
    with pytest.raises(error, match=named):
        resolve_persistence("load", **options)


@pytest.mark.parametrize(
    ("of_task", "for_tasks", "around", "by_default", "kept"),
    [
        (True, False, False, False, True),
        (False, True, True, True, False),
        (None, True, False, False, True),
        (None, False, True, True, False),
        (None, None, True, False, True),
        (None, None, False, True, False),
        (None, None, None, True, True),
        (None, None, None, False, False),
    ],
)
def test_the_task_then_its_setting_then_the_run_around_it_then_the_default_decide(
    of_task, for_tasks, around, by_default, kept
):
    context = None if around is None else SimpleNamespace(persist_result=around)
    given = {"tasks.default_persist_result": for_tasks, "results.persist_by_default": by_default}
    with temporary_settings(given):
        assert persists_task(SimpleNamespace(persist_result=of_task), context) is kept


def test_not_set_is_the_same_as_leaving_it_out():
    assert resolve_persistence("load", cache_policy=NotSet) == resolve_persistence("load")
    assert isinstance(resolve_persistence("load").cache_policy, CompoundCachePolicy)


# --- Durations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("1 hour", 3_600),
        ("30 minutes", 1_800),
        ("2 days", 172_800),
        ("1 week", 604_800),
        ("90", 90),
        ("0.5", 0.5),
        ("1h30m", 5_400),
        ("1.5 hours", 5_400),
        ("1 hour, 30 minutes and 5 secs", 5_405),
        ("an hour", 3_600),
        ("  2 DAYS ", 172_800),
        (5, 5),
        (0.25, 0.25),
        (timedelta(minutes=3), 180),
    ],
)
def test_durations_are_read_as_people_write_them(given, seconds):
    assert parse_duration(given) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "given",
    ["", "hour", "1 month", "-1 hour", "1 hour ago", "soon", "nan", "inf", 0, -3, timedelta(0), 1e300],
)
def test_what_is_no_duration_is_refused_by_the_option_it_was_given_for(given):
    with pytest.raises(ValueError, match=r"`cache_for`"):
        parse_duration(given, "cache_for")


@pytest.mark.parametrize("given", [None, True, [1], b"1 hour"])
def test_what_can_be_no_duration_is_refused_with_examples(given):
    with pytest.raises(TypeError, match=r"`cache_for`.*'30 minutes'"):
        parse_duration(given, "cache_for")

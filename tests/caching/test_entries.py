"""A task run's place in the cache: found, looked up, kept and released, in both colours."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from headrace.cache_policies import DEFAULT, FLOW_PARAMETERS, INPUTS, NO_CACHE, CachePolicy
from headrace.engine import cache
from headrace.exceptions import ConfigurationError
from headrace.filesystems import NullFileSystem
from headrace.results import ResultRecord, ResultRecordMetadata, ResultStore
from headrace.settings import temporary_settings


def test_a_kept_result_is_found_by_the_next_run_of_the_same_key(runner, made_task, opened):
    first = opened(made_task())
    assert runner.lookup(first) == "compute"
    data = runner.keep(first, "flour")

    assert isinstance(data, ResultRecord)
    assert data.result == "flour"
    assert runner.lookup(opened(made_task())) == "flour"
    assert runner.lookup(opened(made_task(), {"x": 2})) == "compute"


def test_none_is_a_result_like_any_other(runner, made_task, opened):
    runner.keep(opened(made_task()), None)

    assert runner.lookup(opened(made_task())) is None


def test_a_run_without_a_key_is_kept_but_not_found(runner, home, made_task, opened):
    data = runner.keep(opened(made_task(NO_CACHE)), "flour")

    assert Path(data.metadata.storage_key).parent == home.resolve() / "storage"
    assert Path(data.metadata.storage_key).exists()
    assert runner.lookup(opened(made_task(NO_CACHE))) == "compute"


def test_a_result_is_found_until_it_expires(runner, made_task, opened):
    for hours, found in ((1, "flour"), (-1, "compute")):
        task = made_task(cache_expiration=timedelta(hours=hours))
        runner.keep(opened(task), "flour")

        assert runner.lookup(opened(task)) == found


@pytest.mark.parametrize("by", ["option", "setting"])
def test_refreshing_computes_and_replaces(runner, by, made_task, opened):
    runner.keep(opened(made_task()), "old flour")
    with temporary_settings({"tasks.refresh_cache": by == "setting"}):
        entry = opened(made_task(refresh_cache=True if by == "option" else None))
        assert runner.lookup(entry) == "compute"
        runner.keep(entry, "new flour")

    assert runner.lookup(opened(made_task())) == "new flour"


def test_the_option_to_refresh_wins_over_the_setting(runner, made_task, opened):
    runner.keep(opened(made_task()), "flour")
    with temporary_settings({"tasks.refresh_cache": True}):
        assert runner.lookup(opened(made_task(refresh_cache=False))) == "flour"


def test_keys_can_be_kept_apart_from_results(runner, tmp_path, made_task, opened):
    task = made_task(INPUTS.configure(key_storage=tmp_path / "keys"))
    entry = opened(task)
    runner.keep(entry, "flour")

    assert (tmp_path / "keys" / entry.key).exists()
    assert runner.lookup(opened(task)) == "flour"
    assert runner.lookup(opened(made_task())) == "compute"


def test_a_storage_key_is_a_cache_key(runner, home, made_task, opened):
    task = made_task(None, result_storage_key="flour-{parameters[x]}")
    runner.keep(opened(task), "flour")

    assert (home / "storage" / "flour-1").exists()
    assert runner.lookup(opened(task)) == "flour"
    assert runner.lookup(opened(task, {"x": 2})) == "compute"


def test_a_storage_key_with_no_cache_is_written_but_not_found(runner, home, made_task, opened):
    task = made_task(NO_CACHE, result_storage_key="flour")
    runner.keep(opened(task), "flour")

    assert (home / "storage" / "flour").exists()
    assert runner.lookup(opened(task)) == "compute"


def test_what_stays_out_of_memory_is_known_by_its_metadata_only(runner, made_task, opened):
    entry = opened(made_task(cache_result_in_memory=False))

    assert isinstance(runner.keep(entry, "flour"), ResultRecordMetadata)
    assert runner.lookup(opened(made_task())) == "flour"


def test_an_error_is_kept_but_never_found_as_a_result(runner, made_task, opened, logger):
    entry = opened(made_task())
    data = runner.run(cache.keep_uncached(entry, runner.port, ValueError("no grain"), logger))

    assert Path(data.metadata.storage_key).exists()
    assert runner.lookup(opened(made_task())) == "compute"


def test_a_flows_result_is_a_bare_file(runner, home, logger):
    store = ResultStore(metadata_storage=NullFileSystem(), serializer="json")
    data = runner.run(cache.keep_flow_result(store, runner.port, ["flour"], logger))

    assert Path(data.metadata.storage_key).read_bytes() == b'["flour"]'


# --- What goes wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"{damaged", b"\xff\xfe", b'{"metadata": null, "result": ""}'])
def test_a_damaged_result_is_computed_anew_with_a_warning(runner, caplog, home, content, made_task, opened):
    entry = opened(made_task())
    runner.keep(entry, "flour")
    (home / "storage" / entry.key).write_bytes(content)

    assert runner.lookup(opened(made_task())) == "compute"
    assert entry.key in caplog.text
    runner.keep(opened(made_task()), "new flour")
    assert runner.lookup(opened(made_task())) == "new flour"


def test_an_argument_that_cannot_be_hashed_is_named_and_the_run_is_not_cached(
    runner, caplog, made_task, opened
):
    entry = opened(made_task(DEFAULT), {"x": 1, "gate": threading.Lock()})

    assert entry.key is None
    assert "'gate'" in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert runner.lookup(entry) == "compute"


def test_a_deeply_nested_argument_is_named_and_the_run_is_not_cached(caplog, made_task, opened):
    deep: list[Any] = []
    for _ in range(2_000):
        deep = [deep]

    assert opened(made_task(), {"x": deep}).key is None
    assert "'x'" in caplog.text
    assert "nested too deeply" in caplog.text


def test_a_large_argument_makes_a_key(made_task, opened):
    assert opened(made_task(), {"x": bytes(50_000_000)}).key is not None


def test_a_key_function_that_raises_is_named_and_the_run_is_not_cached(caplog, made_task, opened):
    def key_of_grain(context, parameters):
        raise LookupError("no grain")

    entry = opened(made_task(CachePolicy.from_cache_key_fn(key_of_grain)))

    assert entry.key is None
    assert "Error encountered when computing cache key" in caplog.text
    assert "key_of_grain" in caplog.text
    assert "LookupError: no grain" in caplog.text


def test_a_key_that_is_no_text_is_refused_by_the_name_of_the_function(made_task, opened):
    with pytest.raises(TypeError, match=r"lambda.*'grind'.*returned 3"):
        opened(made_task(CachePolicy.from_cache_key_fn(lambda context, parameters: 3)))  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    "options", [{"result_storage_key": "../flour"}, {"result_storage_key": "{parameters[x]}/../../flour"}]
)
def test_a_storage_key_that_leads_out_of_storage_is_refused_before_the_run(options, made_task, opened):
    with pytest.raises(ValueError, match="outside of the base path"):
        opened(made_task(None, **options))


@pytest.mark.parametrize("template", ["{nonsense}", "{parameters[y]}", "{", "{flow_run.nonsense}"])
def test_a_storage_key_that_cannot_be_filled_in_is_refused_with_its_template(template, made_task, opened):
    with pytest.raises(ConfigurationError, match="result_storage_key"):
        opened(made_task(None, result_storage_key=template))


@pytest.mark.parametrize(
    ("options", "named"),
    [({"result_serializer": "nonsense"}, "nonsense"), ({"result_storage": "nonsense"}, "nonsense")],
)
def test_what_is_wrong_with_the_store_is_said_before_the_run(options, named, made_task, opened):
    with pytest.raises(ValueError, match=named):
        opened(made_task(**options))


def test_serializable_runs_need_a_lock_manager(made_task, opened):
    with pytest.raises(ConfigurationError, match=r"SERIALIZABLE.*lock manager"):
        opened(made_task(INPUTS.configure(isolation_level="SERIALIZABLE")))


def test_a_result_that_cannot_be_serialized_is_a_warning_and_stays_in_memory(
    runner, caplog, made_task, opened
):
    gate = threading.Lock()

    data = runner.keep(opened(made_task()), {"gate": gate})

    assert data.result == {"gate": gate}
    assert data.metadata is None
    assert "['gate']" in caplog.text
    assert runner.lookup(opened(made_task())) == "compute"


def test_a_result_that_cannot_be_written_is_a_warning_that_names_the_file(
    runner, caplog, tmp_path, made_task, opened
):
    (tmp_path / "a-file").write_text("in the way")
    task = made_task(result_storage=tmp_path / "a-file" / "results")

    data = runner.keep(opened(task), "flour")

    assert (data.result, data.metadata) == ("flour", None)
    assert "a-file" in caplog.text
    assert runner.lookup(opened(task)) == "compute"


def test_the_parameters_of_the_flow_around_a_task_can_be_its_key(made_task):
    task = made_task(FLOW_PARAMETERS)
    context: Any = SimpleNamespace(
        task=task, task_run=SimpleNamespace(id=uuid4(), flow_run_id=None), parameters={}
    )

    keys = [cache.compute_cache_key(task, context, {}, {"day": day}) for day in (1, 1, 2)]

    assert keys[0] == keys[1] != keys[2]
    assert cache.compute_cache_key(task, context, {}) is None

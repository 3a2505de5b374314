"""Runs that race for a cache key, in threads and in processes, and results that one process leaves to the next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace import flow, task
from headrace.cache_policies import (
    CachePolicy,
)
from headrace.locking.filesystem import FileSystemLockManager
from headrace.locking.memory import MemoryLockManager


@pytest.mark.parametrize("kind", ["memory", "filesystem"])
def test_serializable_runs_in_threads_compute_once(tmp_path, calls, kind):
    locks = (
        MemoryLockManager()
        if kind == "memory"
        else FileSystemLockManager(lock_files_directory=tmp_path / "locks")
    )
    both_asked = threading.Barrier(2)

    def key_of(context: Any, parameters: dict[str, Any]) -> str:
        both_asked.wait(60)
        return f"{tmp_path.name}-{kind}"

    policy = CachePolicy.from_cache_key_fn(key_of).configure(
        isolation_level="SERIALIZABLE", lock_manager=locks
    )

    @task(cache_policy=policy)
    def grind(x):
        calls.append(x)
        return "flour"

    @flow
    def mill():
        futures = [grind.submit(1), grind.submit(2)]
        return [future.result() for future in futures], [future.state.name for future in futures]

    results, states = mill(return_state=True).data.result

    assert results == ["flour", "flour"]
    assert sorted(states) == ["Cached", "Completed"]
    assert len(calls) == 1


RACING = """
import sys
from pathlib import Path
from {package} import flow, task
from {package}.cache_policies import INPUTS
from {package}.locking.filesystem import FileSystemLockManager

folder = Path(sys.argv[1])
locks = FileSystemLockManager(lock_files_directory=folder / "locks")

@task(cache_policy=INPUTS.configure(isolation_level="SERIALIZABLE", lock_manager=locks), result_storage=folder / "results")
def grind(x):
    print("computing", flush=True)
    sys.stdin.readline()
    return "flour"

@flow
def mill():
    print("starting", flush=True)
    state = grind(1, return_state=True)
    print(state.name, state.result(), flush=True)

mill()
"""


@pytest.fixture
def racing(start: Callable[..., Any], tmp_path: Path) -> list[Any]:
    """Two processes, of which the first is computing and the second waits for it."""
    source = RACING.format(package=flow.__module__.partition(".")[0])
    first = start(source, tmp_path)
    assert [first.stdout.readline() for _ in range(2)] == ["starting\n", "computing\n"]
    second = start(source, tmp_path)
    assert second.stdout.readline() == "starting\n"
    return [first, second]


def test_serializable_runs_in_processes_compute_once(racing):
    first, second = racing
    first.stdin.write("\n")
    first.stdin.flush()

    assert first.communicate()[0] == "Completed flour\n"
    assert second.communicate()[0] == "Cached flour\n"


def test_when_the_process_that_computes_is_killed_the_other_computes(racing):
    first, second = racing
    first.kill()

    assert second.communicate("\n")[0] == "computing\nCompleted flour\n"


# --- Across processes ------------------------------------------------------------------------------------------

COSTLY = """
from datetime import timedelta
from {package} import flow, task
from {package}.cache_policies import INPUTS
from {package}.tasks import task_input_hash

@task({options})
def costly(numbers, label):
    print("computed")
    return {{"sum": sum(numbers)}}

@flow
def main():
    return costly({{1, 2, 39}}, label="sum")

print(main())
"""


@pytest.mark.parametrize(
    "options",
    [
        "cache_policy=INPUTS, cache_expiration=timedelta(days=1)",
        "cache_key_fn=task_input_hash, cache_expiration=timedelta(hours=1)",
        "cache_policy=INPUTS, result_serializer='compressed/json'",
        "result_storage_key='costly-{{parameters[label]}}'",
    ],
)
def test_a_second_process_takes_what_the_first_computed(run, options):
    source = COSTLY.format(
        package=flow.__module__.partition(".")[0], options=options.replace("{{", "{").replace("}}", "}")
    )

    first, second = run(source), run(source)

    assert first.stdout == "computed\n{'sum': 42}\n"
    assert second.stdout == "{'sum': 42}\n"
    assert "Finished in state Cached(type=COMPLETED)" in second.stderr
    assert "Finished in state Cached" not in first.stderr

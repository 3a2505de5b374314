"""What runs are told about themselves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace import flow, runtime, tags, task
from headrace.engine.addresses import api_link, ui_link
from headrace.runtime import deployment, flow_run, task_run

MODULES = [flow_run, task_run, deployment]


def facts(module: Any) -> dict[str, Any]:
    """Every attribute of a module of `headrace.runtime`."""
    return {name: getattr(module, name) for name in module.__all__}


@pytest.mark.parametrize("module", MODULES)
def test_outside_runs_every_fact_is_empty(module: Any) -> None:
    values = facts(module)
    values.pop("scheduled_start_time", None)
    assert set(map(repr, values.values())) <= {"None", "[]", "{}", "0"}


def test_outside_runs_the_scheduled_start_is_now() -> None:
    before = datetime.now(UTC)
    assert before <= flow_run.scheduled_start_time <= datetime.now(UTC)


@pytest.mark.parametrize("module", MODULES)
def test_modules_list_their_facts_and_have_no_others(module: Any) -> None:
    assert dir(module) == sorted(module.__all__) == sorted(module.FIELDS)
    with pytest.raises(AttributeError, match=r"headrace\.runtime\.\w+ has no attribute 'nope'; it has .*id"):
        module.nope


def test_a_flow_run_knows_its_facts() -> None:
    @flow(version="7")
    def numbers(y: int = 3) -> dict[str, Any]:
        return facts(runtime.flow_run)

    with tags("b", "a"):
        state = numbers(return_state=True)
    known = state.result()
    run_id = str(state.state_details.flow_run_id)
    assert known["id"] == known["root_flow_run_id"] == run_id
    assert (known["flow_name"], known["flow_version"]) == ("numbers", "7")
    assert (known["parameters"], known["tags"], known["run_count"]) == ({"y": 3}, ["a", "b"], 1)
    assert known["name"]
    assert abs((known["scheduled_start_time"] - datetime.now(UTC)).total_seconds()) < 60
    assert known["parent_flow_run_id"] is known["parent_deployment_id"] is None
    assert known["api_url"] is known["ui_url"] is None
    assert known["job_variables"] == {}


def test_a_task_run_knows_its_facts_and_those_of_its_flow_run() -> None:
    @task(tags=["own"])
    def add(x: int) -> tuple[dict[str, Any], str | None]:
        return facts(task_run), flow_run.id

    @flow
    def numbers() -> Any:
        called, submitted = add(1), add.submit(2).result()
        return called, submitted, flow_run.id

    with tags("a"):
        *runs, flow_run_id = numbers()
    for x, (known, seen) in enumerate(runs, 1):
        assert seen == flow_run_id
        assert known["id"]
        assert known["name"].startswith("add-")
        assert (known["task_name"], known["parameters"], known["run_count"]) == ("add", {"x": x}, 1)
        assert known["tags"] == ["a", "own"]


def test_task_run_counts_grow_with_retries() -> None:
    counts = []

    @task(retries=2)
    def flaky() -> None:
        counts.append(task_run.run_count)
        if len(counts) < 3:
            raise ValueError

    flaky()
    assert counts == [1, 2, 3]


def test_flow_run_counts_grow_with_retries() -> None:
    counts = []

    @flow(retries=2)
    def flaky() -> None:
        counts.append(flow_run.run_count)
        if len(counts) < 3:
            raise ValueError

    flaky()
    assert counts == [1, 2, 3]


def test_subflows_know_their_parent_and_root() -> None:
    @flow
    def leaf() -> tuple[str | None, ...]:
        return flow_run.id, flow_run.parent_flow_run_id, flow_run.root_flow_run_id

    @flow
    def middle() -> Any:
        return leaf(), flow_run.id, flow_run.parent_flow_run_id, flow_run.root_flow_run_id

    @task
    def in_a_task() -> Any:
        return leaf()

    @flow
    def root() -> Any:
        return middle(), in_a_task(), flow_run.id

    (leaf_facts, middle_id, middle_parent, middle_root), leaf_in_task, root_id = root()
    assert leaf_facts[1:] == (middle_id, root_id)
    assert (middle_parent, middle_root) == (root_id, root_id)
    assert leaf_in_task[1:] == (root_id, root_id)


def test_asynchronous_runs_know_their_own_facts() -> None:
    @task
    async def add(x: int) -> tuple[int, dict[str, Any]]:
        await asyncio.sleep(0)
        return x, task_run.parameters

    @flow
    async def numbers(start: int) -> Any:
        pairs = await asyncio.gather(*[add(start + step) for step in range(5)])
        assert flow_run.parameters == {"start": start}
        return pairs

    async def main() -> Any:
        return await asyncio.gather(numbers(0), numbers(100))

    for pairs in asyncio.run(main()):
        assert all(parameters == {"x": x} for x, parameters in pairs)


def test_threads_of_the_users_know_nothing() -> None:
    seen = []

    @flow
    def numbers() -> None:
        thread = threading.Thread(target=lambda: seen.append((flow_run.id, task_run.id)))
        thread.start()
        thread.join()

    numbers()
    assert seen == [(None, None)]


def test_facts_are_copies() -> None:
    @flow
    def numbers(y: int = 3) -> Any:
        flow_run.parameters["y"] = 4
        flow_run.tags.append("x")
        return flow_run.parameters, flow_run.tags

    assert numbers() == ({"y": 3}, [])


def test_a_task_outside_flows_has_no_flow_run() -> None:
    @task
    def alone() -> Any:
        return task_run.name, flow_run.id, flow_run.name, deployment.flow_run_id

    name, *nothing = alone()
    assert name.startswith("alone")
    assert nothing == [None, None, None]


def test_runs_are_found_at_the_api_and_on_the_web_page(configure: Callable[..., None]) -> None:
    configure(HEADRACE_API_URL="http://host:4200/api/")
    assert api_link("flow_runs", "1") == "http://host:4200/api/flow_runs/1"
    assert ui_link("flow-run", "1") == "http://host:4200/runs/flow-run/1"
    assert ui_link("flow-run", None) is None
    configure(PREFECT_UI_URL="https://page/")
    assert ui_link("task-run", "1") == "https://page/runs/task-run/1"

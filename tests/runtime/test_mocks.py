"""Variables of the environment that stand in for facts about the run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace import flow
from headrace.runtime import deployment, flow_run, task_run

MODULES = {"FLOW_RUN": flow_run, "TASK_RUN": task_run, "DEPLOYMENT": deployment}


@pytest.mark.parametrize("prefix", ["HEADRACE", "PREFECT"])
@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("FLOW_RUN__NAME", "my-run", "my-run"),
        ("FLOW_RUN__ID", "3", "3"),
        ("FLOW_RUN__RUN_COUNT", "3", 3),
        ("FLOW_RUN__TAGS", '["a", "b"]', ["a", "b"]),
        ("FLOW_RUN__PARAMETERS", '{"x": 1}', {"x": 1}),
        ("FLOW_RUN__SCHEDULED_START_TIME", "2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("FLOW_RUN__SCHEDULED_START_TIME", "2026-01-02 03:04", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
        ("FLOW_RUN__NOT_A_FACT", "made up", "made up"),
        ("TASK_RUN__NAME", "t-1", "t-1"),
        ("TASK_RUN__RUN_COUNT", "7", 7),
        ("DEPLOYMENT__VERSION", "1", "1"),
        ("DEPLOYMENT__NAME", "nightly", "nightly"),
    ],
)
def test_a_variable_stands_in(
    monkeypatch: pytest.MonkeyPatch, prefix: str, name: str, text: str, value: Any
) -> None:
    monkeypatch.setenv(f"{prefix}__RUNTIME__{name}", text)
    module, _, attribute = name.partition("__")
    assert getattr(MODULES[module], attribute.lower()) == value


def test_it_stands_in_inside_runs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    @flow
    def numbers(y: int) -> Any:
        return flow_run.name, flow_run.run_count, flow_run.parameters

    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__NAME", "my-run")
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__RUN_COUNT", "5")
    assert numbers(3) == ("my-run", 5, {"y": 3})


def test_of_two_variables_that_of_headrace_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__NAME", "theirs")
    monkeypatch.setenv("HEADRACE__RUNTIME__FLOW_RUN__NAME", "ours")
    assert flow_run.name == "ours"


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("RUN_COUNT", "x", "int"),
        ("TAGS", "a,b", "list"),
        ("PARAMETERS", "[1]", "dict"),
        ("SCHEDULED_START_TIME", "soon", "datetime"),
    ],
)
def test_a_variable_of_another_type_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, kind: str
) -> None:
    variable = f"HEADRACE__RUNTIME__FLOW_RUN__{name}"
    monkeypatch.setenv(variable, text)
    with pytest.raises(ValueError, match=f"{variable} is .*, but stands in for a value of type {kind}:"):
        getattr(flow_run, name.lower())


def test_a_process_started_for_a_flow_run_knows_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "0123")
    assert flow_run.id == "0123"
    assert flow_run.root_flow_run_id == "0123"

"""Our Structs have what the components of the REST API's OpenAPI document have; `rest_components.json` is its extract."""

from __future__ import annotations

import json
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, get_origin

import msgspec
import pytest

from headrace.core.states import StateType
from headrace.schema import (
    events,
    filters,
    flow_run_inputs,
    flows,
    graph,
    logs,
    orchestration,
    requests,
    responses,
    runs,
    saved_searches,
    sorting,
    states,
)
from headrace.schema.requests.events import EventsCountBody, EventsFilterBody
from headrace.schema.requests.flow_runs import (
    FlowRunIdsBody,
    FlowRunInputCreate,
    FlowRunInputsFilterBody,
    FlowRunsBulkDeleteBody,
    FlowRunsBulkSetStateBody,
    FlowRunsCountBody,
    FlowRunsFilterBody,
    FlowRunsHistoryBody,
    FlowRunsLatenessBody,
    FlowRunsPaginateBody,
    ResumeBody,
    UIFlowRunsHistoryBody,
)
from headrace.schema.requests.flows import (
    FlowIdsBody,
    FlowsBulkDeleteBody,
    FlowsCountBody,
    FlowsFilterBody,
    FlowsPaginateBody,
)
from headrace.schema.requests.logs import LogsFilterBody
from headrace.schema.requests.saved_searches import SavedSearchesFilterBody
from headrace.schema.requests.states import SetStateBody
from headrace.schema.requests.task_runs import (
    TaskRunsCountBody,
    TaskRunsFilterBody,
    TaskRunsHistoryBody,
    TaskRunsPaginateBody,
    UITaskRunCountsBody,
)

COMPONENTS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "rest_components.json").read_text(encoding="utf-8")
)
MODULES = [
    events,
    flow_run_inputs,
    flows,
    graph,
    logs,
    responses,
    runs,
    saved_searches,
    sorting,
    states,
    *(
        import_module(module.name)
        for package in (filters, requests)
        for module in iter_modules(package.__path__, f"{package.__name__}.")
    ),
]
OTHERWISE_NAMED: dict[str, Any] = {
    "FlowRunResponse": runs.FlowRun,
    "OrchestrationResult": responses.SetStateResponse,
    "ReceivedEvent": events.Event,
    "SetStateStatus": orchestration.OrchestrationStatus,
    "StateType": StateType,
    "TaskRunResponse": runs.TaskRun,
    "Body_average_flow_run_lateness_flow_runs_lateness_post": FlowRunsLatenessBody,
    "Body_bulk_delete_flow_runs_flow_runs_bulk_delete_post": FlowRunsBulkDeleteBody,
    "Body_bulk_delete_flows_flows_bulk_delete_post": FlowsBulkDeleteBody,
    "Body_bulk_set_flow_run_state_flow_runs_bulk_set_state_post": FlowRunsBulkSetStateBody,
    "Body_count_account_events_events_count_by__countable__post": EventsCountBody,
    "Body_count_deployments_by_flow_ui_flows_count_deployments_post": FlowIdsBody,
    "Body_count_flow_runs_flow_runs_count_post": FlowRunsCountBody,
    "Body_count_flows_flows_count_post": FlowsCountBody,
    "Body_count_task_runs_by_flow_run_ui_flow_runs_count_task_runs_post": FlowRunIdsBody,
    "Body_count_task_runs_task_runs_count_post": TaskRunsCountBody,
    "Body_create_flow_run_input_flow_runs__id__input_post": FlowRunInputCreate,
    "Body_filter_flow_run_input_flow_runs__id__input_filter_post": FlowRunInputsFilterBody,
    "Body_flow_run_history_flow_runs_history_post": FlowRunsHistoryBody,
    "Body_next_runs_by_flow_ui_flows_next_runs_post": FlowIdsBody,
    "Body_paginate_flow_runs_flow_runs_paginate_post": FlowRunsPaginateBody,
    "Body_paginate_flows_flows_paginate_post": FlowsPaginateBody,
    "Body_paginate_task_runs_task_runs_paginate_post": TaskRunsPaginateBody,
    "Body_read_dashboard_task_run_counts_ui_task_runs_dashboard_counts_post": UITaskRunCountsBody,
    "Body_read_events_events_filter_post": EventsFilterBody,
    "Body_read_flow_run_history_ui_flow_runs_history_post": UIFlowRunsHistoryBody,
    "Body_read_flow_runs_flow_runs_filter_post": FlowRunsFilterBody,
    "Body_read_flows_flows_filter_post": FlowsFilterBody,
    "Body_read_logs_logs_filter_post": LogsFilterBody,
    "Body_read_saved_searches_saved_searches_filter_post": SavedSearchesFilterBody,
    "Body_read_task_run_counts_by_state_ui_task_runs_count_post": TaskRunsCountBody,
    "Body_read_task_runs_task_runs_filter_post": TaskRunsFilterBody,
    "Body_resume_flow_run_flow_runs__id__resume_post": ResumeBody,
    "Body_set_flow_run_state_flow_runs__id__set_state_post": SetStateBody,
    "Body_set_task_run_state_task_runs__id__set_state_post": SetStateBody,
    "Body_task_run_history_task_runs_history_post": TaskRunsHistoryBody,
}


def ours(component: str) -> Any:
    if component in OTHERWISE_NAMED:
        return OTHERWISE_NAMED[component]
    found = {vars(module)[component] for module in MODULES if component in vars(module)}
    assert len(found) == 1, f"{component} is defined {len(found)} times"
    kind = found.pop()
    return get_origin(kind) or kind


def wire_names(kind: Any) -> set[str]:
    names = {field.encode_name for field in msgspec.structs.fields(kind)}
    tag = kind.__struct_config__.tag_field
    return names | {tag} if tag else names


STRUCTS = sorted(name for name, component in COMPONENTS.items() if "properties" in component)
ENUMS = sorted(name for name, component in COMPONENTS.items() if "enum" in component)


@pytest.mark.parametrize("component", STRUCTS)
def test_every_property_of_a_component_is_a_field(component: str) -> None:
    assert wire_names(ours(component)) >= set(COMPONENTS[component]["properties"])


@pytest.mark.parametrize("component", [name for name in STRUCTS if COMPONENTS[name].get("closed")])
def test_a_component_that_takes_no_other_keys_refuses_them(component: str) -> None:
    kind = ours(component)
    with pytest.raises(msgspec.ValidationError, match="unknown field `no_such_key`"):
        msgspec.json.decode(b'{"no_such_key": 1}', type=kind)


@pytest.mark.parametrize("component", [name for name in STRUCTS if COMPONENTS[name].get("closed")])
def test_what_clients_must_send_is_what_the_component_requires(component: str) -> None:
    required = {field.encode_name for field in msgspec.structs.fields(ours(component)) if field.required}
    assert required == set(COMPONENTS[component]["required"])


@pytest.mark.parametrize("component", ENUMS)
def test_an_enumeration_has_the_same_values(component: str) -> None:
    kind = ours(component)
    assert issubclass(kind, StrEnum)
    assert {member.value for member in kind} == set(COMPONENTS[component]["enum"])

"""The objects that clients send and receive, under the names that scripts import."""

from headrace.core.states import TERMINAL_STATES, StateType
from headrace.schema.events import Event
from headrace.schema.flow_run_inputs import FlowRunInput
from headrace.schema.flows import Flow
from headrace.schema.logs import Log
from headrace.schema.requests.admin import ServerDefaultResultStorageUpdate
from headrace.schema.responses import CsrfToken, ServerDefaultResultStorage
from headrace.schema.runs import (
    Constant,
    CreatedBy,
    FlowRun,
    FlowRunPolicy,
    FlowRunResult,
    Parameter,
    RunInput,
    TaskRun,
    TaskRunPolicy,
    TaskRunResult,
)
from headrace.schema.saved_searches import SavedSearch, SavedSearchFilter
from headrace.schema.states import State, StateDetails

__all__ = [
    "TERMINAL_STATES",
    "Constant",
    "CreatedBy",
    "CsrfToken",
    "Event",
    "Flow",
    "FlowRun",
    "FlowRunInput",
    "FlowRunPolicy",
    "FlowRunResult",
    "Log",
    "Parameter",
    "RunInput",
    "SavedSearch",
    "SavedSearchFilter",
    "ServerDefaultResultStorage",
    "ServerDefaultResultStorageUpdate",
    "State",
    "StateDetails",
    "StateType",
    "TaskRun",
    "TaskRunPolicy",
    "TaskRunResult",
]

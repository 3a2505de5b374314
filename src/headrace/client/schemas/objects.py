"""The objects that clients send and receive, under the names that scripts import."""

from headrace.core.states import TERMINAL_STATES, StateType
from headrace.schema.events import Event
from headrace.schema.flows import Flow
from headrace.schema.logs import Log
from headrace.schema.runs import (
    Constant,
    FlowRun,
    FlowRunPolicy,
    FlowRunResult,
    Parameter,
    RunInput,
    TaskRun,
    TaskRunPolicy,
    TaskRunResult,
)
from headrace.schema.states import State, StateDetails

__all__ = [
    "TERMINAL_STATES",
    "Constant",
    "Event",
    "Flow",
    "FlowRun",
    "FlowRunPolicy",
    "FlowRunResult",
    "Log",
    "Parameter",
    "RunInput",
    "State",
    "StateDetails",
    "StateType",
    "TaskRun",
    "TaskRunPolicy",
    "TaskRunResult",
]

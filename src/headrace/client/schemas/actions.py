"""What creates and changes objects, under the names that scripts import."""

from headrace.schema.requests.flow_runs import (
    FlowRunCreate,
    FlowRunUpdate,
)
from headrace.schema.requests.flows import (
    FlowCreate,
    FlowUpdate,
)
from headrace.schema.requests.logs import (
    LogCreate,
)
from headrace.schema.requests.saved_searches import (
    SavedSearchCreate,
)
from headrace.schema.requests.states import (
    StateCreate,
)
from headrace.schema.requests.task_runs import (
    TaskRunCreate,
    TaskRunUpdate,
)

__all__ = [
    "FlowCreate",
    "FlowRunCreate",
    "FlowRunUpdate",
    "FlowUpdate",
    "LogCreate",
    "SavedSearchCreate",
    "StateCreate",
    "TaskRunCreate",
    "TaskRunUpdate",
]

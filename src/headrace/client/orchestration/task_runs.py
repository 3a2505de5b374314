"""Verbs of task runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx

from headrace.client.exchange import Talk
from headrace.client.orchestration.verbs import Verbs, verb
from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.schema.filters.deployments import DeploymentFilter
from headrace.schema.filters.flow_runs import FlowRunFilter
from headrace.schema.filters.flows import FlowFilter
from headrace.schema.filters.task_runs import TaskRunFilter
from headrace.schema.requests.states import SetStateBody, StateCreate
from headrace.schema.requests.task_runs import TaskRunCreate, TaskRunsFilterBody, TaskRunUpdate
from headrace.schema.responses import SetStateResponse
from headrace.schema.runs import RunInput, TaskRun
from headrace.schema.sorting import TaskRunSort
from headrace.schema.states import State

if TYPE_CHECKING:
    from headrace.tasks import Task


class TaskRunVerbs(Verbs):
    """Verbs of task runs."""

    @verb
    def create_task_run(
        self,
        task: Task[Any, Any],
        flow_run_id: UUID | None,
        dynamic_key: str,
        id: UUID | None = None,
        name: str | None = None,
        extra_tags: Iterable[str] | None = None,
        state: State[Any] | None = None,
        task_inputs: dict[str, list[RunInput]] | None = None,
    ) -> Talk[TaskRun]:
        """Record a run of a task. It does not start it.

        Args:
            task: The decorated function.
            flow_run_id: The flow run that calls it, if one does.
            dynamic_key: What tells the run apart from others of the same task in the same flow run.
            id: The run's id; the server mints one when left out.
            name: The run's name; the server makes one up when left out.
            extra_tags: Tags besides the task's.
            state: The state that it starts in; Pending when left out.
            task_inputs: Where its parameters come from, by name.
        """
        body = TaskRunCreate(
            id=id,
            name=name,
            flow_run_id=flow_run_id,
            task_key=task.task_key,
            dynamic_key=str(dynamic_key),
            tags=sorted({*task.tags, *(extra_tags or ())}),
            task_version=task.version,
            empirical_policy=task.policy,
            state=StateCreate.of(state or State(type=StateType.PENDING)),
            task_inputs=task_inputs or {},
        )
        return (yield from self._call("POST", "/task_runs/", body=body, into=TaskRun))

    @verb
    def set_task_run_name(self, task_run_id: UUID, name: str) -> Talk[httpx.Response]:
        """Give a task run another name.

        Raises:
            ObjectNotFound: There is no such run.
        """
        return (yield from self._ask("PATCH", "/task_runs/{}", task_run_id, body=TaskRunUpdate(name=name)))

    @verb
    def delete_task_run(self, task_run_id: UUID) -> Talk[None]:
        """Delete a task run with its states and logs.

        Raises:
            ObjectNotFound: There is no such run.
        """
        yield from self._ask("DELETE", "/task_runs/{}", task_run_id)

    @verb
    def read_task_run(self, task_run_id: UUID) -> Talk[TaskRun]:
        """The task run of an id.

        Raises:
            ObjectNotFound: There is none.
        """
        return (yield from self._call("GET", "/task_runs/{}", task_run_id, into=TaskRun))

    @verb
    def read_task_runs(
        self,
        *,
        flow_filter: FlowFilter | None = None,
        flow_run_filter: FlowRunFilter | None = None,
        task_run_filter: TaskRunFilter | None = None,
        deployment_filter: DeploymentFilter | None = None,
        sort: TaskRunSort | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Talk[list[TaskRun]]:
        """The task runs that meet all filters.

        Args:
            flow_filter: Only runs in runs of such a flow.
            flow_run_filter: Only runs in such a flow run.
            task_run_filter: Which runs.
            deployment_filter: Only runs in runs of such a deployment.
            sort: The order; by id, newest first, when left out.
            limit: How many at most; as many as the server gives when left out.
            offset: How many to leave out at the start.
        """
        body = TaskRunsFilterBody(
            flows=flow_filter,
            flow_runs=flow_run_filter,
            task_runs=task_run_filter,
            deployments=deployment_filter,
            sort=sort or TaskRunSort.ID_DESC,
            limit=limit,
            offset=offset,
        )
        return (yield from self._call("POST", "/task_runs/filter", body=body, into=list[TaskRun]))

    @verb
    def set_task_run_state(
        self, task_run_id: UUID, state: State[Any], force: bool = False
    ) -> Talk[SetStateResponse[Any]]:
        """Propose a state for a task run.

        Args:
            task_run_id: The run.
            state: What it should become.
            force: Skip the rules that protect final states.

        Returns:
            What became of it: the state that the run has now, and why.
        """
        proposal = StateCreate.of(state, task_run_id=task_run_id, transition_id=uuid7())
        body = SetStateBody(state=proposal, force=force)
        return (
            yield from self._call(
                "POST", "/task_runs/{}/set_state", task_run_id, body=body, into=SetStateResponse[Any]
            )
        )

    @verb
    def read_task_run_states(self, task_run_id: UUID) -> Talk[list[State[Any]]]:
        """All states of a task run, oldest first."""
        params = {"task_run_id": str(task_run_id)}
        return (yield from self._call("GET", "/task_run_states/", params=params, into=list[State[Any]]))

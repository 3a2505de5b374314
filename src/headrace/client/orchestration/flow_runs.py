"""Verbs of flow runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
from msgspec import UNSET

from headrace.client.exchange import Talk
from headrace.client.orchestration.flows import FlowVerbs
from headrace.client.orchestration.verbs import verb
from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.schema.filters.deployments import DeploymentFilter
from headrace.schema.filters.flow_runs import FlowRunFilter
from headrace.schema.filters.flows import FlowFilter
from headrace.schema.filters.task_runs import TaskRunFilter
from headrace.schema.filters.work_pools import WorkPoolFilter, WorkQueueFilter
from headrace.schema.requests.flow_runs import (
    FlowRunCreate,
    FlowRunsCountBody,
    FlowRunsFilterBody,
    FlowRunUpdate,
    ResumeBody,
)
from headrace.schema.requests.states import SetStateBody, StateCreate
from headrace.schema.responses import SetStateResponse
from headrace.schema.runs import FlowRun, FlowRunPolicy
from headrace.schema.sorting import FlowRunSort
from headrace.schema.states import State

if TYPE_CHECKING:
    from headrace.flows import Flow as DecoratedFlow


class FlowRunVerbs(FlowVerbs):
    """Verbs of flow runs."""

    @verb
    def create_flow_run(
        self,
        flow: DecoratedFlow[Any, Any],
        name: str | None = None,
        parameters: dict[str, Any] | None = None,
        context: dict[str, Any] | None = None,
        tags: Iterable[str] | None = None,
        parent_task_run_id: UUID | None = None,
        state: State[Any] | None = None,
        work_pool_name: str | None = None,
        work_queue_name: str | None = None,
        job_variables: dict[str, Any] | None = None,
    ) -> Talk[FlowRun]:
        """Record a run of a flow. It does not start it.

        Args:
            flow: The decorated function.
            name: The run's name; the server makes one up when left out.
            parameters: Parameters by name; values that JSON can hold.
            context: What belongs to the run otherwise.
            tags: The run's tags.
            parent_task_run_id: For a subflow, the task run that stands for it in its parent.
            state: The state that it starts in; Pending when left out.
            work_pool_name: The pool that it goes to.
            work_queue_name: The queue of the pool.
            job_variables: What its infrastructure has otherwise than the pool says.
        """
        known = yield from self._flow_named(flow.name)
        body = FlowRunCreate(
            flow_id=known.id,
            flow_version=flow.version,
            name=name,
            parameters=parameters or {},
            context=context or {},
            tags=list(tags or ()),
            parent_task_run_id=parent_task_run_id,
            state=StateCreate.of(state or State(type=StateType.PENDING)),
            empirical_policy=FlowRunPolicy(
                retries=flow.retries, retry_delay=int(flow.retry_delay_seconds or 0)
            ),
            work_pool_name=work_pool_name,
            work_queue_name=work_queue_name,
            job_variables=job_variables,
        )
        run = yield from self._call("POST", "/flow_runs/", body=body, into=FlowRun)
        run.parameters = parameters or {}  # The caller's objects, not what JSON made of them.
        return run

    @verb
    def update_flow_run(
        self,
        flow_run_id: UUID,
        flow_version: str | None = None,
        parameters: dict[str, Any] | None = None,
        name: str | None = None,
        tags: Iterable[str] | None = None,
        empirical_policy: FlowRunPolicy | None = None,
        infrastructure_pid: str | None = None,
        job_variables: dict[str, Any] | None = None,
    ) -> Talk[httpx.Response]:
        """Replace what is known about a flow run; what is None stays as it is.

        Raises:
            ObjectNotFound: There is no such run.
        """
        body = FlowRunUpdate(
            flow_version=UNSET if flow_version is None else flow_version,
            parameters=UNSET if parameters is None else parameters,
            name=UNSET if name is None else name,
            tags=UNSET if tags is None else list(tags),
            empirical_policy=UNSET if empirical_policy is None else empirical_policy,
            infrastructure_pid=infrastructure_pid or UNSET,
            job_variables=UNSET if job_variables is None else job_variables,
        )
        return (yield from self._ask("PATCH", "/flow_runs/{}", flow_run_id, body=body))

    @verb
    def set_flow_run_name(self, flow_run_id: UUID, name: str) -> Talk[httpx.Response]:
        """Give a flow run another name.

        Raises:
            ObjectNotFound: There is no such run.
        """
        body = FlowRunUpdate(name=name)
        return (yield from self._ask("PATCH", "/flow_runs/{}", flow_run_id, body=body))

    @verb
    def update_flow_run_labels(self, flow_run_id: UUID, labels: Mapping[str, Any]) -> Talk[None]:
        """Add labels to those of a flow run; equal keys are replaced.

        Raises:
            ObjectNotFound: There is no such run.
        """
        yield from self._ask("PATCH", "/flow_runs/{}/labels", flow_run_id, body=dict(labels))

    @verb
    def delete_flow_run(self, flow_run_id: UUID) -> Talk[None]:
        """Delete a flow run with its task runs, states and logs.

        Raises:
            ObjectNotFound: There is no such run.
        """
        yield from self._ask("DELETE", "/flow_runs/{}", flow_run_id)

    @verb
    def read_flow_run(self, flow_run_id: UUID) -> Talk[FlowRun]:
        """The flow run of an id.

        Raises:
            ObjectNotFound: There is none.
        """
        return (yield from self._call("GET", "/flow_runs/{}", flow_run_id, into=FlowRun))

    @verb
    def read_flow_runs(
        self,
        *,
        flow_filter: FlowFilter | None = None,
        flow_run_filter: FlowRunFilter | None = None,
        task_run_filter: TaskRunFilter | None = None,
        deployment_filter: DeploymentFilter | None = None,
        work_pool_filter: WorkPoolFilter | None = None,
        work_queue_filter: WorkQueueFilter | None = None,
        sort: FlowRunSort | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Talk[list[FlowRun]]:
        """The flow runs that meet all filters.

        Args:
            flow_filter: Only runs of such a flow.
            flow_run_filter: Which runs.
            task_run_filter: Only runs with such a task run.
            deployment_filter: Only runs of such a deployment.
            work_pool_filter: Only runs in such a pool.
            work_queue_filter: Only runs in such a queue.
            sort: The order; by id, newest first, when left out.
            limit: How many at most; as many as the server gives when left out.
            offset: How many to leave out at the start.
        """
        body = FlowRunsFilterBody(
            flows=flow_filter,
            flow_runs=flow_run_filter,
            task_runs=task_run_filter,
            deployments=deployment_filter,
            work_pools=work_pool_filter,
            work_pool_queues=work_queue_filter,
            sort=sort or FlowRunSort.ID_DESC,
            limit=limit,
            offset=offset,
        )
        return (yield from self._call("POST", "/flow_runs/filter", body=body, into=list[FlowRun]))

    @verb
    def count_flow_runs(
        self,
        *,
        flow_filter: FlowFilter | None = None,
        flow_run_filter: FlowRunFilter | None = None,
        task_run_filter: TaskRunFilter | None = None,
        deployment_filter: DeploymentFilter | None = None,
        work_pool_filter: WorkPoolFilter | None = None,
        work_queue_filter: WorkQueueFilter | None = None,
    ) -> Talk[int]:
        """How many flow runs meet all filters; see `read_flow_runs`."""
        body = FlowRunsCountBody(
            flows=flow_filter,
            flow_runs=flow_run_filter,
            task_runs=task_run_filter,
            deployments=deployment_filter,
            work_pools=work_pool_filter,
            work_pool_queues=work_queue_filter,
        )
        return (yield from self._call("POST", "/flow_runs/count", body=body, into=int))

    @verb
    def set_flow_run_state(
        self, flow_run_id: UUID | str, state: State[Any], force: bool = False
    ) -> Talk[SetStateResponse[Any]]:
        """Propose a state for a flow run.

        Args:
            flow_run_id: The run.
            state: What it should become.
            force: Skip the rules that protect final states.

        Returns:
            What became of it: the state that the run has now, and why.

        Raises:
            ObjectNotFound: There is no such run.
        """
        run_id = flow_run_id if isinstance(flow_run_id, UUID) else UUID(flow_run_id)
        # The server answers a proposal that it knows as it did before: so it can be sent again.
        proposal = StateCreate.of(state, flow_run_id=run_id, transition_id=uuid7())
        body = SetStateBody(state=proposal, force=force)
        return (
            yield from self._call(
                "POST", "/flow_runs/{}/set_state", run_id, body=body, into=SetStateResponse[Any]
            )
        )

    @verb
    def resume_flow_run(
        self, flow_run_id: UUID, run_input: dict[str, Any] | None = None
    ) -> Talk[SetStateResponse[Any]]:
        """Let a paused flow run go on.

        Args:
            flow_run_id: The run.
            run_input: What it waits for, by name.

        Raises:
            ObjectNotFound: There is no such run.
        """
        body = ResumeBody(run_input=run_input)
        return (
            yield from self._call(
                "POST", "/flow_runs/{}/resume", flow_run_id, body=body, into=SetStateResponse[Any]
            )
        )

    @verb
    def read_flow_run_state(self, flow_run_state_id: UUID) -> Talk[State[Any]]:
        """The state of an id.

        Raises:
            ObjectNotFound: There is none.
        """
        return (yield from self._call("GET", "/flow_run_states/{}", flow_run_state_id, into=State[Any]))

    @verb
    def read_flow_run_states(self, flow_run_id: UUID) -> Talk[list[State[Any]]]:
        """All states of a flow run, oldest first."""
        params = {"flow_run_id": str(flow_run_id)}
        return (yield from self._call("GET", "/flow_run_states/", params=params, into=list[State[Any]]))

"""Verbs of flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.client.exchange import Talk
from headrace.client.orchestration.verbs import Verbs, verb
from headrace.schema.filters.deployments import DeploymentFilter
from headrace.schema.filters.flow_runs import FlowRunFilter
from headrace.schema.filters.flows import FlowFilter
from headrace.schema.filters.task_runs import TaskRunFilter
from headrace.schema.filters.work_pools import WorkPoolFilter, WorkQueueFilter
from headrace.schema.flows import Flow
from headrace.schema.requests.flows import FlowCreate, FlowsFilterBody
from headrace.schema.sorting import FlowSort

if TYPE_CHECKING:
    from headrace.flows import Flow as DecoratedFlow


class FlowVerbs(Verbs):
    """Verbs of flows."""

    @verb
    def create_flow(self, flow: DecoratedFlow[Any, Any]) -> Talk[UUID]:
        """Make a flow known, if it is not; answers with its id.

        Args:
            flow: The decorated function.
        """
        return (yield from self._flow_named(flow.name)).id

    @verb
    def create_flow_from_name(self, flow_name: str) -> Talk[UUID]:
        """Make a flow of a name known, if it is not; answers with its id."""
        return (yield from self._flow_named(flow_name)).id

    @verb
    def read_flow(self, flow_id: UUID) -> Talk[Flow]:
        """The flow of an id.

        Raises:
            ObjectNotFound: There is none.
        """
        return (yield from self._call("GET", "/flows/{}", flow_id, into=Flow))

    @verb
    def read_flow_by_name(self, flow_name: str) -> Talk[Flow]:
        """The flow of a name.

        Raises:
            ObjectNotFound: There is none.
        """
        return (yield from self._call("GET", "/flows/name/{}", flow_name, into=Flow))

    @verb
    def read_flows(
        self,
        *,
        flow_filter: FlowFilter | None = None,
        flow_run_filter: FlowRunFilter | None = None,
        task_run_filter: TaskRunFilter | None = None,
        deployment_filter: DeploymentFilter | None = None,
        work_pool_filter: WorkPoolFilter | None = None,
        work_queue_filter: WorkQueueFilter | None = None,
        sort: FlowSort | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Talk[list[Flow]]:
        """The flows that meet all filters.

        Args:
            flow_filter: Which flows.
            flow_run_filter: Only flows with such a run.
            task_run_filter: Only flows with such a task run.
            deployment_filter: Only flows with such a deployment.
            work_pool_filter: Only flows with runs in such a pool.
            work_queue_filter: Only flows with runs in such a queue.
            sort: The order; by name when left out.
            limit: How many at most; as many as the server gives when left out.
            offset: How many to leave out at the start.
        """
        body = FlowsFilterBody(
            flows=flow_filter,
            flow_runs=flow_run_filter,
            task_runs=task_run_filter,
            deployments=deployment_filter,
            work_pools=work_pool_filter,
            work_queues=work_queue_filter,
            sort=sort or FlowSort.NAME_ASC,
            limit=limit,
            offset=offset,
        )
        return (yield from self._call("POST", "/flows/filter", body=body, into=list[Flow]))

    @verb
    def delete_flow(self, flow_id: UUID) -> Talk[None]:
        """Delete a flow with its runs and deployments.

        Raises:
            ObjectNotFound: There is no such flow.
        """
        yield from self._ask("DELETE", "/flows/{}", flow_id)

    def _flow_named(self, name: str) -> Talk[Flow]:
        return (yield from self._call("POST", "/flows/", body=FlowCreate(name=name), into=Flow))

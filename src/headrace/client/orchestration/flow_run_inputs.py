"""Verbs of what is sent to flow runs while they run or are paused."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from headrace.client.exchange import Talk
from headrace.client.orchestration.verbs import Verbs, verb
from headrace.schema.flow_run_inputs import FlowRunInput
from headrace.schema.requests.flow_runs import FlowRunInputCreate, FlowRunInputsFilterBody


class FlowRunInputVerbs(Verbs):
    """Verbs of what is sent to flow runs while they run or are paused."""

    @verb
    def create_flow_run_input(
        self, flow_run_id: UUID, key: str, value: str, sender: str | None = None
    ) -> Talk[None]:
        """Send something to a flow run.

        Args:
            flow_run_id: The run.
            key: What to find it by; unique in the run.
            value: JSON text.
            sender: Who sends it, as `prefect.flow-run.<id>`.

        Raises:
            ObjectNotFound: There is no such run.
            ObjectAlreadyExists: The run has an input of that key.
        """
        body = FlowRunInputCreate(key=key, value=value, sender=sender)
        yield from self._ask("POST", "/flow_runs/{}/input", flow_run_id, body=body)

    @verb
    def filter_flow_run_input(
        self, flow_run_id: UUID, key_prefix: str, limit: int, exclude_keys: Collection[str]
    ) -> Talk[list[FlowRunInput]]:
        """The oldest inputs of a flow run whose keys begin so.

        Args:
            flow_run_id: The run.
            key_prefix: How keys begin.
            limit: How many at most.
            exclude_keys: Keys to leave out.
        """
        body = FlowRunInputsFilterBody(prefix=key_prefix, limit=limit, exclude_keys=list(exclude_keys))
        return (
            yield from self._call(
                "POST", "/flow_runs/{}/input/filter", flow_run_id, body=body, into=list[FlowRunInput]
            )
        )

    @verb
    def read_flow_run_input(self, flow_run_id: UUID, key: str) -> Talk[str]:
        """The JSON text that was sent under a key.

        Raises:
            ObjectNotFound: There is none.
        """
        response = yield from self._ask("GET", "/flow_runs/{}/input/{}", flow_run_id, key)
        return response.text

    @verb
    def delete_flow_run_input(self, flow_run_id: UUID, key: str) -> Talk[None]:
        """Delete what was sent under a key.

        Raises:
            ObjectNotFound: There is none.
        """
        yield from self._ask("DELETE", "/flow_runs/{}/input/{}", flow_run_id, key)

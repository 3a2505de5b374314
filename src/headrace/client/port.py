"""What a runtime needs from orchestration, wherever it runs.

`client.local` answers in-process, on an embedded store; the HTTP client answers from a server. Every verb returns a
`concurrent.futures.Future` that resolves after the commit, so that engines of both colours can wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol
from uuid import UUID

from headrace.schema.orchestration import OrchestrationResult
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State


class Orchestrator(Protocol):
    """The verbs that the engine calls."""

    def create_flow_run(self, flow_name: str, run: FlowRun, tracker: TaskRun | None) -> Future[FlowRun]:
        """Record a new flow run, and the task run that stands for it in its parent.

        Args:
            flow_name: The flow's name; the flow is made known when it is not.
            run: The run; its `flow_id` is filled in.
            tracker: For a subflow, the task run of the parent that follows its states.

        Returns:
            The run as recorded.
        """
        ...

    def set_flow_run_state(
        self, run_id: UUID, state: State[Any], force: bool = False
    ) -> Future[OrchestrationResult]:
        """Propose a state for a flow run.

        Args:
            run_id: The run.
            state: What it should become.
            force: Skip the rules that protect final states.

        Returns:
            The verdict, and the state that the run has now.
        """
        ...

    def record(self, take: Callable[[], list[Any]]) -> Future[None]:
        """Keep what `take` returns when its turn has come: transitions, logs and events.

        Returns:
            A future that resolves when it is kept so that the end of this process does not lose it.
        """
        ...

    def delivered(self, hurried: bool = False) -> Future[None]:
        """Wait until all that was kept before is committed where it belongs.

        Args:
            hurried: Wait only shortly for a server that is away.

        Returns:
            A future that resolves then; or, when the server stays away, when it has been waited for long enough.
        """
        ...

    def read_task_run_state(self, run_id: UUID) -> Future[State[Any] | None]:
        """The state that was last recorded of a task run; for one that executed in a process that is gone.

        Args:
            run_id: The task run.

        Returns:
            The state; None when none is known.
        """
        ...

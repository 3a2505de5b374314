"""One more execution of a flow run that is recorded already, as a retry asked for by a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.engine.flow_run import FlowRunEngine
from headrace.engine.outcomes import failed_state
from headrace.engine.ports import Port
from headrace.exceptions import ParameterTypeError
from headrace.logging.loggers import flow_run_logger
from headrace.schema.runs import FlowRun

if TYPE_CHECKING:
    from headrace.flows import Flow

__all__ = ["AnotherExecution"]


class AnotherExecution(FlowRunEngine):
    """An execution of a flow run that was scheduled for it; it keeps its id, its name and its parameters.

    Args:
        flow: The flow.
        run: The run; its state must allow it to start.
        port: How to touch the world.
    """

    __slots__ = ()

    def __init__(self, flow: Flow[..., Any], run: FlowRun, port: Port) -> None:
        super().__init__(flow, flow.binder.complete(run.parameters), port)
        self.run = run
        self.state = run.state

    async def prepare(self) -> bool:
        self.context = self._context()
        self.logger = flow_run_logger(self.run, self.flow)
        self.logger.recorder = self.recorder
        try:
            self.parameters = self.context.parameters = self.flow.validate_parameters(self.parameters)
        except ParameterTypeError as error:
            self.error = error
            await self._propose(failed_state(error, "Validation of flow parameters failed with error:"))
            await self.conclude()
            return False
        return True

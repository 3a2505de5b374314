"""`headrace flow-run delete`, `cancel` and `retry`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from headrace.cli.confirmation import Yes, is_confirmed
from headrace.cli.execution import code_of, execute, script_failed, show_traceback
from headrace.cli.finding import find_one_flow_run
from headrace.cli.output import say
from headrace.cli.recorded import connected
from headrace.core.states import TERMINAL_STATES, StateType
from headrace.exceptions import HeadraceException, ScriptError
from headrace.schema.base import now
from headrace.schema.orchestration import OrchestrationStatus
from headrace.schema.states import State, StateDetails

if TYPE_CHECKING:
    from headrace.client.orchestration import SyncHeadraceClient
    from headrace.engine.another_execution import AnotherExecution
    from headrace.schema.runs import FlowRun

__all__ = ["cancel", "delete", "retry"]


def delete(id: str, *, yes: Yes = False) -> None:
    """Delete a flow run with its task runs, states and logs.

    Args:
        id: The run's id, its name if no other run has it, or the start of its id if it is one of the newest.
    """
    with connected() as client:
        run = find_one_flow_run(client, id)
        if not is_confirmed(f"Delete flow run {run.name!r} ({run.id})?", yes):
            say("Nothing was deleted.")
            return
        client.delete_flow_run(run.id)
    say(f"Deleted flow run {run.name!r} ({run.id}).")


def cancel(id: str) -> None:
    """Cancel a flow run.

    Args:
        id: The run's id, its name if no other run has it, or the start of its id if it is one of the newest.
    """
    with connected() as client:
        run = find_one_flow_run(client, id)
        state = _proposed(client, run, State(type=StateType.CANCELLING))
    if state.type is StateType.CANCELLED:
        say(f"Cancelled flow run {run.name!r} ({run.id}).")
    elif state.type is StateType.CANCELLING:
        say(f"Flow run {run.name!r} ({run.id}) is being cancelled.")
    else:
        raise HeadraceException(f"Flow run {run.name!r} ({run.id}) cannot be cancelled: it is {state.name}.")


def retry(
    id_or_name: str, *, entrypoint: Annotated[str | None, Parameter(name=("--entrypoint", "-e"))] = None
) -> int:
    """Run a flow run again that has ended.

    Args:
        id_or_name: The run's id, its name if no other run has it, or the start of its id if it is one of the newest.
        entrypoint: Where its flow is: FILE.py:FLOW, or package.module:FLOW.
    """
    with connected() as client:
        run = find_one_flow_run(client, id_or_name)
        _check_can_be_retried(run, entrypoint)
        if entrypoint is None:
            _schedule(client, run)
            say(f"Flow run {run.name!r} ({run.id}) is scheduled to run again.")
            return 0
        try:
            engine = _engine(client, run, entrypoint)
        except (ScriptError, SystemExit) as exc:
            return script_failed(entrypoint, exc)
        engine.run.state = engine.state = _schedule(client, run)
    return _execute(engine)


def _check_can_be_retried(run: FlowRun, entrypoint: str | None) -> None:
    if run.state_type not in TERMINAL_STATES:
        raise HeadraceException(
            f"Flow run {run.name!r} ({run.id}) cannot be retried: it is {run.state_name}, and has not ended. "
            f"`headrace flow-run cancel {run.id}` cancels it."
        )
    if run.deployment_id is None and entrypoint is None:
        raise HeadraceException(
            f"Flow run {run.name!r} ({run.id}) has no deployment whose runner could run it again. Say where its flow is, "
            f"to run it here: `headrace flow-run retry {run.id} --entrypoint FILE.py:FLOW`."
        )


def _engine(client: SyncHeadraceClient, run: FlowRun, entrypoint: str) -> AnotherExecution:
    """What executes the run again; made before anything is changed, for the entrypoint may be wrong."""
    from headrace.engine.another_execution import AnotherExecution
    from headrace.engine.ports import ASYNC, SYNC
    from headrace.engine.sources import load_flow

    flow = load_flow(entrypoint)
    name = client.read_flow(run.flow_id).name
    if flow.name != name:
        raise HeadraceException(
            f"Flow run {run.name!r} is one of flow {name!r}, but {entrypoint} is flow {flow.name!r}."
        )
    return AnotherExecution(flow, run, ASYNC if flow.isasync else SYNC)


def _execute(engine: AnotherExecution) -> int:
    import signal

    from headrace.engine.termination import Termination

    with Termination(signal.SIGTERM):
        error = execute(engine)
        if error is not None:
            show_traceback(error)
        return code_of(engine, error)


def _schedule(client: SyncHeadraceClient, run: FlowRun) -> State[Any]:
    details = StateDetails(scheduled_time=now())
    state: State[Any] = State(
        type=StateType.SCHEDULED,
        name="AwaitingRetry",
        message="Retried from the command line.",
        state_details=details,
    )
    return _proposed(client, run, state, force=True)


def _proposed(client: SyncHeadraceClient, run: FlowRun, state: State[Any], force: bool = False) -> State[Any]:
    """The state that the run has after one was proposed.

    Raises:
        HeadraceException: The proposal was refused.
    """
    answer = client.set_flow_run_state(run.id, state, force=force)
    if answer.status is OrchestrationStatus.ABORT or answer.state is None:
        reason = getattr(answer.details, "reason", None) or "The API gives no reason."
        raise HeadraceException(f"Flow run {run.name!r} ({run.id}) does not become {state.name}: {reason}")
    return answer.state

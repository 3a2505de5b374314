"""A script's own account: a line of JSON for everything that happened to it, as its client saw it.

Lines are written one by one to the file that the environment names, so that the account of a script that is killed goes as far as
the script got.
"""

from __future__ import annotations

import json
import logging
import os
from typing import Any

# Configures logging, and would take later away what is added before.
import prefect.main  # noqa: F401
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run as current_flow_run
from prefect.runtime import task_run as current_task_run

_file = os.open(os.environ["E2E_ACCOUNT"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def tell(kind: str, **facts: Any) -> None:
    """Write one line of the account; whole, whatever other threads write."""
    os.write(_file, json.dumps({"kind": kind, **facts}, default=str).encode() + b"\n")


class Witness(logging.Handler):
    """Tells of every line that a run logged and that is meant for the server, the engine's own lines too."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of one line."""
        if getattr(record, "send_to_api", True):
            tell(
                "log",
                flow_run_id=getattr(record, "flow_run_id", None),
                task_run_id=getattr(record, "task_run_id", None),
                level=record.levelno,
                message=self.format(record),
            )


for name in ("prefect.flow_runs", "prefect.task_runs"):
    logging.getLogger(name).addHandler(Witness())


def began() -> None:
    """Tell that the code of the current run has been entered; once more if it is tried again."""
    kind, run = ("task-run", current_task_run) if current_task_run.id else ("flow-run", current_flow_run)
    tell(f"{kind}-began", id=run.id, name=run.name, run_count=run.run_count)


def ended(future: PrefectFuture[Any]) -> None:
    """Tell how a task run ended whose code was never entered: for such a run, no hook is called."""
    future.wait()
    _ended("task-run", future.task_run_id, future.state, run_count=0, flow_run_id=current_flow_run.id)


def _ended(kind: str, id: Any, state: Any, **facts: Any) -> None:
    tell(
        f"{kind}-ended", id=id, state_id=state.id, state_type=state.type.value, state_name=state.name,
        message=state.message, **facts,
    )  # fmt: skip


def _task_run_ended(task: Any, run: Any, state: Any) -> None:
    _ended(
        "task-run",
        run.id,
        state,
        name=run.name,
        tags=sorted(run.tags),
        run_count=run.run_count,
        flow_run_id=run.flow_run_id,
    )


def _flow_run_ended(flow: Any, run: Any, state: Any) -> None:
    tell("flow", name=flow.name, id=run.flow_id)
    _ended(
        "flow-run", run.id, state, name=run.name, tags=sorted(run.tags), run_count=run.run_count, flow_id=run.flow_id,
        parameters=run.parameters,
    )  # fmt: skip


OF_TASK = {"on_completion": [_task_run_ended], "on_failure": [_task_run_ended]}
"""Options of a task that has an account of how its runs end."""

OF_FLOW = {
    name: [_flow_run_ended] for name in ("on_completion", "on_failure", "on_cancellation", "on_crashed")
}
"""Options of a flow that has an account of how its runs end."""

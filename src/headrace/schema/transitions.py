"""`TaskTransition`: one step of a task run, as the engine hands it to the recorder."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from headrace.schema.runs import TaskRun
from headrace.schema.states import State


class TaskTransition(msgspec.Struct, gc=False):
    """A task run entered a state.

    `run` is the engine's live object. A store takes only what never changes from it (ids, name, inputs, tags, policy):
    what moves with the transition is in the fields here, frozen at the instant of the transition. Made once per
    transition on the caller's thread, so it is a positional Struct without garbage collector tracking (0.1 us; a
    NamedTuple takes 0.3).

    Args:
        run: The task run.
        state: The state it entered; its id becomes the id of the recorded event.
        follows: The id of the run's previous state; None for its first.
        run_count: How many times the run has started to execute.
        start_time: When it first started to execute (UTC).
        end_time: When it ended (UTC); None while it has not.
        total_run_time: Seconds spent in Running so far.
    """

    run: TaskRun
    state: State[Any]
    follows: UUID | None
    run_count: int
    start_time: datetime | None
    end_time: datetime | None
    total_run_time: float

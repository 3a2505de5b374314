"""What a run logs, on its way to the run's record."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from headrace.engine.context import current_recorder, flow_run_var, task_run_var
from headrace.exceptions import StoreError
from headrace.logging.filters import mask_credentials
from headrace.logging.lines import message_of
from headrace.logging.tracebacks import logged_traceback
from headrace.schema.logs import Log
from headrace.settings import get_current_settings

__all__ = ["Recorder", "append_safely", "fitting", "record_line", "run_ids", "wants_recording"]


class Recorder(Protocol):
    """Where records of a run go."""

    def append(self, item: Any) -> None:
        """Record `item`; waits while the store is far behind, raises when it fails for good."""
        ...


def wants_recording(record: logging.LogRecord) -> bool:
    """Whether the record is to be kept: not when it says `send_to_api=False` or recording is switched off."""
    return (
        record.__dict__.get("send_to_api", True) is not False
        and get_current_settings().logging.to_api.enabled
    )


def record_line(record: logging.LogRecord) -> None:
    """Append the record to its run's recorder: the one it carries, else that of the run that is executing."""
    recorder = record.__dict__.get("_recorder") or current_recorder()
    if recorder is None:
        return
    flow_run_id, task_run_id = run_ids(record.__dict__)
    line = Log(
        name=record.name,
        level=record.levelno,
        message=fitting(_text_of(record)),
        timestamp=datetime.fromtimestamp(record.created, UTC),
        flow_run_id=flow_run_id,
        task_run_id=task_run_id,
    )
    append_safely(recorder, line)


def append_safely(recorder: Recorder, line: Log) -> None:
    """Append a line; a store that fails is not the business of code that logs.

    The line stays with the recorder, and the run itself ends with the store's error.
    """
    try:
        recorder.append(line)
    except StoreError:
        return


def run_ids(values: Mapping[str, Any]) -> tuple[UUID | None, UUID | None]:
    """The ids of the flow run and the task run: those that a record's attributes name, else those of the current run."""
    flow_run_id, task_run_id = _uuid(values.get("flow_run_id")), _uuid(values.get("task_run_id"))
    if flow_run_id is None and task_run_id is None:
        task_context, flow_context = task_run_var.get(), flow_run_var.get()
        if task_context is not None:
            task_run_id, flow_run_id = task_context.task_run.id, task_context.task_run.flow_run_id
        elif flow_context is not None:
            flow_run_id = flow_context.flow_run.id
    return flow_run_id, task_run_id


@lru_cache(256)
def _parsed(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _uuid(value: Any) -> UUID | None:
    """A record's id: anyone may set one, so it may be anything."""
    if isinstance(value, UUID):
        return value
    return _parsed(value) if isinstance(value, str) else None


def _text_of(record: logging.LogRecord) -> str:
    """The message, then its traceback and stack if it has them."""
    text = message_of(record)
    if record.exc_info and record.exc_info[1] and not record.exc_text:
        record.exc_text = logged_traceback(record.exc_info[1])
    if record.exc_text:
        text = f"{text}\n{record.exc_text}"
    if record.stack_info:
        text = f"{text}\n{record.stack_info}"
    return text


def fitting(text: str) -> str:
    """`text` as it can be recorded: without credentials, in UTF-8, and cut to `logging.to_api.max_log_size` bytes."""
    text = mask_credentials(text)
    limit = get_current_settings().logging.to_api.max_log_size
    if text.isascii() and len(text) <= limit:
        return text
    # Half a surrogate pair, as in names of files that are not UTF-8, has no UTF-8 form.
    body = text.encode("utf-8", "backslashreplace")
    kept = body[:limit].decode("utf-8", "ignore")
    if len(body) <= limit:
        return kept
    return f"{kept}... [{len(body) - limit} of {len(body)} bytes cut: logging.to_api.max_log_size is {limit}]"

"""Events that clients report: checked, understood, and committed in batches.

`Intake` takes those of one WebSocket. What arrives while a commit is under way goes together into the next one, a single
command of the ledger, so batches grow with the load. A client may be ahead of the disk by a bounded number of events and bytes,
then nothing more is read from it until the next commit: it feels that as back-pressure.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import structs

from headrace.api.bridge import Bridge
from headrace.api.errors import answer_to
from headrace.api.sockets import Gone
from headrace.exceptions import OverCapacityError
from headrace.orchestration.task_run_events import is_report, transition_of
from headrace.schema.base import now
from headrace.schema.events import Event
from headrace.schema.logs import Log
from headrace.schema.requests.events import EventCreate
from headrace.schema.transitions import TaskTransition
from headrace.settings.server import ServerEventsSettings
from headrace.store.ingestion import ingest
from headrace.store.records import Record

__all__ = ["Intake", "commit", "decode_event", "problem_with", "record_of", "without_large_payload"]

MAX_AHEAD = 2_000
"""Events of one client that may wait for their commit before the next is read."""

MAX_BYTES_AHEAD = 8_000_000
"""Bytes of events likewise."""

RETRY_SECONDS = 0.05
"""The pause before a batch is offered again to a server that is over capacity."""

OMITTED = "headrace.omitted"
"""The key of a payload that stands in for one that was too large."""

_log = logging.getLogger("headrace.api")

_decode = msgspec.json.Decoder(EventCreate).decode


def decode_event(text: str) -> EventCreate:
    """The event in a message.

    Raises:
        ValueError: It is none; the message says why.
    """
    try:
        return _decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error


def problem_with(event: Event, limits: ServerEventsSettings) -> str | None:
    """Which limit on what an event may hold it exceeds, besides that on its size."""
    length = len(event.event)
    if length > limits.maximum_event_name_length:
        return f"The name has {length} characters; at most {limits.maximum_event_name_length} are allowed."
    if len(event.related) > limits.maximum_related_resources:
        return f"There are {len(event.related)} related resources; at most {limits.maximum_related_resources} are allowed."
    labels = max(map(len, (event.resource, *event.related)))
    if labels > limits.maximum_labels_per_resource:
        return f"A resource has {labels} labels; at most {limits.maximum_labels_per_resource} are allowed."
    return None


def record_of(event: Event) -> TaskTransition | Event:
    """What is stored for an event: the transition that it reports, or itself."""
    if not is_report(event):
        return event
    try:
        return transition_of(event)
    except ValueError as problem:
        _log.warning(
            "The event %s (%s) reports no transition that can be understood, and is kept as it is. %s",
            event.id,
            event.event,
            problem,
        )
        return event


def without_large_payload(event: EventCreate, size: int, limits: ServerEventsSettings) -> EventCreate:
    """The event with a note instead of its payload where it is larger than events may be.

    A client that was refused would send the event again with everything that comes after it, and again be refused. Transitions
    are left alone: little of them is kept anyway.

    Args:
        size: The event's size in bytes.
    """
    if size <= limits.maximum_size_bytes or is_report(event):
        return event
    note = f"{size} bytes are more than the {limits.maximum_size_bytes} that an event may have, so its payload was left out."
    _log.warning("The event %s (%s) is too large: %s", event.id, event.event, note)
    return structs.replace(event, payload={OMITTED: note})


async def commit(store: Bridge, verb: Callable[..., None], records: Sequence[Record]) -> None:
    """Store what was reported, and count how long that took from when it happened.

    Args:
        store: Where it goes.
        verb: Stores it, of a connection: `ingest`, or `record_execution`.
        records: What was reported.
    """
    received = now()
    await store.write(lambda conn: verb(conn, records, received=received))
    committed = now()
    for item in records:
        if not isinstance(item, Log):
            happened = item.occurred if isinstance(item, Event) else item.state.timestamp
            store.event_lag.observe(max(0.0, (committed - happened).total_seconds()))


class Intake:
    """The events of one client on their way to the store.

    Args:
        store: Where they go.
        settle: Called after each commit with the number of events that it has made durable.
        fail: Called when a commit has failed, with what to tell the client.
        max_ahead: Events that may wait before `put` does.
    """

    def __init__(
        self,
        store: Bridge,
        *,
        settle: Callable[[int], object],
        fail: Callable[[str], Any],
        max_ahead: int = MAX_AHEAD,
    ) -> None:
        self._store = store
        self._settle = settle
        self._fail = fail
        self._max_ahead = max_ahead
        self._waiting: list[TaskTransition | Event] = []
        self._bytes = 0
        self._work: asyncio.Task[None] | None = None
        self._failed = False

    async def put(self, item: TaskTransition | Event, size: int) -> None:
        """Take an event; waits while too many wait for their commit.

        Args:
            item: What to store.
            size: The bytes that it came as.

        Raises:
            Gone: A commit has failed, and the client was sent away.
        """
        if self._failed:
            raise Gone
        self._waiting.append(item)
        self._bytes += size
        if self._work is None:
            self._work = asyncio.create_task(self._work_off())
        if len(self._waiting) >= self._max_ahead or self._bytes >= MAX_BYTES_AHEAD:
            await self.flush()

    async def flush(self) -> None:
        """Wait until all that was taken is committed, or a commit has failed."""
        while self._work is not None:
            await asyncio.wait([self._work])

    async def _work_off(self) -> None:
        try:
            while self._waiting and not self._failed:
                batch, self._waiting, self._bytes = self._waiting, [], 0
                await self._commit(batch)
                self._settle(len(batch))
        except Exception as error:
            self._failed = True
            _log.error("Events of a client could not be stored.", exc_info=error)
            await self._fail(f"The events could not be stored ({answer_to(error).status}); send them again.")
        finally:
            self._work = None

    async def _commit(self, batch: list[TaskTransition | Event]) -> None:
        while True:
            try:
                return await commit(self._store, ingest, batch)
            except OverCapacityError:
                # Each client has one batch under way, so what waits here is bounded.
                await asyncio.sleep(RETRY_SECONDS)

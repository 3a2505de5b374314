"""`emit_event`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from headrace.core.ids import uuid7
from headrace.engine.context import current_recorder
from headrace.engine.session import current_session
from headrace.events.related import related_resources_from_run_context
from headrace.schema.base import now, utc
from headrace.schema.events import Event, RelatedResource

__all__ = ["TIGHT_TIMING", "emit_event"]

TIGHT_TIMING = timedelta(minutes=5)
"""How far apart two events may be for one to be said to follow the other."""


def emit_event(
    event: str,
    resource: Mapping[str, str],
    occurred: datetime | None = None,
    related: Sequence[Mapping[str, str]] | Sequence[RelatedResource] | None = None,
    payload: Mapping[str, Any] | None = None,
    id: UUID | None = None,
    follows: Event | None = None,
    **kwargs: Any,
) -> Event:
    """Record that something has happened.

    In the code of a run, the run, its flow and their tags are noted as involved. The event is on its way when this returns, and
    recorded before the run ends.

    Args:
        event: What happened, dotted: `orders.arrived`.
        resource: Labels of what it happened to; `prefect.resource.id` says what that is.
        occurred: When; now when left out. A time without a zone is taken to be in UTC.
        related: Labels of what else was involved, each with `prefect.resource.id` and `prefect.resource.role`.
        payload: Whatever else is worth keeping. What JSON cannot hold is recorded as text.
        id: The event's id; one is minted when left out.
        follows: An event that came before and led to this one; it counts as such when both are within five minutes.
        kwargs: Ignored: newer callers may say more.

    Returns:
        The event as it is recorded.

    Raises:
        ValueError: A resource lacks a label that it needs, or a label is no text.
        StoreError: The database cannot be used; the message says why and what to do.

    Example:
        >>> emit_event("orders.arrived", {"prefect.resource.id": "shop.north"}, payload={"orders": 7})
    """
    emitted = Event(
        id=id or uuid7(),
        event=event,
        resource=_labels(resource, "resource", ("prefect.resource.id",)),
        related=[
            _labels(each, "related resource", ("prefect.resource.id", "prefect.resource.role"))
            for each in related or ()
        ],
        payload=dict(payload or {}),
        occurred=utc(occurred) or now(),
    )
    if follows is not None and abs(emitted.occurred - utc(follows.occurred)) < TIGHT_TIMING:
        emitted.follows = follows.id
    involved = [each.id for each in emitted.involved_resources]
    emitted.related += related_resources_from_run_context(exclude=involved)
    recorder = current_recorder() or current_session().recorder
    recorder.append(emitted)
    return emitted


def _labels(given: Mapping[Any, Any], what: str, needed: Sequence[str]) -> dict[str, str]:
    """The labels of a resource as a dictionary, checked: what is recorded must be what others can read."""
    labels = dict(given)
    for key, value in labels.items():
        if not (isinstance(key, str) and isinstance(value, str)):
            raise ValueError(
                f"The label {key!r} of a {what} is {value!r}; labels and their values must be texts."
            )
    for key in needed:
        if not labels.get(key):
            raise ValueError(f"The {what} {labels!r} lacks the label {key!r}: give it one.")
    return labels

"""Filters of events and log lines, applied to objects in memory: what a follower of the log is sent.

`store.lists` makes the same of them in SQL; a property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeVar

from headrace.core.labels import matches
from headrace.core.text import encode_json
from headrace.core.words import Search
from headrace.schema.events import Event, TransitionEvent
from headrace.schema.filters.events import (
    EventAnyResourceFilter,
    EventFilter,
    EventNameFilter,
    EventRelatedFilter,
    EventResourceFilter,
)
from headrace.schema.filters.logs import LogFilter
from headrace.schema.filters.shapes import Operator
from headrace.schema.logs import Log

__all__ = ["event_passes", "log_passes", "name_passes", "searched_texts"]

T = TypeVar("T")

Resource = dict[str, str]

RESOURCE_ID = "prefect.resource.id"
ROLE = "prefect.resource.role"

SEARCHED_LABELS = (RESOURCE_ID, "prefect.resource.name", "prefect.state-message")
"""Labels of a transition's resource in which words are searched for."""


# --- Events ----------------------------------------------------------------------------------------------------


def event_passes(wanted: EventFilter, event: Event) -> bool:
    """Whether an event meets all criteria of a filter. Order and `distinct` are about lists, and not looked at."""
    return (
        name_passes(wanted.event, event.event)
        and wanted.occurred.since <= event.occurred <= wanted.occurred.until
        and (not wanted.id.id or event.id in wanted.id.id)
        and _resource_passes(wanted.resource, event.resource)
        and all(_is_related(each, event) for each in listed(wanted.related))
        and all(_is_involved(each, event) for each in listed(wanted.any_resource))
        and (wanted.text is None or _search(wanted.text.query).finds(searched_texts(event)))
    )


def name_passes(wanted: EventNameFilter | None, name: str) -> bool:
    """Whether an event of that name meets the criterion of names. A criterion without values lets everything pass."""
    if wanted is None:
        return True
    return (
        (not wanted.prefix or name.startswith(tuple(wanted.prefix)))
        and not name.startswith(tuple(wanted.exclude_prefix or ()))
        and (not wanted.name or name in wanted.name)
        and name not in (wanted.exclude_name or ())
    )


def listed(criteria: T | list[T] | None) -> list[T]:
    """One criterion, several or none, as a list."""
    if criteria is None:
        return []
    return criteria if isinstance(criteria, list) else [criteria]


def searched_texts(event: Event) -> list[str]:
    """The texts of an event in which words are searched for: of a transition those that people read, of others all."""
    if isinstance(event, TransitionEvent):
        return [event.event, *(event.resource[label] for label in SEARCHED_LABELS)]
    parts = (event.resource, event.related, event.payload)
    return [event.event, *(encode_json(part) if part else "" for part in parts)]


def _resource_passes(wanted: EventResourceFilter | None, resource: Resource) -> bool:
    return wanted is None or _is(wanted, resource)


def _is(
    wanted: EventResourceFilter | EventAnyResourceFilter | EventRelatedFilter, resource: Resource
) -> bool:
    """Whether a resource has the id and the labels that are wanted."""
    resource_id = resource[RESOURCE_ID]
    return (
        (not wanted.id or resource_id in wanted.id)
        and (
            isinstance(wanted, EventRelatedFilter)
            or not wanted.id_prefix
            or resource_id.startswith(tuple(wanted.id_prefix))
        )
        and matches(wanted.labels or {}, resource)
    )


def _is_related(wanted: EventRelatedFilter, event: Event) -> bool:
    if not (wanted.id or wanted.role or wanted.resources_in_roles or wanted.labels):
        return True
    return any(_is(wanted, resource) and _has_role(wanted, resource) for resource in event.related)


def _has_role(wanted: EventRelatedFilter, resource: Resource) -> bool:
    role, pairs = resource[ROLE], wanted.resources_in_roles
    return (not wanted.role or role in wanted.role) and (not pairs or (resource[RESOURCE_ID], role) in pairs)


def _is_involved(wanted: EventAnyResourceFilter, event: Event) -> bool:
    return any(_is(wanted, resource) for resource in (event.resource, *event.related))


@lru_cache(maxsize=256)
def _search(query: str) -> Search:
    return Search.parse(query)


# --- Log lines -------------------------------------------------------------------------------------------------


def log_passes(wanted: LogFilter, log: Log) -> bool:
    """Whether a line meets a filter's criteria. A criterion that says nothing is met by every line."""
    met = list(_met(wanted, log))
    return any(met) if wanted.operator is Operator.or_ and met else all(met)


def _met(wanted: LogFilter, log: Log) -> Iterator[bool]:
    """Of each criterion, whether the line meets it."""
    if (level := wanted.level) is not None:
        yield _is_between(log.level, level.ge_, level.le_)
    if (timestamp := wanted.timestamp) is not None:
        yield _is_between(log.timestamp, timestamp.after_, timestamp.before_)
    if (flow_run := wanted.flow_run_id) is not None:
        yield flow_run.any_ is None or log.flow_run_id in flow_run.any_
    if (task_run := wanted.task_run_id) is not None:
        is_meant = task_run.any_ is None or log.task_run_id in task_run.any_
        yield is_meant and task_run.is_null_ in (None, log.task_run_id is None)
    if wanted.text is not None:
        yield _search(wanted.text.query).finds([log.message, log.name])


def _is_between(value: Any, least: Any, most: Any) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)

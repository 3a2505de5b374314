"""Filters of events as conditions of SQL.

An event is either one that somebody sent, kept with its name, resources and payload, or a transition of a run, kept in columns
from which all that is made when it is read. So most criteria become two conditions, one for each kind.

`schema.filters.matching` applies the same filters to events in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, literal_column, not_, select, true
from sqlalchemy.types import Text

from headrace.core.words import Search
from headrace.schema.filters.events import (
    EventAnyResourceFilter,
    EventFilter,
    EventNameFilter,
    EventRelatedFilter,
    EventResourceFilter,
)
from headrace.schema.filters.matching import listed
from headrace.store.connection import micros
from headrace.store.lists.criteria import contains_words
from headrace.store.lists.queries import json_items, unindexed
from headrace.store.lists.resources import (
    ALWAYS,
    NEVER,
    RESOURCE_NAME,
    Condition,
    JsonResource,
    NamedResource,
    OwnResource,
    Resource,
    TagResource,
    begins_with,
    every,
    instant_text,
    meets,
    some,
    uuid_text,
)
from headrace.store.tables import event, flow, flow_run, task_run

__all__ = ["RUN_KINDS", "events_where", "name_of", "resource_id_of", "resource_name_of", "sorted_by"]

RUN_KINDS = ("flow-run", "task-run")

_COMMON = "prefect.task-run."

Expression = ColumnElement[Any]
Meets = Callable[[Resource], Condition]


def events_where(wanted: EventFilter) -> Iterator[Condition]:
    """The conditions on `event`."""
    occurred = _unindexed_occurred() if _names_few(wanted.event) else event.c.occurred
    yield occurred >= micros(wanted.occurred.since)
    yield occurred <= micros(wanted.occurred.until)
    if wanted.id.id:
        yield event.c.id.in_(wanted.id.id)
    if wanted.event is not None:
        yield from _names(wanted.event)
    if wanted.resource is not None:
        yield _own_resource(_criteria(wanted.resource))
    for related in listed(wanted.related):
        if related.id or related.role or related.resources_in_roles or related.labels:
            yield _related_resource(_criteria(related), selective=_names_ids(related))
    for involved in listed(wanted.any_resource):
        criteria = _criteria(involved)
        yield some(_own_resource(criteria), _related_resource(criteria, selective=_names_ids(involved)))
    if wanted.text is not None:
        yield _has_words(wanted.text.query)


def sorted_by(wanted: EventFilter) -> Expression:
    """When the events occurred, as an expression to sort by that leads to the right index."""
    return _unindexed_occurred() if _is_selective(wanted) else event.c.occurred


def _unindexed_occurred() -> Expression:
    """When the event occurred, in a way that keeps SQLite from going through all that occurred in that time."""
    return unindexed(event.c.occurred)


def _is_selective(wanted: EventFilter) -> bool:
    """Whether few events can meet the filter, which an index finds: then the way leads from there, not through all that occurred."""
    resource = wanted.resource
    return bool(
        wanted.id.id
        or _names_few(wanted.event)
        or (resource is not None and resource.id)
        or any(map(_names_ids, listed(wanted.related)))
        or any(map(_names_ids, listed(wanted.any_resource)))
    )


def _names_ids(wanted: EventRelatedFilter | EventAnyResourceFilter) -> bool:
    return bool(wanted.id or (isinstance(wanted, EventRelatedFilter) and wanted.resources_in_roles))


def _criteria(wanted: EventResourceFilter | EventRelatedFilter | EventAnyResourceFilter) -> Meets:
    """The function that asks a resource about a filter's criteria."""
    if isinstance(wanted, EventRelatedFilter):
        return lambda resource: meets(
            resource,
            ids=wanted.id,
            labels=wanted.labels,
            roles=wanted.role,
            ids_and_roles=wanted.resources_in_roles,
        )
    return lambda resource: meets(resource, ids=wanted.id, id_prefixes=wanted.id_prefix, labels=wanted.labels)


# --- Names -----------------------------------------------------------------------------------------------------


def name_of() -> Expression:
    """The event's name."""
    return func.coalesce(
        event.c.event,
        literal("prefect.", Text()) + event.c.run_kind + literal(".", Text()) + event.c.state_name,
    )


def _names(wanted: EventNameFilter) -> Iterator[Condition]:
    if wanted.prefix:
        yield _begin(wanted.prefix)
    if wanted.exclude_prefix:
        yield not_(_begin(wanted.exclude_prefix))
    if wanted.name:
        yield _are(wanted.name)
    if wanted.exclude_name:
        yield not_(_are(wanted.exclude_name))


def _names_few(wanted: EventNameFilter | None) -> bool:
    """Whether transitions of task runs, which most events are, are not asked for."""
    if wanted is None:
        return False
    if wanted.name:
        return not any(name.startswith(_COMMON) for name in wanted.name)
    prefixes = wanted.prefix or [""]
    return not any(_COMMON.startswith(prefix) or prefix.startswith(_COMMON) for prefix in prefixes)


def _are(names: Sequence[str]) -> Condition:
    """Whether the event has one of these names. Never NULL, so that it can be negated."""
    conditions = [_sent(event.c.event.in_(names))]
    for kind in RUN_KINDS:
        prefix = f"prefect.{kind}."
        states = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        if states:
            conditions.append(_transition(kind, event.c.state_name.in_(states)))
    return some(*conditions)


def _begin(prefixes: Sequence[str]) -> Condition:
    """Whether the event's name begins with one of these. Never NULL."""
    conditions = [_sent(some(*(begins_with(event.c.event, prefix) for prefix in prefixes)))]
    for kind in RUN_KINDS:
        constant = f"prefect.{kind}."
        for prefix in prefixes:
            if constant.startswith(prefix):
                # Any state; saying so has SQLite use the index of flow runs' states.
                conditions.append(_transition(kind, event.c.state_name >= ""))
            elif prefix.startswith(constant):
                begun = begins_with(event.c.state_name, prefix.removeprefix(constant))
                conditions.append(_transition(kind, begun))
    return some(*conditions)


def _sent(condition: Condition) -> Condition:
    """Whether somebody sent the event and `condition` is true of it."""
    return every(event.c.event.is_not(None), condition)


def _transition(kind: str, condition: Condition) -> Condition:
    """Whether the event is a transition of such a run and `condition` is true of it.

    The kind is part of the text, not a parameter: so SQLite sees which partial index it may use.
    """
    return every(event.c.state_type.is_not(None), event.c.run_kind == literal_column(f"'{kind}'"), condition)


# --- What it happened to ---------------------------------------------------------------------------------------


def resource_id_of() -> Expression:
    """The id of the event's resource, as long as it is kept."""
    own = literal("prefect.", Text()) + event.c.run_kind + literal(".", Text()) + uuid_text(event.c.run_id)
    return func.coalesce(event.c.resource_id, own)


def resource_name_of() -> Expression:
    """The name of a transition's run; empty where it is not known."""
    flow_run_name = select(flow_run.c.name).where(flow_run.c.id == event.c.run_id).scalar_subquery()
    task_run_name = select(task_run.c.name).where(task_run.c.id == event.c.run_id).scalar_subquery()
    return func.coalesce(flow_run_name, task_run_name, "")


def _own_resource(met: Meets) -> Condition:
    conditions = [_sent(met(OwnResource(event.c.resource_id, event.c.resource)))]
    for kind in RUN_KINDS:
        labels = {
            RESOURCE_NAME: resource_name_of(),
            "prefect.run-count": func.cast(event.c.run_count, Text()),
            "prefect.state-message": func.coalesce(event.c.message, ""),
            "prefect.state-name": event.c.state_name,
            "prefect.state-timestamp": instant_text(event.c.occurred),
            "prefect.state-type": event.c.state_type,
        }
        if kind == "task-run":
            labels["prefect.orchestration"] = literal("client", Text())
        own = NamedResource(kind, event.c.run_id, labels, has_role=False)
        conditions.append(_transition(kind, met(own)))
    return some(*conditions)


# --- What else was involved ------------------------------------------------------------------------------------


def _related_resource(met: Meets, *, selective: bool) -> Condition:
    """Whether a related resource meets the criteria.

    Args:
        selective: Few runs have such a resource: they are found first, and then their transitions.
    """
    conditions = [_sent_with(met)]
    for kind, table in (("flow-run", flow_run), ("task-run", task_run)):
        found = [_runs_with(table, around, condition) for around, condition in _around(kind, met)]
        conditions += [
            _transition(kind, event.c.run_id.in_(runs) if selective else _exists(runs, table))
            for runs in found
        ]
    return some(*conditions)


def _sent_with(met: Meets) -> Condition:
    item = json_items(event.c.related).table_valued("value").alias()
    found: Any = select(literal_column("1")).select_from(item).where(met(JsonResource(item.c.value)))
    return every(event.c.related.is_not(None), found.exists())


def _runs_with(table: Any, source: Any, condition: Condition) -> Select[Any]:
    return select(table.c.id).select_from(source).where(condition)


def _exists(runs: Select[Any], table: Any) -> Condition:
    found: Condition = runs.where(table.c.id == event.c.run_id).correlate(event).exists()
    return found


def _around(kind: str, met: Meets) -> Iterator[tuple[Any, Condition]]:
    """Where the resources around runs of a kind are found, and the condition on them; those that cannot meet it are left out."""
    for source, present, resource in _neighbours(kind):
        condition = every(present, met(resource))
        if condition is not NEVER:
            yield source, condition


def _neighbours(kind: str) -> Iterator[tuple[Any, Condition, Resource]]:
    """Each kind of resource around a run: what it is selected from, when there is one, and what is known of it."""
    runs: Any = flow_run
    if kind == "task-run":
        runs = task_run.join(flow_run, flow_run.c.id == task_run.c.flow_run_id)
        # A flow run may be unknown, and its id is known all the same.
        maybe = task_run.outerjoin(flow_run, flow_run.c.id == task_run.c.flow_run_id)
        own = NamedResource("flow-run", task_run.c.flow_run_id, {RESOURCE_NAME: flow_run.c.name})
        yield maybe, task_run.c.flow_run_id.is_not(None), own
        tags = json_items(task_run.c.tags).table_valued("value", name="tag")
        yield task_run.join(tags, true()), task_run.c.tags.is_not(None), TagResource(tags.c.value)
    of_flow = runs.join(flow, flow.c.id == flow_run.c.flow_id)
    yield of_flow, ALWAYS, NamedResource("flow", flow.c.id, {RESOURCE_NAME: flow.c.name})
    for role, column in (
        ("deployment", flow_run.c.deployment_id),
        ("work-queue", flow_run.c.work_queue_id),
        ("work-pool", flow_run.c.work_pool_id),
    ):
        yield runs, column.is_not(None), NamedResource(role, column, {})
    if kind == "flow-run":
        tracker = task_run.alias("tracker")
        tracked = flow_run.outerjoin(tracker, tracker.c.id == flow_run.c.parent_task_run_id)
        parent = NamedResource("task-run", flow_run.c.parent_task_run_id, {RESOURCE_NAME: tracker.c.name})
        yield tracked, flow_run.c.parent_task_run_id.is_not(None), parent
    tags = json_items(flow_run.c.tags).table_valued("value", name="tag")
    yield runs.join(tags, true()), flow_run.c.tags.is_not(None), TagResource(tags.c.value)


# --- Words -----------------------------------------------------------------------------------------------------


def _has_words(query: str) -> Condition:
    """Whether the words are found; where is said by `schema.filters.matching.searched_texts`."""
    if Search.parse(query) == Search():
        return ALWAYS
    sent = [
        func.coalesce(column, "")
        for column in (event.c.event, event.c.resource, event.c.related, event.c.payload)
    ]
    transition = [name_of(), resource_id_of(), resource_name_of(), func.coalesce(event.c.message, "")]
    return some(
        _sent(contains_words(sent, query)),
        every(event.c.state_type.is_not(None), contains_words(transition, query)),
    )

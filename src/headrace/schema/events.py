"""`Event`: something that happened to a resource. Every state transition is one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import field

from headrace.core.ids import uuid7
from headrace.schema.base import Schema, encode, now

__all__ = ["Event", "RelatedResource", "Resource", "TransitionEvent"]

ID = "prefect.resource.id"
NAME = "prefect.resource.name"
ROLE = "prefect.resource.role"
RELATED = "related:"


class Resource(dict[str, str]):
    """What an event happened to, as labels; `prefect.resource.id` is required.

    Example:
        >>> Resource({"prefect.resource.id": "orders.7", "shop": "north"}).id
        'orders.7'
    """

    @property
    def id(self) -> str:
        """What tells it from all others."""
        return self[ID]

    @property
    def name(self) -> str | None:
        """What people call it."""
        return self.get(NAME)

    def prefect_object_id(self, kind: str) -> UUID:
        """The id of the object that it is.

        Args:
            kind: What the resource's id begins with: `prefect.flow-run`.

        Raises:
            ValueError: It is no such object.
        """
        prefix = f"{kind}."
        if not self.id.startswith(prefix):
            raise ValueError(
                f"The resource {self.id!r} is no {kind!r}: its id does not begin with {prefix!r}."
            )
        return UUID(self.id.removeprefix(prefix))


class RelatedResource(Resource):
    """What else was involved in an event, as labels; `prefect.resource.role` is required as well."""

    @property
    def role(self) -> str:
        """What part it played."""
        return self[ROLE]


class Event(Schema, kw_only=True):
    """Something that happened to a resource.

    Args:
        event: What happened, dotted: `prefect.task-run.Completed`.
        resource: Labels of what it happened to; `prefect.resource.id` is required.
        related: Labels of what else was involved, each with `prefect.resource.id` and `prefect.resource.role`.
        payload: Whatever else is worth keeping; JSON.
        occurred: When it happened (UTC).
        follows: The event that is known to have come right before.
        received: When the store accepted it (UTC).
    """

    event: str
    resource: dict[str, str]
    id: UUID = field(default_factory=uuid7)
    occurred: datetime = field(default_factory=now)
    related: list[dict[str, str]] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    follows: UUID | None = None
    received: datetime | None = None

    def __post_init__(self) -> None:
        # Decoders make plain dictionaries; those who are given an event may ask its resources for their ids.
        self.resource = Resource(self.resource)
        self.related = [RelatedResource(each) for each in self.related]

    @property
    def size_bytes(self) -> int:
        """The bytes that it has as JSON."""
        return len(encode(self))

    @property
    def involved_resources(self) -> list[Resource]:
        """What it happened to, and then what else was involved."""
        return [Resource(self.resource), *map(RelatedResource, self.related)]

    @property
    def resource_in_role(self) -> Mapping[str, RelatedResource]:
        """By role, the first related resource that has it."""
        return {role: resources[0] for role, resources in self.resources_in_role.items()}

    @property
    def resources_in_role(self) -> Mapping[str, list[RelatedResource]]:
        """By role, the related resources that have it; an empty list for any other role."""
        found: defaultdict[str, list[RelatedResource]] = defaultdict(list)
        for resource in map(RelatedResource, self.related):
            found[resource.role].append(resource)
        return found

    def find_resource_label(self, label: str) -> str | None:
        """The value of a label.

        Args:
            label: A label of the resource; or `related:flow:prefect.resource.name`, that of the first resource in a role.

        Returns:
            The value; None when there is none.
        """
        if not label.startswith(RELATED):
            return self.resource.get(label)
        role, _, name = label.removeprefix(RELATED).partition(":")
        resource = self.resource_in_role.get(role)
        return None if resource is None else resource.get(name)


class TransitionEvent(Event, kw_only=True):
    """A run has entered a state. It is made of what is stored of the run when it is read."""

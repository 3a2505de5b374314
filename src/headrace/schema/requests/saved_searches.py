"""What clients send about saved searches."""

from __future__ import annotations

from msgspec import field

from headrace.schema.base import Body, Parameters
from headrace.schema.requests.scope import Limit, Offset
from headrace.schema.saved_searches import SavedSearchFilter

__all__ = ["SavedSearchCreate", "SavedSearchesFilterBody"]


class SavedSearchCreate(Body, kw_only=True):
    """`PUT /saved_searches/`: the search of that name has these filters from now on."""

    name: str
    filters: list[SavedSearchFilter] = field(default_factory=list)


class SavedSearchesFilterBody(Parameters, kw_only=True):
    """`POST /saved_searches/filter`."""

    limit: Limit | None = None
    offset: Offset = 0

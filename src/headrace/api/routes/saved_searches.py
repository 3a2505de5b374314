"""Saved searches."""

from __future__ import annotations

from uuid import UUID

from litestar import Router, delete, get, post, put
from litestar.params import FromPath, JSONBody

from headrace.api.dependencies import InjectedSettings, InjectedStore
from headrace.api.errors import not_found
from headrace.api.pages import limit_of
from headrace.api.responses import JsonResponse
from headrace.schema.base import now
from headrace.schema.requests.saved_searches import SavedSearchCreate, SavedSearchesFilterBody
from headrace.schema.saved_searches import SavedSearch
from headrace.store import saved_searches

__all__ = ["router"]


@put("/", status_code=201)
async def save_search(data: JSONBody[SavedSearchCreate], store: InjectedStore) -> JsonResponse[SavedSearch]:
    """Keep filters under a name; 200 answers when there were some already, which these replace."""
    at = now()
    search = await store.write(lambda conn: saved_searches.save_search(conn, data.name, data.filters, now=at))
    return JsonResponse(search, status_code=201 if search.created == at else 200)


@get("/{id:uuid}")
async def read_saved_search(id: FromPath[UUID], store: InjectedStore) -> SavedSearch:
    """One search."""
    return await store.read(lambda conn: saved_searches.read_saved_search(conn, id))


@post("/filter", status_code=200)
async def list_saved_searches(
    store: InjectedStore, settings: InjectedSettings, data: JSONBody[SavedSearchesFilterBody | None] = None
) -> list[SavedSearch]:
    """Searches by name."""
    body = data or SavedSearchesFilterBody()
    limit = limit_of(body.limit, settings)
    return await store.read(
        lambda conn: saved_searches.read_saved_searches(conn, limit=limit, offset=body.offset)
    )


@delete("/{id:uuid}")
async def delete_saved_search(id: FromPath[UUID], store: InjectedStore) -> None:
    """Delete a search."""
    await store.write(lambda conn: saved_searches.delete_saved_search(conn, id))


router = Router(
    path="/saved_searches",
    route_handlers=[save_search, read_saved_search, list_saved_searches, delete_saved_search],
    tags=["SavedSearches"],
    opt=not_found("Saved search not found"),
)

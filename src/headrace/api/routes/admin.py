"""The server's version and settings, and the storage of results that it proposes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import MediaType, Router, delete, get, put
from litestar.params import JSONBody
from msgspec import to_builtins

from headrace.api.dependencies import InjectedSettings, InjectedStore
from headrace.schema.requests.admin import ServerDefaultResultStorageUpdate
from headrace.schema.responses import ServerDefaultResultStorage
from headrace.schema.versions import PREFECT_VERSION
from headrace.settings.secret import MASK
from headrace.store import meta

__all__ = ["router"]


@get("/version", media_type=MediaType.JSON)
async def read_version() -> str:
    """The version of Prefect that the API is compatible with."""
    return PREFECT_VERSION


@get("/settings")
async def read_settings(settings: InjectedSettings) -> dict[str, Any]:
    """All settings of the server; secrets are masked."""
    tree: dict[str, Any] = to_builtins(settings, enc_hook=str)  # a Secret is masked by `str`
    # Headers that clients add are what proxies ask for, credentials more often than not.
    tree["client"]["custom_headers"] = dict.fromkeys(settings.client.custom_headers, MASK)
    return tree


@get("/storage")
async def read_storage(store: InjectedStore) -> ServerDefaultResultStorage:
    """The block where results go when a flow does not say otherwise."""
    block = await store.read(lambda conn: meta.read_fact(conn, meta.DEFAULT_RESULT_STORAGE))
    return ServerDefaultResultStorage(default_result_storage_block_id=UUID(block) if block else None)


@put("/storage")
async def update_storage(
    store: InjectedStore, data: JSONBody[ServerDefaultResultStorageUpdate]
) -> ServerDefaultResultStorage:
    """Choose that block."""
    block = data.default_result_storage_block_id
    await store.write(lambda conn: meta.write_fact(conn, meta.DEFAULT_RESULT_STORAGE, str(block)))
    return ServerDefaultResultStorage(default_result_storage_block_id=block)


@delete("/storage")
async def clear_storage(store: InjectedStore) -> None:
    """Choose no block."""
    await store.write(lambda conn: meta.delete_fact(conn, meta.DEFAULT_RESULT_STORAGE))


router = Router(
    path="/admin",
    route_handlers=[read_version, read_settings, read_storage, update_storage, clear_storage],
    tags=["Admin"],
)

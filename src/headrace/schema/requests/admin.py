"""What clients send about the server itself."""

from __future__ import annotations

from uuid import UUID

from headrace.schema.base import Body

__all__ = ["ServerDefaultResultStorageUpdate"]


class ServerDefaultResultStorageUpdate(Body, kw_only=True):
    """`PUT /admin/storage`: the block where results go when a flow does not say otherwise."""

    default_result_storage_block_id: UUID

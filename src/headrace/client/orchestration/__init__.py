"""The public client: `get_client()`, blocking and awaiting, both made of one list of verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.lazy import lazy_names

if TYPE_CHECKING:
    from headrace.client.orchestration.client import (
        HeadraceClient,
        PrefectClient,
        SyncHeadraceClient,
        SyncPrefectClient,
        get_client,
    )

__all__ = ["HeadraceClient", "PrefectClient", "SyncHeadraceClient", "SyncPrefectClient", "get_client"]

__getattr__, __dir__ = lazy_names(__name__, dict.fromkeys(__all__, "headrace.client.orchestration.client"))

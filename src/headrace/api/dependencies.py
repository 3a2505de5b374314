"""What handlers are given by name: `store`, `settings` and `metrics`.

@get("/{id:uuid}")
async def read(id: UUID, store: InjectedStore) -> Flow:
    return await store.read(lambda conn: flows.read_flow(conn, id))
"""

from __future__ import annotations

from litestar.di import NamedDependency

from headrace.api.bridge import Bridge
from headrace.api.metrics import Metrics
from headrace.settings import Settings

__all__ = ["InjectedMetrics", "InjectedSettings", "InjectedStore"]

InjectedStore = NamedDependency[Bridge]
InjectedSettings = NamedDependency[Settings]
InjectedMetrics = NamedDependency[Metrics]

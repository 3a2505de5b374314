"""How a runtime reaches orchestration: in-process on an embedded store, or over HTTP; and the public client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.lazy import lazy_names

if TYPE_CHECKING:
    from headrace.client.orchestration.client import get_client

__all__ = ["get_client"]

__getattr__, __dir__ = lazy_names(__name__, {"get_client": "headrace.client.orchestration.client"})

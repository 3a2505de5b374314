"""The server itself, for people who look after it."""

from __future__ import annotations

import platform
import sys
from datetime import datetime

from litestar import Router, get

from headrace import __version__
from headrace.api.dependencies import InjectedStore
from headrace.schema.base import Schema, now
from headrace.schema.versions import API_VERSION
from headrace.store.description import Description, describe

__all__ = ["router"]

STARTED = now()
"""When this process loaded its routes, which it does once (UTC)."""


class Server(Schema, kw_only=True):
    """`GET /ui/server`.

    Args:
        version: Headrace's.
        api_version: Of the API.
        started: When the process that answers was started (UTC).
        memory_bytes: What it has in memory; None where that is not known.
        waiting_writes: Writes that wait for their commit.
        waiting_reads: Reads that run or wait for a thread.
    """

    version: str
    api_version: str
    python: str
    platform: str
    started: datetime
    memory_bytes: int | None
    waiting_writes: int
    waiting_reads: int
    database: Description


@get("/server")
async def read_server(store: InjectedStore) -> Server:
    """What the server is, and how it fares."""
    return Server(
        version=__version__,
        api_version=API_VERSION,
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        started=STARTED,
        memory_bytes=_resident_bytes(),
        waiting_writes=store.waiting_writes,
        waiting_reads=store.waiting_reads,
        database=await store.read(describe),
    )


def _resident_bytes() -> int | None:
    """What this process has in memory now, where the system tells without help."""
    if sys.platform != "linux":
        return None
    import resource

    with open("/proc/self/statm") as figures:
        return int(figures.read().split()[1]) * resource.getpagesize()


router = Router(path="/ui", route_handlers=[read_server], tags=["UI"])

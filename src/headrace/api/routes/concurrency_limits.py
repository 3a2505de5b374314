"""Slots of concurrency limits, as far as every client asks for them.

A Prefect client asks for a slot of each tag of a task run before it runs it, and does not run it if the question fails. No limit can
be set yet, so there is none whose slots could be taken.
"""

from __future__ import annotations

from litestar import Router, post
from litestar.params import JSONBody

from headrace.core.ids import uuid7
from headrace.schema.requests.concurrency_limits import SlotsLeaseBody
from headrace.schema.responses import ConcurrencyLimitWithLeaseResponse

__all__ = ["router"]


@post("/increment-with-lease", status_code=200)
async def take_slots(data: JSONBody[SlotsLeaseBody]) -> ConcurrencyLimitWithLeaseResponse:
    """Take slots of those of the named limits that there are."""
    return ConcurrencyLimitWithLeaseResponse(lease_id=uuid7(), limits=[])


router = Router(path="/v2/concurrency_limits", route_handlers=[take_slots], tags=["Concurrency Limits V2"])

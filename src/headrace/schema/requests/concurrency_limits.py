"""What clients send about slots of concurrency limits."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from headrace.schema.base import Body

__all__ = ["ConcurrencyLeaseHolder", "SlotsLeaseBody"]


class ConcurrencyLeaseHolder(Body, kw_only=True):
    """Who takes slots.

    Args:
        type: What it is.
        id: Its id.
    """

    type: Literal["flow_run", "task_run", "deployment"]
    id: UUID


class SlotsLeaseBody(Body, kw_only=True):
    """`POST /v2/concurrency_limits/increment-with-lease`: slots of limits, for a time.

    Args:
        names: Of the limits. Those of a task run's tags are sent whether or not there are limits of these names.
        slots: How many of each.
        mode: Whether slots are held, or flow back by themselves.
        lease_duration: Seconds after which they are free again unless the lease is renewed.
        holder: Who takes them.
    """

    names: Annotated[list[str], Meta(min_length=1)]
    slots: Annotated[int, Meta(gt=0)]
    mode: Literal["concurrency", "rate_limit"] = "concurrency"
    lease_duration: Annotated[float, Meta(ge=60, le=86_400)] = 300.0
    holder: ConcurrencyLeaseHolder | None = None

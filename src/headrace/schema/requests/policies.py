"""Policies of runs as old clients send them."""

from __future__ import annotations

from typing import TypeVar

from msgspec import structs

from headrace.schema.runs import FlowRunPolicy, TaskRunPolicy

__all__ = ["with_retries"]

P = TypeVar("P", FlowRunPolicy, TaskRunPolicy)


def with_retries(policy: P) -> P:
    """The policy with `retries` and `retry_delay` from the fields that once said the same, where only those are given."""
    changes: dict[str, int | float] = {}
    if policy.retries is None and policy.max_retries:
        changes["retries"] = policy.max_retries
    if policy.retry_delay is None and policy.retry_delay_seconds:
        changes["retry_delay"] = policy.retry_delay_seconds
    return structs.replace(policy, **changes) if changes else policy

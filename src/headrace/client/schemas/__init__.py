"""The objects that clients send and receive; `objects` has them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.lazy import lazy_names

if TYPE_CHECKING:
    from headrace.client.schemas.objects import FlowRun, State, StateDetails, StateType, TaskRun

__all__ = ["FlowRun", "State", "StateDetails", "StateType", "TaskRun"]

__getattr__, __dir__ = lazy_names(__name__, dict.fromkeys(__all__, "headrace.client.schemas.objects"))

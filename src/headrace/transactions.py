"""How runs that share a record of the same key are kept apart."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["IsolationLevel"]


class IsolationLevel(StrEnum):
    """What two runs with one cache key see of each other.

    `READ_COMMITTED`: each sees what the other has finished; started together, both compute.
    `SERIALIZABLE`: the second waits for the first and takes its result; needs a lock manager.
    """

    READ_COMMITTED = "READ_COMMITTED"
    SERIALIZABLE = "SERIALIZABLE"

"""Marks that a caller puts on an argument: `unmapped`, `allow_failure`, `quote` and their like."""

from __future__ import annotations

from headrace.core.annotations import (
    BaseAnnotation,
    NotSet,
    Quote,
    allow_failure,
    freeze,
    opaque,
    quote,
    unmapped,
)

__all__ = ["BaseAnnotation", "NotSet", "Quote", "allow_failure", "freeze", "opaque", "quote", "unmapped"]

"""What every group of settings is made of: the frozen base Struct and the description of a field.

A field's type, unit, bounds and meaning stand in its annotation. Annotations stay unevaluated text until a value has
to be checked or shown, so that starting a program costs nothing for the settings it does not set.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

__all__ = ["HOME", "Duration", "Group", "LogLevel", "Port", "Positive", "Seconds", "about"]

HOME = "$HEADRACE_HOME"
"""Stands for the home folder at the start of a path or inside a URL."""


class Group(Struct, frozen=True):
    """Base of every group of settings; its values cannot be changed."""


def about(text: str, *, unit: str | None = None, **bounds: Any) -> Meta:
    """Describe a field.

    Args:
        text: What the setting decides, in one sentence.
        unit: The unit that its number is in.
        bounds: Bounds of its value, as `msgspec.Meta` takes them: `ge`, `gt`, `le`, `lt`, `min_length`, `pattern`.
    """
    return Meta(description=text, extra={"unit": unit} if unit else None, **bounds)


LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Seconds = Annotated[float, Meta(ge=0, extra={"unit": "seconds"})]
Duration = Annotated[float, Meta(gt=0, extra={"unit": "seconds"})]
Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[int, Meta(gt=0)]

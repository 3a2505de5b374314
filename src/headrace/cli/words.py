"""Instants, durations and states as people read them."""

from __future__ import annotations

from datetime import datetime

from headrace.cli.output import Cell
from headrace.core.states import StateType

__all__ = ["ago", "duration", "instant", "state_cell"]

_STYLES = {
    StateType.COMPLETED: "green",
    StateType.FAILED: "red",
    StateType.CRASHED: "dark_orange",
    StateType.RUNNING: "blue",
    StateType.SCHEDULED: "yellow",
    StateType.PENDING: "bright_black",
    StateType.CANCELLED: "bright_black",
    StateType.CANCELLING: "bright_black",
    StateType.PAUSED: "magenta",
}
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def instant(at: datetime | None) -> str:
    """A time in the local zone, to the millisecond: `2026-11-21 08:30:12.345 CET`."""
    if at is None:
        return "-"
    local = at.astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d} {local:%Z}"


def ago(at: datetime | None, now: datetime) -> str:
    """How long before `now` something was: `3 minutes ago`; or, if it lies ahead, `in 3 minutes`."""
    if at is None:
        return "-"
    seconds = (now - at).total_seconds()
    whole = int(abs(seconds))
    if whole == 0:
        return "just now"
    count, unit = next((whole // size, unit) for unit, size in _UNITS if whole >= size)
    words = f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def duration(seconds: float) -> str:
    """A duration, as exact as its size asks for: `3 ms`, `1.24 s`, `2 m 5 s`, `1 h 3 m`, `2 d 4 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    for name, size, smaller, part in (("d", 86_400, "h", 3_600), ("h", 3_600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size} {name} {whole % size // part} {smaller}"
    return f"{whole} s"


def state_cell(kind: StateType | None, name: str | None) -> Cell:
    """A state's name, in the colour of its type."""
    return Cell(name or "-", _STYLES.get(kind, "") if kind else "")

"""Colours of console lines: which parts of a line are highlighted, as ANSI escape sequences.

A highlighter is a few patterns; each named group of a pattern is drawn in the style of its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

__all__ = [
    "STYLES",
    "Highlighter",
    "LevelHighlighter",
    "NameHighlighter",
    "PrefectConsoleHighlighter",
    "RunHighlighter",
    "StateHighlighter",
    "UrlHighlighter",
]

_RESET = "\x1b[0m"

STYLES: Mapping[str, str] = {
    "web_url": "94",
    "local_url": "94",
    "debug_level": "2",
    "info_level": "36",
    "warning_level": "33",
    "error_level": "31",
    "critical_level": "1;91",
    "scheduled_state": "33",
    "pending_state": "2",
    "running_state": "94",
    "completed_state": "32",
    "cached_state": "94",
    "cancelled_state": "33",
    "paused_state": "33",
    "failed_state": "31",
    "crashed_state": "91",
    "flow_run_name": "35",
    "task_run_name": "35",
    "flow_name": "1;35",
}
"""ANSI codes (SGR parameters) by the name of what is highlighted."""


class Highlighter:
    """Draws what its patterns match.

    Args:
        styles: ANSI codes that replace those of `STYLES`, by the name of what is highlighted.

    Example:
        >>> UrlHighlighter()("see https://example.com/x now")
        'see \\x1b[94mhttps://example.com/x\\x1b[0m now'
    """

    highlights: ClassVar[tuple[str, ...]] = ()

    def __init__(self, styles: Mapping[str, str] | None = None) -> None:
        self._styles = {**STYLES, **(styles or {})}
        self._pattern = re.compile("|".join(self.highlights))

    def __call__(self, text: str) -> str:
        """`text` with escape sequences around what is highlighted."""
        return self._pattern.sub(self._draw, text)

    def _draw(self, match: re.Match[str]) -> str:
        name = match.lastgroup or ""
        code, whole, part = self._styles.get(name), match.group(), match.group(name)
        if not code or not part:
            return whole
        start = match.start(name) - match.start()
        return f"{whole[:start]}\x1b[{code}m{part}{_RESET}{whole[start + len(part) :]}"


class LevelHighlighter(Highlighter):
    """Draws the level of a line by its severity."""

    highlights = (
        r"(?<=\d \| )(?P<debug_level>DEBUG)",
        r"(?<=\d \| )(?P<info_level>INFO)",
        r"(?<=\d \| )(?P<warning_level>WARNING)",
        r"(?<=\d \| )(?P<error_level>ERROR)",
        r"(?<=\d \| )(?P<critical_level>CRITICAL)",
    )


class UrlHighlighter(Highlighter):
    """Draws URLs."""

    highlights = (r"(?P<web_url>(?:https?|wss?)://[^\s'\"<>)\]]+)", r"(?P<local_url>file://[^\s'\"<>)\]]+)")


class NameHighlighter(Highlighter):
    """Draws the names of flows and runs."""

    highlights = (
        r"(?i:flow run) (?P<flow_run_name>'[^']*')",
        r"(?i:task run) (?P<task_run_name>'[^']*')",
        r"(?i:flow) (?P<flow_name>'[^']*')",
    )


class StateHighlighter(Highlighter):
    """Draws the name of the state that a run entered or finished in."""

    highlights = tuple(
        rf"\bstate (?P<{style}_state>{names})\b"
        for style, names in (
            ("scheduled", "Scheduled|Late|AwaitingRetry|Resuming"),
            ("pending", "Pending|Submitting"),
            ("running", "Running|Retrying"),
            ("completed", "Completed|RolledBack"),
            ("cached", "Cached"),
            ("cancelled", "Cancelled|Cancelling"),
            ("paused", "Paused|Suspended"),
            ("failed", "Failed|TimedOut"),
            ("crashed", "Crashed"),
        )
    )


class RunHighlighter(Highlighter):
    """Draws levels, names, states and URLs: what the console shows."""

    highlights = (
        LevelHighlighter.highlights
        + UrlHighlighter.highlights
        + NameHighlighter.highlights
        + StateHighlighter.highlights
    )


PrefectConsoleHighlighter = RunHighlighter

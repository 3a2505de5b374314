"""`Secret`: a text that is not shown unless asked for by name."""

from __future__ import annotations

__all__ = ["MASK", "Secret"]

MASK = "**********"


class Secret:
    """A text that prints, formats and represents itself as asterisks.

    Args:
        text: The text to keep.

    Example:
        >>> key = Secret("pnu_123")
        >>> f"{key}", key.get_secret_value()
        ('**********', 'pnu_123')
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | Secret) -> None:
        self._text: str = text._text if isinstance(text, Secret) else str(text)

    def get_secret_value(self) -> str:
        """The text itself."""
        return self._text

    def __str__(self) -> str:
        return MASK if self._text else ""

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

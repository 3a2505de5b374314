"""`LogEavesdropper`: what a logger logs, as text."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Self

__all__ = ["LogEavesdropper"]


class LogEavesdropper(logging.Handler):
    """Collects what a logger logs for the duration of a `with` block.

    Args:
        eavesdrop_on: The logger's full name.
        level: The least level to collect; the logger is made to log it. Whatever it logs anyway when left out.

    Example:
        >>> import logging
        >>> with LogEavesdropper("my.library", level=logging.INFO) as heard:
        ...     logging.getLogger("my.library").warning("Hm")
        >>> heard.text()
        '[WARNING]: Hm'
    """

    def __init__(self, eavesdrop_on: str, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.eavesdrop_on = eavesdrop_on
        self.formatter = logging.Formatter("[%(levelname)s]: %(message)s")
        self._lines: list[str] = []
        self._logger: logging.Logger | None = None

    def __enter__(self) -> Self:
        self._logger = logging.getLogger(self.eavesdrop_on)
        self._logger_level = self._logger.level
        self._logger.addHandler(self)
        if 0 < self.level < self._logger.getEffectiveLevel():
            self._logger.setLevel(self.level)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        if self._logger is not None:
            self._logger.removeHandler(self)
            self._logger.setLevel(self._logger_level)

    def emit(self, record: logging.LogRecord) -> None:
        """Collect the record."""
        self._lines.append(self.format(record))

    def text(self) -> str:
        """What was logged so far, a line each."""
        return "\n".join(self._lines)

"""Handlers: lines to the console, and lines to the record of the run that logged them.

Neither ever raises into the code that logs: a console that is closed, broken or cannot show a character costs the
line, or the character, and nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Mapping
from typing import TextIO

from headrace.logging.filters import mask_credentials
from headrace.logging.formatters import RunFormatter
from headrace.logging.highlighters import Highlighter, RunHighlighter
from headrace.logging.records import record_line, wants_recording
from headrace.settings import get_current_settings

__all__ = ["APILogHandler", "ConsoleHandler", "PrefectConsoleHandler", "RecordHandler", "RootRelay"]


class _QuietHandler(logging.Handler):
    """Says what went wrong with a record without raising, and without `print`, which may itself be logging here."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say on stderr that the record could not be handled, and why."""
        report = f"--- Logging error at {record.pathname}:{record.lineno} ---\n{traceback.format_exc()}"
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(report)


class ConsoleHandler(_QuietHandler):
    """Writes lines to a stream, coloured if it is a terminal.

    Args:
        stream: Where to; whatever `sys.stderr` is at the time when left out.
        highlighter: What colours a line.
        styles: ANSI codes in place of the highlighter's own; see `highlighters.STYLES`.
        level: The least level that is written.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        highlighter: type[Highlighter] = RunHighlighter,
        styles: Mapping[str, str] | None = None,
        level: int | str = logging.NOTSET,
    ) -> None:
        super().__init__(level)
        self.stream = stream
        self.formatter = RunFormatter()
        self._highlight = highlighter(styles)
        self._known_stream: TextIO | None = None
        self._shows_colors = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record."""
        try:
            text = self.format(record)
        except TimeoutError:
            raise  # a run's timeout, not a fault of the formatter
        except Exception:
            self.handleError(record)
        else:
            self.write(text)

    def write(self, text: str) -> None:
        """Write a formatted line; drops it when the console is gone."""
        stream = self.stream or sys.stderr
        if stream is None:  # pythonw, and daemons that closed it
            return
        self.acquire()
        try:
            _write_line(stream, self._decorated(mask_credentials(text), stream))
        except TimeoutError:
            raise
        except Exception:
            pass  # a closed file, a broken pipe: there is nowhere left to say so
        finally:
            self.release()

    def _decorated(self, text: str, stream: TextIO) -> str:
        settings = get_current_settings().logging
        if stream is not self._known_stream:
            self._known_stream, self._shows_colors = stream, shows_colors(stream)
        colors = self._shows_colors and settings.colors
        if settings.markup:
            from headrace.logging.markup import render_markup

            text = render_markup(text, colors=colors)
        return self._highlight(text) if colors else text


def shows_colors(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that understands colours and whose user wants them."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if sys.platform == "win32" and not os.environ.keys() & {"WT_SESSION", "ANSICON", "TERM"}:
        return False
    return stream.isatty()


def _write_line(stream: TextIO, text: str) -> None:
    try:
        stream.write(text + "\n")
    except UnicodeEncodeError:
        encoding = getattr(stream, "encoding", None) or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    if not getattr(stream, "line_buffering", True):
        stream.flush()


class RecordHandler(_QuietHandler):
    """Records lines with the run that logged them; outside runs it does nothing."""

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record to the current run's recorder, unless it says `send_to_api=False`."""
        try:
            if wants_recording(record):
                record_line(record)
        except TimeoutError:
            raise
        except Exception:
            self.handleError(record)


class RootRelay(logging.Handler):
    """Hands records on to the root logger's handlers, except those that write to the console.

    Headrace writes its own lines to the console in its own form. Users' files, collectors and test fixtures on the
    root logger get every record, while a console handler there, as `logging.basicConfig` makes it, does not show each
    line a second time. Nor does a handler that was added both there and to a logger of ours, as pytest does.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the record on."""
        for handler in logging.root.handlers:
            if (
                record.levelno >= handler.level
                and handler not in _HEADRACE.handlers
                and not _is_ours(handler)
                and not _writes_to_console(handler)
            ):
                handler.handle(record)


_HEADRACE = logging.getLogger("headrace")


def _is_ours(handler: logging.Handler) -> bool:
    return isinstance(handler, (ConsoleHandler, RecordHandler))


def _writes_to_console(handler: logging.Handler) -> bool:
    stream = getattr(handler, "stream", None) or getattr(getattr(handler, "console", None), "file", None)
    return stream is not None and stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)


PrefectConsoleHandler = ConsoleHandler
APILogHandler = RecordHandler

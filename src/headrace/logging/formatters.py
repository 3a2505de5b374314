"""Formatters: of console lines, and of JSON lines for log collectors."""

from __future__ import annotations

import logging
import traceback
from typing import Any, Literal

from headrace.logging.lines import FLOW_RUNS, TASK_RUNS, line, message_of, subject_of
from headrace.logging.tracebacks import logged_traceback

__all__ = ["JsonFormatter", "PrefectFormatter", "RunFormatter", "format_exception_info"]

DATE_FORMAT = "%H:%M:%S"
LINE_FORMAT = "%(asctime)s.%(msecs)03d | %(levelname)-7s | %(name)s - %(message)s"
FLOW_RUN_FORMAT = "%(asctime)s.%(msecs)03d | %(levelname)-7s | Flow run %(flow_run_name)r - %(message)s"
TASK_RUN_FORMAT = "%(asctime)s.%(msecs)03d | %(levelname)-7s | Task run %(task_run_name)r - %(message)s"

_STYLES = {"%": logging.PercentStyle, "{": logging.StrFormatStyle, "$": logging.StringTemplateStyle}


class RunFormatter(logging.Formatter):
    """Formats records of runs by the run's name, and all others by the logger's.

    Args:
        format: The format of records that belong to no run. With no format at all, lines are Headrace's own.
        datefmt: The format of `asctime`, for `time.strftime`.
        style: What marks a field in the formats.
        validate: Refuse a `format` that does not fit the style.
        defaults: Values of fields that a record may lack.
        task_run_fmt: The format of records of task runs.
        flow_run_fmt: The format of records of flow runs.

    Raises:
        ValueError: `style` is unknown, or `format` does not fit it.
    """

    def __init__(
        self,
        format: str | None = None,
        datefmt: str | None = None,
        style: Literal["%", "{", "$"] = "%",
        validate: bool = True,
        *,
        defaults: dict[str, Any] | None = None,
        task_run_fmt: str | None = None,
        flow_run_fmt: str | None = None,
    ) -> None:
        super().__init__(format, datefmt or DATE_FORMAT, style, validate, defaults=defaults)
        self.flow_run_fmt = flow_run_fmt
        self.task_run_fmt = task_run_fmt
        self.is_plain = (format, flow_run_fmt, task_run_fmt) == (
            None,
            None,
            None,
        ) and self.datefmt == DATE_FORMAT
        self._run_styles = {
            logger: _STYLES[style](fmt, defaults=defaults)
            for logger, fmt in ((FLOW_RUNS, flow_run_fmt), (TASK_RUNS, task_run_fmt))
            if fmt is not None
        }

    def format(self, record: logging.LogRecord) -> str:
        """The record as text: the line, then its traceback and stack if it has them."""
        record.message = message_of(record)
        text = self.formatMessage(record)
        if record.exc_info or record.exc_text or record.stack_info:
            text = f"{text}\n{self.details(record)}"
        return text

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The first part of the text, by the format for the record's kind."""
        if not self.is_plain:
            record.asctime = self.formatTime(record, self.datefmt)
            try:
                return self._run_styles.get(record.name, self._style).format(record)
            except ValueError:
                # The format wants a field that this record lacks: better a plain line than none.
                pass
        return line(record.created, record.levelname, subject_of(record), record.message)

    def formatException(self, ei: Any) -> str:
        """The traceback without the frames of the engine."""
        return logged_traceback(ei[1]) if ei[1] is not None else ""

    def details(self, record: logging.LogRecord) -> str:
        """The record's traceback and stack as text, without a final newline."""
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        parts = [record.exc_text, self.formatStack(record.stack_info) if record.stack_info else None]
        return "\n".join(part.rstrip("\n") for part in parts if part)


class JsonFormatter(logging.Formatter):
    """Formats each record as one JSON object.

    Args:
        fmt: "default" for one line per record, "pretty" for indented JSON.
        dmft: The format of `asctime`, for `time.strftime`.
        style: Taken for compatibility with `logging.config`; JSON has no style.

    Raises:
        ValueError: `fmt` is neither.
    """

    def __init__(self, fmt: str | None = "default", dmft: str | None = None, style: str = "%") -> None:
        super().__init__()
        if fmt not in ("default", "pretty", None):
            raise ValueError(f"JsonFormatter got the format {fmt!r}; expected 'default' or 'pretty'.")
        self.pretty = fmt == "pretty"

    def format(self, record: logging.LogRecord) -> str:
        """The record's attributes as JSON; what JSON has no form for becomes its `str`."""
        import msgspec

        record.message = message_of(record)
        values = {name: value for name, value in record.__dict__.items() if not name.startswith("_")}
        values["severity"] = record.levelname
        values["exc_info"] = format_exception_info(record.exc_info) if record.exc_info else None
        body = msgspec.json.encode(values, enc_hook=str)
        return (msgspec.json.format(body) if self.pretty else body).decode()


def format_exception_info(exc_info: Any) -> dict[str, Any]:
    """An exception as data.

    Args:
        exc_info: The type, the exception and its traceback, as `sys.exc_info()` gives them.

    Returns:
        `type`, `message` and `traceback`, all text, the last with all frames; empty when there is no exception.
    """
    if not isinstance(exc_info, tuple) or exc_info[0] is None:
        return {}
    kind, error, frames = exc_info
    return {
        "type": kind.__name__,
        "message": str(error),
        "traceback": "".join(traceback.format_tb(frames)) if frames is not None else None,
    }


PrefectFormatter = RunFormatter

"""Formatters, highlighters and filters for configurations of the user's own."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from headrace.logging.filters import ObfuscateApiKeyFilter, redact_substr
from headrace.logging.formatters import JsonFormatter, PrefectFormatter, format_exception_info
from headrace.logging.handlers import APILogHandler, PrefectConsoleHandler, RecordHandler
from headrace.logging.highlighters import (
    LevelHighlighter,
    NameHighlighter,
    PrefectConsoleHighlighter,
    StateHighlighter,
    UrlHighlighter,
)


def record(message: str = "Hello %s", *args: Any, **values: Any) -> logging.LogRecord:
    """A record with the values given."""
    return logging.makeLogRecord(
        {
            "name": "mine",
            "levelname": "INFO",
            "levelno": 20,
            "msg": message,
            "args": args or ("Ann",),
            **values,
        }
    )


def test_a_formatter_has_a_format_for_each_kind_of_record() -> None:
    formatter = PrefectFormatter(
        "%(name)s: %(message)s",
        flow_run_fmt="flow %(flow_run_name)s: %(message)s",
        task_run_fmt="task %(task_run_name)s: %(message)s",
    )
    assert formatter.format(record()) == "mine: Hello Ann"
    assert formatter.format(record(name="headrace.flow_runs", flow_run_name="a-b")) == "flow a-b: Hello Ann"
    assert formatter.format(record(name="headrace.task_runs", task_run_name="t-1")) == "task t-1: Hello Ann"


def test_a_format_alone_is_that_of_all_records() -> None:
    formatter = PrefectFormatter("{levelname}: {message}", style="{")
    assert formatter.format(record(name="headrace.flow_runs", flow_run_name="a-b")) == "INFO: Hello Ann"


def test_fields_that_a_record_lacks_get_defaults_or_a_plain_line() -> None:
    formatter = PrefectFormatter("%(tenant)s %(message)s", defaults={"tenant": "acme"})
    assert formatter.format(record()) == "acme Hello Ann"
    assert (
        PrefectFormatter("%(tenant)s %(message)s").format(record()).endswith(" | INFO    | mine - Hello Ann")
    )


def test_a_bad_format_is_refused() -> None:
    with pytest.raises(ValueError):
        PrefectFormatter("%(message", style="%")


def test_json_lines_hold_what_the_record_holds() -> None:
    try:
        raise ValueError("no rows")
    except ValueError:
        line = JsonFormatter("default").format(
            record(exc_info=sys.exc_info(), tenant=object, _recorder=object())
        )
    values = json.loads(line)
    assert "\n" not in line
    assert (values["name"], values["message"], values["severity"]) == ("mine", "Hello Ann", "INFO")
    assert values["tenant"] == "<class 'object'>"
    assert values["exc_info"]["type"] == "ValueError"
    assert values["exc_info"]["message"] == "no rows"
    assert 'raise ValueError("no rows")' in values["exc_info"]["traceback"]
    assert "_recorder" not in values


def test_json_may_be_pretty() -> None:
    assert '\n  "msg": "Hello %s"' in JsonFormatter("pretty").format(record())


def test_json_has_no_other_format() -> None:
    with pytest.raises(ValueError, match="got the format 'ugly'; expected 'default' or 'pretty'"):
        JsonFormatter("ugly")


def test_no_exception_is_no_data() -> None:
    assert format_exception_info((None, None, None)) == {}
    assert format_exception_info(None) == {}


@pytest.mark.parametrize(
    ("highlighter", "text", "drawn"),
    [
        (UrlHighlighter, "(see http://x/y)", "(see <94:http://x/y>)"),
        (LevelHighlighter, "16:08:59.356 | ERROR   | x - ERROR", "16:08:59.356 | <31:ERROR>   | x - ERROR"),
        (NameHighlighter, "Task run 'a-1' of flow run 'b-c'", "Task run <35:'a-1'> of flow run <35:'b-c'>"),
        (
            StateHighlighter,
            "Finished in state Cached(type=COMPLETED)",
            "Finished in state <94:Cached>(type=COMPLETED)",
        ),
        (StateHighlighter, "Completed", "Completed"),
        (PrefectConsoleHighlighter, "nothing to see", "nothing to see"),
    ],
)
def test_a_highlighter_draws_its_parts(highlighter: Any, text: str, drawn: str) -> None:
    coloured = highlighter()(text).replace("\x1b[0m", ">")
    assert re.sub("\x1b\\[([0-9;]+)m", r"<\1:", coloured) == drawn


def test_styles_can_be_changed_and_taken_out() -> None:
    assert UrlHighlighter({"web_url": "4"})("http://x") == "\x1b[4mhttp://x\x1b[0m"
    assert UrlHighlighter({"web_url": ""})("http://x") == "http://x"


def test_substrings_are_redacted_through_containers() -> None:
    value = {"key": ["my secret", ("secret", 3)], "secret": {"x secret"}}
    assert redact_substr(value, "secret") == {
        "key": ["my **********", ("**********", 3)],
        "**********": {"x **********"},
    }
    assert redact_substr("text", "") == "text"


def test_the_filter_masks_the_key_for_handlers_of_the_users(configure: Callable[..., None]) -> None:
    configure(PREFECT_API_KEY="pnu_SECRET123")
    held = record("Key %s", "pnu_SECRET123")
    assert ObfuscateApiKeyFilter().filter(held)
    assert held.getMessage() == "Key **********"


def test_handlers_have_the_names_that_configurations_use() -> None:
    assert APILogHandler is RecordHandler
    assert PrefectConsoleHandler(level="ERROR").level == logging.ERROR

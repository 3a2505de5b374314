"""Parts of the logging configuration that have a variable of their own in the environment.

    HEADRACE_LOGGING_LOGGERS_HEADRACE_TASK_RUNS_LEVEL=WARNING      any logger: its name with _ for dots
    HEADRACE_LOGGING_ROOT_LEVEL=INFO
    HEADRACE_LOGGING_HANDLERS_CONSOLE_LEVEL=ERROR
    HEADRACE_LOGGING_FORMATTERS_STANDARD_FLOW_RUN_FMT="%(message)s"    also TASK_RUN_FMT, FORMAT, DATEFMT

Names with PREFECT_ in place of HEADRACE_ mean the same.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping

from headrace.exceptions import ConfigurationError
from headrace.logging.formatters import (
    DATE_FORMAT,
    FLOW_RUN_FORMAT,
    LINE_FORMAT,
    TASK_RUN_FORMAT,
    RunFormatter,
)

__all__ = ["Overrides", "read_overrides"]

_PREFIXES = ("PREFECT_LOGGING_", "HEADRACE_LOGGING_")
_LEVEL_OF_LOGGER = re.compile(r"LOGGERS_(?P<logger>.+)_LEVEL")
_FORMATTER = "FORMATTERS_STANDARD_"


class Overrides:
    """What the environment says about parts of the logging configuration.

    Args:
        variables: Values by the name of their variable without `HEADRACE_LOGGING_`.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def formatter(self) -> RunFormatter:
        """The formatter of console lines.

        Raises:
            ConfigurationError: A format is not valid.
        """
        given = {
            key.removeprefix(_FORMATTER): text for key, text in self._variables.items() if _FORMATTER in key
        }
        if not given:
            return RunFormatter()
        try:
            return RunFormatter(
                given.get("FORMAT", LINE_FORMAT),
                given.get("DATEFMT", DATE_FORMAT),
                task_run_fmt=given.get("TASK_RUN_FMT", TASK_RUN_FORMAT),
                flow_run_fmt=given.get("FLOW_RUN_FMT", FLOW_RUN_FORMAT),
            )
        except ValueError as problem:
            raise ConfigurationError(
                f"HEADRACE_LOGGING_FORMATTERS_STANDARD_FORMAT is {given.get('FORMAT')!r}, which is no format for log "
                f"lines: {problem}. Write fields as %(message)s."
            ) from problem

    def console_level(self) -> int:
        """The least level that the console shows.

        Raises:
            ConfigurationError: It is no level.
        """
        return (
            self._level("HANDLERS_CONSOLE_LEVEL")
            if "HANDLERS_CONSOLE_LEVEL" in self._variables
            else logging.NOTSET
        )

    def set_levels(self) -> None:
        """Set the level of each logger that has a variable.

        Raises:
            ConfigurationError: A level is not one.
        """
        if "ROOT_LEVEL" in self._variables:
            logging.root.setLevel(self._level("ROOT_LEVEL"))
        for key in self._variables:
            match = _LEVEL_OF_LOGGER.fullmatch(key)
            if match is not None:
                logging.getLogger(_logger_name(match["logger"])).setLevel(self._level(key))

    def _level(self, key: str) -> int:
        level = self._variables[key].upper()
        known = logging.getLevelNamesMapping()
        if level not in known:
            raise ConfigurationError(
                f"HEADRACE_LOGGING_{key} is {self._variables[key]!r}, which is no level: use one of {', '.join(known)}."
            )
        return known[level]


def read_overrides() -> Overrides:
    """The overrides that the environment holds."""
    return Overrides(
        {
            name.removeprefix(prefix): value
            for prefix in _PREFIXES
            for name, value in os.environ.items()
            if name.startswith(prefix)
        }
    )


def _logger_name(variable: str) -> str:
    """The logger that a variable means: an existing one whose name it is with underscores, or one of that name."""
    wanted = re.sub("^PREFECT(?=_|$)", "HEADRACE", variable)
    if wanted.startswith("HEADRACE_"):
        return f"headrace.{wanted.removeprefix('HEADRACE_').lower()}"
    for name in list(logging.root.manager.loggerDict):
        if re.sub(r"\W", "_", name).upper() == wanted:
            return name
    return wanted.lower()

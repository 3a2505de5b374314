"""Sets logging up: on first use, and without touching what the user has configured.

    headrace              the level of `logging.level`; the console, and a relay to the root logger's handlers
    headrace.api          the level of `server.logging_level`: the API also answers within processes that run flows
    headrace.flow_runs    the record of the run
    headrace.task_runs    the record of the run
    each extra logger     the record of the run that uses it; the console if nothing else is configured

A logger that has a level keeps it; a logger `headrace` that has handlers gets none. The root logger is left alone:
only Python's handler of last resort, which shows warnings where nothing is configured, gets Headrace's format.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from headrace.logging.handlers import ConsoleHandler, RecordHandler, RootRelay
from headrace.logging.lines import FLOW_RUNS, TASK_RUNS
from headrace.logging.overrides import Overrides, read_overrides
from headrace.settings import get_current_settings

if TYPE_CHECKING:
    from headrace.settings.runs import LoggingSettings

__all__ = ["CONSOLE", "HEADRACE", "RECORD", "RELAY", "ensure_logging_setup", "is_pending", "setup_logging"]

HEADRACE = logging.getLogger("headrace")
API = logging.getLogger("headrace.api")
CONSOLE = ConsoleHandler()
RELAY = RootRelay()
RECORD = RecordHandler()

_EXTRA_CONSOLE = ConsoleHandler()
_EXTRA_CONSOLE.addFilter(lambda record: not logging.root.handlers)
_LAST_RESORT = ConsoleHandler(level=logging.WARNING)

_in_force: LoggingSettings | None = None
_levels_set: dict[str, int] = {}


def ensure_logging_setup() -> None:
    """Set logging up unless it is set up already with the settings in force here.

    Raises:
        ConfigurationError: The file at `logging.config_path` or a variable such as `HEADRACE_LOGGING_ROOT_LEVEL`
            cannot be used.
    """
    settings = get_current_settings().logging
    if settings is not _in_force and settings != _in_force:
        setup_logging()


def is_pending() -> bool:
    """Whether logging was never set up in this process."""
    return _in_force is None


def setup_logging() -> None:
    """Set logging up by the settings in force here, again if it was already; see `ensure_logging_setup`."""
    # No lock, which a fork could leave held: each step can be done twice or by two threads at once.
    global _in_force
    everything = get_current_settings()
    settings = everything.logging
    overrides = read_overrides()
    if settings.config_path.exists():
        from headrace.logging.configuration_file import apply_logging_config

        apply_logging_config(settings.config_path)
    else:
        _configure_console(overrides)
        _configure_extras(settings)
    _set_level(HEADRACE, settings.level)
    _set_level(API, everything.server.logging_level)
    for name in (FLOW_RUNS, TASK_RUNS):
        _record_lines_of(logging.getLogger(name))
    overrides.set_levels()
    _in_force = settings


def _configure_console(overrides: Overrides) -> None:
    CONSOLE.setFormatter(overrides.formatter())
    CONSOLE.setLevel(overrides.console_level())
    if logging.lastResort is getattr(logging, "_defaultLastResort", None):
        logging.lastResort = _LAST_RESORT
    if not HEADRACE.handlers:
        HEADRACE.addHandler(CONSOLE)
        HEADRACE.addHandler(RELAY)
        HEADRACE.propagate = False


def _configure_extras(settings: LoggingSettings) -> None:
    names = set(settings.extra_loggers)
    for name in names:
        logger = logging.getLogger(name)
        _set_level(logger, settings.level)
        if not _ancestors(name) & names:
            _record_lines_of(logger)
            logger.addHandler(_EXTRA_CONSOLE)


def _ancestors(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts))}


def _set_level(logger: logging.Logger, level: str) -> None:
    """Set a level that nobody else has set."""
    if logger.level in (logging.NOTSET, _levels_set.get(logger.name)):
        logger.setLevel(level)
        _levels_set[logger.name] = logger.level


def _record_lines_of(logger: logging.Logger) -> None:
    if not any(isinstance(handler, RecordHandler) for handler in logger.handlers):
        logger.addHandler(RECORD)

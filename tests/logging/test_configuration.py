"""Setting logging up: once, lazily, and without touching what the user has configured."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.engine.context import FlowRunContext
from headrace.exceptions import ConfigurationError
from headrace.logging import get_logger, get_run_logger
from headrace.logging.configuration import CONSOLE, RECORD, ensure_logging_setup, setup_logging
from headrace.logging.configuration_file import load_logging_config
from headrace.settings import temporary_settings

HEADRACE = logging.getLogger("headrace")
Run = Callable[..., subprocess.CompletedProcess[str]]


def test_importing_sets_nothing_up(run_program: Run) -> None:
    done = run_program(
        """
        import logging
        import headrace, headrace.logging
        print(logging.getLogger("headrace").handlers, logging.root.handlers, logging.getLogger("headrace").level)
        """
    )
    assert done.stdout == "[] [] 0\n"


def test_it_is_set_up_once_however_often_it_is_asked_for() -> None:
    for _ in range(3):
        get_logger()
        ensure_logging_setup()
        setup_logging()
    assert HEADRACE.handlers.count(CONSOLE) == 1
    assert logging.getLogger("headrace.task_runs").handlers == [RECORD]


def test_the_level_is_that_of_the_settings(configure: Callable[..., None]) -> None:
    configure(HEADRACE_LOGGING_LEVEL="WARNING")
    assert not get_logger("x").isEnabledFor(logging.INFO)
    assert get_logger("x").isEnabledFor(logging.WARNING)


def test_the_level_follows_temporary_settings() -> None:
    ensure_logging_setup()
    with temporary_settings({"logging.level": "DEBUG"}):
        ensure_logging_setup()
        assert HEADRACE.level == logging.DEBUG
    ensure_logging_setup()
    assert HEADRACE.level == logging.INFO


def test_a_level_that_the_user_has_set_stays() -> None:
    HEADRACE.setLevel(logging.ERROR)
    setup_logging()
    assert HEADRACE.level == logging.ERROR


def test_a_level_that_the_user_sets_later_stays() -> None:
    setup_logging()
    HEADRACE.setLevel(logging.ERROR)
    with temporary_settings({"logging.level": "DEBUG"}):
        setup_logging()
    assert HEADRACE.level == logging.ERROR


def test_handlers_that_the_user_has_put_on_headrace_stay_alone(heard: Any) -> None:
    HEADRACE.addHandler(heard)
    setup_logging()
    assert HEADRACE.handlers == [heard]
    assert HEADRACE.propagate


def test_the_root_logger_is_left_alone(heard: Any) -> None:
    before = list(logging.root.handlers), logging.root.level
    setup_logging()
    assert (list(logging.root.handlers), logging.root.level) == before


def test_a_handler_on_the_root_logger_gets_every_line(heard: Any, flow_context: FlowRunContext) -> None:
    get_run_logger().info("Hello %s", "Ann")
    (record,) = heard.records
    assert (record.name, record.getMessage(), record.flow_run_name) == (
        "headrace.flow_runs",
        "Hello Ann",
        "two-words",
    )


def test_a_handler_on_the_root_logger_gets_lines_of_its_level(
    heard: Any, flow_context: FlowRunContext
) -> None:
    heard.setLevel(logging.WARNING)
    get_run_logger().info("Hello")
    get_run_logger().warning("Careful")
    assert [record.getMessage() for record in heard.records] == ["Careful"]


CONSOLES = """
    import logging, sys
    {before}
    from headrace.logging import get_logger
    get_logger("x").warning("Hello")
    {after}
    get_logger("x").warning("Hello again")
    logging.getLogger("mine").warning("From a library")
"""


@pytest.mark.parametrize(
    "configuration",
    [
        "logging.basicConfig()",
        "logging.basicConfig(stream=sys.stdout)",
        "logging.root.addHandler(logging.StreamHandler())",
        "from rich.logging import RichHandler; logging.root.addHandler(RichHandler())",
    ],
)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_console_of_the_users_does_not_show_lines_twice(
    run_program: Run, configuration: str, moment: str
) -> None:
    source = CONSOLES.format(**{"before": "", "after": "", moment: configuration})
    done = run_program(source)
    assert (done.stdout + done.stderr).count("Hello again") == 1
    assert (done.stdout + done.stderr).count("From a library") == 1
    assert " | WARNING | headrace.x - Hello again\n" in done.stderr
    assert " | WARNING | mine - " not in done.stderr


def test_a_file_of_the_users_gets_lines_in_the_users_format(run_program: Run, tmp_path: Path) -> None:
    run_program(
        CONSOLES.format(before="logging.basicConfig(filename='out.log', format='<%(message)s>')", after="")
    )
    assert (tmp_path / "out.log").read_text() == "<Hello>\n<Hello again>\n<From a library>\n"


def test_warnings_of_libraries_are_shown_in_the_same_form_where_nothing_is_configured(
    run_program: Run,
) -> None:
    done = run_program(CONSOLES.format(before="", after=""))
    assert " | WARNING | mine - From a library\n" in done.stderr


def test_a_handler_of_last_resort_of_the_users_stays(run_program: Run) -> None:
    done = run_program(CONSOLES.format(before="logging.lastResort = None", after="print(logging.lastResort)"))
    assert done.stdout == "None\n"


def test_caplog_hears_runs(flow_context: FlowRunContext, caplog: pytest.LogCaptureFixture) -> None:
    get_run_logger().info("Hello")
    assert caplog.messages == ["Hello"]


# --- Extra loggers ---------------------------------------------------------------------------------------------


@pytest.fixture
def library() -> Any:
    """A library's logger, left as it was found."""
    logger = logging.getLogger("extralib")
    yield logger
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)


def test_extra_loggers_are_recorded_with_the_run(
    way: str,
    library: logging.Logger,
    configure: Callable[..., None],
    flow_context: FlowRunContext,
    recorder: Any,
) -> None:
    configure(HEADRACE_LOGGING_EXTRA_LOGGERS="extralib, extralib.deep")
    library.info("Read")
    logging.getLogger("extralib.deep").warning("Hm")
    logging.getLogger("otherlib").warning("Not asked for")
    assert [(line.name, line.message) for line in recorder.lines] == [
        ("extralib", "Read"),
        ("extralib.deep", "Hm"),
    ]
    assert {line.flow_run_id for line in recorder.lines} == {flow_context.flow_run.id}


def test_extra_loggers_are_shown_once(run_program: Run) -> None:
    source = """
        import logging
        {before}
        from headrace.logging import get_logger
        get_logger()
        logging.getLogger("extralib").info("Read")
    """
    variables = {"PREFECT_LOGGING_EXTRA_LOGGERS": "extralib"}
    assert " | INFO    | extralib - Read\n" in run_program(source.format(before=""), **variables).stderr
    own = run_program(source.format(before="logging.basicConfig(level=logging.INFO)"), **variables)
    assert own.stderr == "INFO:extralib:Read\n"


def test_a_level_of_an_extra_logger_stays(library: logging.Logger, configure: Callable[..., None]) -> None:
    library.setLevel(logging.ERROR)
    configure(HEADRACE_LOGGING_EXTRA_LOGGERS="extralib")
    assert library.level == logging.ERROR


# --- Variables of the environment ------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["HEADRACE", "PREFECT"])
def test_a_logger_has_a_variable_for_its_level(configure: Callable[..., None], prefix: str) -> None:
    configure(**{f"{prefix}_LOGGING_LOGGERS_{prefix}_TASK_RUNS_LEVEL": "error"})
    assert logging.getLogger("headrace.task_runs").level == logging.ERROR
    assert get_logger().level == logging.INFO


def test_a_librarys_logger_has_a_variable_for_its_level(
    library: logging.Logger, configure: Callable[..., None]
) -> None:
    configure(HEADRACE_LOGGING_LOGGERS_EXTRALIB_LEVEL="DEBUG", HEADRACE_LOGGING_LOGGERS_NOT_YET_LEVEL="DEBUG")
    assert library.level == logging.DEBUG
    assert logging.getLogger("not_yet").level == logging.DEBUG


def test_root_and_console_have_variables_for_their_levels(run_program: Run) -> None:
    done = run_program(
        """
        import logging
        from headrace.logging import get_logger
        get_logger().warning("Quiet")
        get_logger().error("Loud")
        print(logging.root.level)
        """,
        HEADRACE_LOGGING_ROOT_LEVEL="INFO",
        HEADRACE_LOGGING_HANDLERS_CONSOLE_LEVEL="ERROR",
    )
    assert done.stdout == "20\n"
    assert "Loud" in done.stderr
    assert "Quiet" not in done.stderr


def test_formats_have_variables(
    way: str, configure: Callable[..., None], flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(
        PREFECT_LOGGING_FORMATTERS_STANDARD_FLOW_RUN_FMT="%(flow_name)s/%(flow_run_name)s: %(message)s",
        PREFECT_LOGGING_FORMATTERS_STANDARD_DATEFMT="%Y",
    )
    get_run_logger().info("Hello")
    get_logger().info("Hello")
    first, second = capsys.readouterr().err.splitlines()
    assert first == "greet/two-words: Hello"
    assert second[4:].endswith(" | INFO    | headrace - Hello")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "HEADRACE_LOGGING_LOGGERS_X_LEVEL",
            "LOUD",
            r"HEADRACE_LOGGING_LOGGERS_X_LEVEL is 'LOUD'.*use one of CRITICAL",
        ),
        ("HEADRACE_LOGGING_ROOT_LEVEL", "1", "ROOT_LEVEL is '1', which is no level"),
        ("HEADRACE_LOGGING_FORMATTERS_STANDARD_FORMAT", "%(x", "is '%.x', which is no format for log lines"),
    ],
)
def test_a_bad_variable_is_named(
    configure: Callable[..., None], variable: str, value: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        configure(**{variable: value})


# --- A configuration of the user's own -------------------------------------------------------------------------

OWN = {
    "version": 1,
    "formatters": {"mine": {"()": "prefect.logging.formatters.PrefectFormatter", "format": "<%(message)s>"}},
    "handlers": {
        "out": {"class": "logging.StreamHandler", "formatter": "mine", "stream": "ext://sys.stderr"}
    },
    "loggers": {"prefect": {"level": "${PREFECT_LOGGING_LEVEL}", "handlers": ["out"], "propagate": False}},
}
YAML = """
version: 1
formatters: {mine: {format: "<%(message)s>"}}
handlers: {out: {class: logging.StreamHandler, formatter: mine}}
loggers: {prefect: {level: "${PREFECT_LOGGING_LEVEL}", handlers: [out], propagate: false}}
"""
TOML = """
version = 1
formatters.mine.format = "<%(message)s>"
handlers.out = {class = "logging.StreamHandler", formatter = "mine"}
loggers.headrace = {level = "$HEADRACE_LOGGING_LEVEL", handlers = ["out"], propagate = false}
"""


@pytest.mark.parametrize(("suffix", "text"), [("json", json.dumps(OWN)), ("toml", TOML)])
def test_a_file_replaces_the_configuration(run_program: Run, tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"own.{suffix}"
    path.write_text(text)
    done = run_program(
        "from headrace.logging import get_logger\nget_logger('x').info('No')\nget_logger('x').warning('Yes')",
        HEADRACE_LOGGING_CONFIG_PATH=str(path),
        HEADRACE_LOGGING_LEVEL="WARNING",
    )
    assert done.stderr == "<Yes>\n"


def test_runs_are_recorded_with_a_file_too(
    configure: Callable[..., None], tmp_path: Path, flow_context: FlowRunContext, recorder: Any, heard: Any
) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps(OWN))
    configure(HEADRACE_LOGGING_CONFIG_PATH=str(path))
    get_run_logger().info("Hello")
    assert recorder.messages == ["Hello"]


def test_names_in_a_file_that_are_no_settings_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENANT", "acme")
    path = tmp_path / "own.json"
    path.write_text(
        '{"a": ["$TENANT", "${NOT_SET}", "${HEADRACE_LOGGING_TO_API_BATCH_SIZE}", 3], "b": "prefectly"}'
    )
    assert load_logging_config(path) == {"a": ["acme", "${NOT_SET}", "4000000", 3], "b": "prefectly"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("own.json", "{", "own.json' cannot be read"),
        ("own.json", "[]", "holds a list; expected a mapping"),
        ("own.json", '{"version": 2}', "own.json' cannot be applied"),
        ("own.json", '{"version": 1, "handlers": {"h": {"class": "nope.H"}}}', r"cannot be applied.*nope"),
        ("own.ini", "", r"ends in '.ini'; expected .yml, .yaml, .json or .toml"),
    ],
)
def test_a_bad_file_is_named(
    configure: Callable[..., None], tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        configure(HEADRACE_LOGGING_CONFIG_PATH=str(tmp_path / name))


def test_a_yaml_file_says_what_it_needs_or_works(run_program: Run, tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text(YAML)
    done = run_program(
        """
        import sys
        try:
            import yaml
        except ImportError:
            yaml = None
        from headrace.exceptions import ConfigurationError
        from headrace.logging import get_logger
        try:
            get_logger().warning("Yes")
        except ConfigurationError as problem:
            print("<Yes>" if yaml is None and "needs the package pyyaml" in str(problem) else problem, file=sys.stderr)
        """,
        HEADRACE_LOGGING_CONFIG_PATH=str(tmp_path / "own.yml"),
    )
    assert done.stderr == "<Yes>\n"


def test_the_engines_first_line_sets_it_up(run_program: Run) -> None:
    done = run_program(
        """
        from headrace.logging.engine_lines import log_task_run, logs_runs
        from headrace.schema.runs import TaskRun
        if logs_runs(20):
            log_task_run(TaskRun(task_key="add", dynamic_key="0", name="add-fe8"), 20, "Hello", None)
        """
    )
    assert done.stderr.endswith(" | INFO    | Task run 'add-fe8' - Hello\n")

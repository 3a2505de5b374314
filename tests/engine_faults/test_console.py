"""What a script shows on its console: lines in Prefect's form on stderr, the user's own output on stdout."""

from __future__ import annotations

import re

import pytest

HELLO = """
    from headrace import flow, task

    @task
    def add(a, b):
        return a + b

    @flow
    def hello():
        return add(1, 2)

    print("result", hello())
"""

FAILING = """
    from headrace import flow, task

    @task
    def boom():
        raise ValueError("no good")

    @flow
    def broken():
        boom()

    broken()
"""

CHATTY = """
    import logging
    import sys
    from headrace import flow, get_run_logger, task

    @task
    def speaking():
        print("from the task", 1, sep="-")

    @task(log_prints=False)
    def muttering():
        print("plainly")

    @flow(log_prints=True, name="two words")
    def chatty():
        print("from the flow")
        print("to stderr", file=sys.stderr)
        print("two\\nlines")
        logger = get_run_logger()
        logger.debug("quiet")
        logger.warning("warned %s times", 3)
        logger.error("wrong")
        logger.critical("very wrong")
        logging.getLogger("mylib").warning("from a library")
        logging.getLogger("mylib").info("not wanted")
        logger.info("[red]not markup[/red]")
        speaking()
        muttering()

    chatty()
"""

TWO_WORDS = r"'(?P<name>[a-z]+-[a-z]+)'"
TASK = r"Task run '{}-[0-9a-f]{{3}}' - "


def assert_console(program, expected: list[tuple[str, str]]) -> None:
    """The console shows exactly these lines: pairs of a level and a pattern; NAME stands for the flow run's name."""
    lines = program.console()
    name = next(match["name"] for _, text in lines if (match := re.match(f"Flow run {TWO_WORDS} - ", text)))
    patterns = [(level, pattern.replace("NAME", name)) for level, pattern in expected]
    assert len(lines) == len(patterns), program.stderr
    for (level, text), (expected_level, pattern) in zip(lines, patterns, strict=True):
        assert level == expected_level, text
        assert re.fullmatch(pattern, text), (text, pattern)


def test_a_flow_shows_its_beginning_its_tasks_and_its_end(launch):
    program = launch(HELLO).succeed()

    assert program.stdout == "result 3\n"
    assert_console(
        program,
        [
            ("INFO", "Flow run 'NAME' - Beginning flow run 'NAME' for flow 'hello'"),
            ("INFO", TASK.format("add") + r"Finished in state Completed\(\)"),
            ("INFO", r"Flow run 'NAME' - Finished in state Completed\(\)"),
        ],
    )
    assert len(program.stderr.splitlines()) == 3


def test_every_line_has_the_time_the_padded_level_and_the_run(launch):
    program = launch(CHATTY).succeed()

    heads = {line.split(" - ")[0][12:] for line in program.stderr.splitlines() if " | " in line}
    name = re.search(f"Flow run {TWO_WORDS}", program.stderr)["name"]
    assert f" | INFO    | Flow run '{name}'" in heads
    assert f" | WARNING | Flow run '{name}'" in heads
    assert f" | ERROR   | Flow run '{name}'" in heads
    assert f" | CRITICAL | Flow run '{name}'" in heads
    assert " | WARNING | mylib" in heads
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3} \| ", program.stderr)


def test_a_failure_shows_the_users_traceback_in_the_order_in_which_it_happened(launch):
    program = launch(FAILING)

    assert program.end() == 1
    assert program.stdout == ""
    assert_console(
        program,
        [
            ("INFO", "Flow run 'NAME' - Beginning flow run 'NAME' for flow 'broken'"),
            ("ERROR", TASK.format("boom") + r"Task run failed with exception: ValueError\('no good'\)"),
            (
                "ERROR",
                TASK.format("boom")
                + r"Finished in state Failed\('Task run encountered an exception ValueError: no good'\)",
            ),
            ("ERROR", r"Flow run 'NAME' - Encountered exception during execution: ValueError\('no good'\)"),
            (
                "ERROR",
                r"Flow run 'NAME' - Finished in state Failed\('Flow run encountered an exception: ValueError: no good'\)",
            ),
        ],
    )
    logged_by_task, logged_by_flow, raised = program.stderr.split("Traceback (most recent call last):")[1:]
    for traceback in (logged_by_task, logged_by_flow, raised):
        assert 'raise ValueError("no good")' in traceback
        assert "\nValueError: no good\n" in traceback
    assert "in broken" in logged_by_flow
    assert "in <module>" in raised


def test_a_subflow_is_called_one(launch):
    program = launch(
        """
        from headrace import flow

        @flow
        def child():
            pass

        @flow
        def parent():
            child()

        parent()
        """
    ).succeed()

    texts = [text for _, text in program.console()]
    assert re.fullmatch(r"Flow run '[a-z-]+' - Beginning flow run '[a-z-]+' for flow 'parent'", texts[0])
    assert re.fullmatch(r"Flow run '([a-z-]+)' - Beginning subflow run '\1' for flow 'child'", texts[1])
    assert len(texts) == 4


def test_an_async_flow_shows_the_same_lines(launch):
    program = launch(
        """
        import asyncio
        from headrace import flow, task

        @task
        async def add(a, b):
            return a + b

        @flow
        async def hello():
            return await add(1, 2)

        print("result", asyncio.run(hello()))
        """
    ).succeed()

    assert program.stdout == "result 3\n"
    assert_console(
        program,
        [
            ("INFO", "Flow run 'NAME' - Beginning flow run 'NAME' for flow 'hello'"),
            ("INFO", TASK.format("add") + r"Finished in state Completed\(\)"),
            ("INFO", r"Flow run 'NAME' - Finished in state Completed\(\)"),
        ],
    )


def test_a_flow_that_returns_its_tasks_states_counts_them(launch):
    program = launch(
        """
        from headrace import flow, task

        @task
        def good():
            pass

        @flow
        def judged():
            return good(return_state=True)

        judged()
        """
    ).succeed()

    assert program.console()[-1][1].endswith("Finished in state Completed('All states completed.')")


def test_a_retry_is_announced(launch):
    program = launch(
        """
        from headrace import flow, runtime, task

        @task(retries=1, retry_delay_seconds=0.01)
        def flaky():
            if runtime.task_run.run_count == 1:
                raise ValueError("not yet")

        @flow
        def calling():
            flaky()

        calling()
        """
    ).succeed()

    assert_console(
        program,
        [
            ("INFO", "Flow run 'NAME' - Beginning flow run 'NAME' for flow 'calling'"),
            (
                "INFO",
                TASK.format("flaky")
                + r"Task run failed with exception: ValueError\('not yet'\) - Retry 1/1 will start 0.01 second\(s\) from now",
            ),
            ("INFO", TASK.format("flaky") + r"Finished in state Completed\(\)"),
            ("INFO", r"Flow run 'NAME' - Finished in state Completed\(\)"),
        ],
    )
    assert "Traceback" not in program.stderr


def test_prints_of_a_flow_and_its_tasks_become_lines(launch):
    program = launch(CHATTY).succeed()

    assert program.stdout == "plainly\n"
    assert_console(
        program,
        [
            ("INFO", "Flow run 'NAME' - Beginning flow run 'NAME' for flow 'two words'"),
            ("INFO", "Flow run 'NAME' - from the flow"),
            ("INFO", "Flow run 'NAME' - to stderr"),
            ("INFO", "Flow run 'NAME' - two"),
            ("WARNING", "Flow run 'NAME' - warned 3 times"),
            ("ERROR", "Flow run 'NAME' - wrong"),
            ("CRITICAL", "Flow run 'NAME' - very wrong"),
            ("WARNING", "mylib - from a library"),
            ("INFO", r"Flow run 'NAME' - \[red\]not markup\[/red\]"),
            ("INFO", TASK.format("speaking") + "from the task-1"),
            ("INFO", TASK.format("speaking") + r"Finished in state Completed\(\)"),
            ("INFO", TASK.format("muttering") + r"Finished in state Completed\(\)"),
            ("INFO", r"Flow run 'NAME' - Finished in state Completed\(\)"),
        ],
    )
    assert "two\nlines\n" in program.stderr


@pytest.mark.parametrize("prefix", ["HEADRACE", "PREFECT"])
def test_the_level_is_a_setting(launch, prefix):
    program = launch(CHATTY, env={f"{prefix}_LOGGING_LEVEL": "WARNING"}).succeed()

    assert {level for level, _ in program.console()} == {"WARNING", "ERROR", "CRITICAL"}
    assert program.stdout == "plainly\n"


def test_at_debug_level_the_users_debug_lines_are_shown(launch):
    program = launch(CHATTY, env={"HEADRACE_LOGGING_LEVEL": "DEBUG"}).succeed()

    assert any(level == "DEBUG" and text.endswith(" - quiet") for level, text in program.console())


def test_nothing_is_shown_on_the_console_when_its_level_is_critical(launch):
    program = launch(HELLO, env={"HEADRACE_LOGGING_LEVEL": "CRITICAL"}).succeed()

    assert (program.stdout, program.stderr) == ("result 3\n", "")


# --- Colours ---------------------------------------------------------------------------------------------------


def test_there_are_no_colours_without_a_terminal(launch):
    assert "\x1b" not in launch(CHATTY).succeed().stderr


def test_a_terminal_shows_levels_names_and_states_in_colour(launch):
    program = launch(CHATTY, env={"TERM": "xterm-256color"}, terminal=True)
    screen = program.screen()
    program.end()

    assert "\x1b[36mINFO\x1b[0m    | " in screen
    assert "\x1b[31mERROR\x1b[0m   | " in screen
    assert re.search(r"Flow run ?\x1b\[35m ?'[a-z-]+'\x1b\[0m - ", screen)
    assert "\x1b[32mCompleted\x1b[0m()" in screen
    assert "[red]not markup[/red]" in screen


@pytest.mark.parametrize(
    "variables", [{"HEADRACE_LOGGING_COLORS": "0"}, {"PREFECT_LOGGING_COLORS": "0"}, {"NO_COLOR": "1"}]
)
def test_colours_can_be_turned_off_on_a_terminal(launch, variables):
    program = launch(HELLO, env={"TERM": "xterm-256color", **variables}, terminal=True)
    screen = program.screen()
    program.end()

    assert "Finished in state Completed()" in screen
    assert "\x1b[" not in screen


# --- A console that is not there -------------------------------------------------------------------------------


def test_a_closed_stderr_does_not_stop_a_flow(launch, recorded):
    program = launch(
        "import sys; sys.stderr.close()\nsys.stderr = None\n" + HELLO.replace("\n    ", "\n")
    ).succeed()

    assert program.stdout == "result 3\n"
    assert recorded.flow_run().state_name == "Completed"
    assert len(recorded.messages()) == 3


def test_a_console_of_an_old_encoding_shows_what_it_can(launch, recorded):
    program = launch(
        """
        from headrace import flow, get_run_logger

        @flow
        def greeting():
            get_run_logger().info("gr\\u00fc\\u00df dich \\N{WATER WAVE}")

        greeting()
        """,
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    ).succeed()

    assert "dich" in program.stderr
    assert "gr\u00fc\u00df dich \N{WATER WAVE}" in recorded.messages()


def test_a_reader_that_goes_away_does_not_stop_a_flow(launch, recorded):
    program = launch(
        """
        import os, sys
        from headrace import flow, get_run_logger
        reading, writing = os.pipe()
        os.dup2(writing, 2)
        os.close(reading)

        @flow
        def talking():
            for number in range(100):
                get_run_logger().info("line %s", number)

        talking()
        print("went on")
        sys.stderr = None
        """
    )

    assert program.end() == 0
    assert program.stdout == "went on\n"
    assert [text for text in recorded.messages() if text.startswith("line ")] == [
        f"line {n}" for n in range(100)
    ]

"""Log lines are recorded with the run that logged them, in order, whatever is in them."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextvars import copy_context

import pytest

from headrace import flow, get_run_logger, task
from headrace.exceptions import MissingContextError
from headrace.settings import temporary_settings

BIG = 10_000_000
"""Characters of a very long line."""


def lines_of(recorded, run) -> list[str]:
    """What was recorded for one run, its own lines only."""
    key = "task_run_id" if hasattr(run, "task_key") else "flow_run_id"
    return [
        line.message
        for line in recorded.logs()
        if getattr(line, key) == run.id and (key == "task_run_id" or line.task_run_id is None)
    ]


def test_lines_are_recorded_with_the_run_that_logged_them(colour, recorded):
    def speaking(number: int) -> None:
        get_run_logger().info("task %s", number)

    a_task = colour.task(speaking)
    if colour.is_async:

        @flow
        async def talking() -> None:
            get_run_logger().info("before")
            await a_task(1)
            await a_task(2)
            get_run_logger().info("after")

    else:

        @flow
        def talking() -> None:
            get_run_logger().info("before")
            a_task(1)
            a_task(2)
            get_run_logger().info("after")

    colour.run(talking)

    run = recorded.flow_run()
    assert lines_of(recorded, run) == [
        f"Beginning flow run '{run.name}' for flow 'talking'",
        "before",
        "after",
        "Finished in state Completed()",
    ]
    first, second = recorded.task_runs()
    assert lines_of(recorded, first) == ["task 1", "Finished in state Completed()"]
    assert lines_of(recorded, second) == ["task 2", "Finished in state Completed()"]
    assert {line.flow_run_id for line in recorded.logs()} == {run.id}


def test_names_levels_and_times_are_recorded(colour, recorded):
    def speaking() -> None:
        get_run_logger().warning("careful")

    colour.run(colour.flow_calling(colour.task(speaking)))

    (line,) = [line for line in recorded.logs() if line.message == "careful"]
    run = recorded.task_run()
    assert line.level == logging.WARNING
    assert line.name.endswith("task_runs")
    assert run.start_time <= line.timestamp <= run.end_time


def test_the_order_of_lines_is_kept_across_runs(recorded):
    @task
    def speaking(number: int) -> None:
        get_run_logger().info("%s inside", number)

    @flow
    def talking() -> None:
        for number in range(200):
            get_run_logger().info("%s outside", number)
            speaking(number)

    talking()

    said = [text for text in recorded.messages() if text.endswith("side")]
    assert said == [f"{number} {where}" for number in range(200) for where in ("outside", "inside")]


def test_lines_of_concurrent_tasks_go_to_their_own_runs(recorded):
    @task
    def speaking(number: int) -> int:
        for part in range(20):
            get_run_logger().info("%s-%s", number, part)
        return number

    @flow
    def talking() -> list[int]:
        return speaking.map(range(20)).result()

    talking()

    spoken = sorted(lines_of(recorded, run)[:-1] for run in recorded.task_runs())
    assert spoken == sorted([f"{number}-{part}" for part in range(20)] for number in range(20))


def test_lines_of_concurrent_async_tasks_go_to_their_own_runs(recorded):
    @task
    async def speaking(number: int) -> None:
        for part in range(5):
            get_run_logger().info("%s-%s", number, part)
            await asyncio.sleep(0)

    @flow
    async def talking() -> None:
        await asyncio.gather(*(speaking(number) for number in range(10)))

    asyncio.run(talking())

    spoken = sorted(lines_of(recorded, run)[:-1] for run in recorded.task_runs())
    assert spoken == sorted([f"{number}-{part}" for part in range(5)] for number in range(10))


def test_lines_of_a_subflow_are_its_own(colour, recorded):
    def child() -> None:
        get_run_logger().info("from the child")

    colour.run(colour.flow_calling(colour.flow(child), name="parent"))

    assert "from the child" in lines_of(recorded, recorded.flow_run("child"))
    assert "from the child" not in lines_of(recorded, recorded.flow_run("parent"))


def test_prints_are_recorded_when_the_flow_asks_for_it(colour, recorded, capsys):
    def printing() -> None:
        print("said", "aloud", sep=", ", end="")
        print()

    colour.run(colour.flow_calling(colour.task(printing), log_prints=True))

    assert lines_of(recorded, recorded.task_run()) == ["said, aloud", "", "Finished in state Completed()"]


def test_prints_are_recorded_when_the_settings_ask_for_it(recorded, capsys):
    with temporary_settings({"logging.log_prints": True}):
        flow(lambda: print("aloud"), name="printing")()

    assert "aloud" in recorded.messages()


def test_prints_are_left_alone_otherwise(colour, recorded, capsys):
    colour.run(colour.flow(lambda: print("aloud")))

    assert capsys.readouterr().out == "aloud\n"
    assert "aloud" not in recorded.messages()


def test_an_exception_is_recorded_with_its_traceback(recorded):
    @flow
    def failing() -> None:
        try:
            raise LookupError("no wheel")
        except LookupError:
            get_run_logger().exception("it went wrong")

    failing()

    (text,) = [text for text in recorded.messages() if text.startswith("it went wrong")]
    assert "Traceback (most recent call last):" in text
    assert text.endswith("LookupError: no wheel")


def test_a_library_named_in_the_settings_is_recorded(launch, recorded):
    launch(
        """
        import logging
        from headrace import flow

        @flow
        def calling():
            logging.getLogger("mylib.inner").warning("from the library")
            logging.getLogger("otherlib").warning("from another")

        calling()
        """,
        env={"HEADRACE_LOGGING_EXTRA_LOGGERS": "mylib"},
    ).succeed()

    assert "from the library" in recorded.messages()
    assert "from another" not in recorded.messages()


def test_handlers_on_the_root_logger_get_each_line_once(caplog):
    @flow
    def talking() -> None:
        get_run_logger().info("said once")
        logging.getLogger("mylib").warning("said by a library")

    talking()

    assert [record.getMessage() for record in caplog.records].count("said once") == 1
    assert [record.getMessage() for record in caplog.records].count("said by a library") == 1


def test_recording_can_be_switched_off(launch, recorded):
    launch(
        """
        from headrace import flow, get_run_logger

        @flow
        def talking():
            get_run_logger().info("said")

        talking()
        """,
        env={"HEADRACE_LOGGING_TO_API_ENABLED": "false"},
    ).succeed()

    assert recorded.flow_run().state_name == "Completed"
    assert recorded.messages() == []


def test_outside_runs_there_is_no_run_logger():
    with pytest.raises(MissingContextError):
        get_run_logger()


def test_a_thread_with_the_runs_context_logs_to_the_run(recorded):
    @flow
    def threading_flow() -> None:
        def work() -> None:
            get_run_logger().info("from a thread")

        thread = threading.Thread(target=copy_context().run, args=(work,))
        thread.start()
        thread.join()

    threading_flow()

    assert "from a thread" in lines_of(recorded, recorded.flow_run())


# --- Lines that are hard to keep -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("half a pair \ud800 here", "here"),
        ("other half \udcff here", "here"),
        ("a \x00 in it", "in it"),
        ("\x1b[31mred\x1b[0m \x07", "red"),
        ("\N{WATER WAVE} gr\u00fc\u00df dich", "\N{WATER WAVE} gr\u00fc\u00df dich"),
        ("", ""),
    ],
    ids=["surrogate", "escaped byte", "NUL", "control", "unicode", "empty"],
)
def test_a_line_that_is_not_plain_text_is_recorded_and_so_are_those_around_it(
    colour, recorded, text, readable
):
    def odd() -> None:
        logger = get_run_logger()
        logger.info("before")
        logger.info(text)
        logger.info("after")

    colour.run(colour.flow_calling(colour.task(odd)))

    before, line, after, finished = lines_of(recorded, recorded.task_run())
    assert (before, after, finished) == ("before", "after", "Finished in state Completed()")
    assert readable in line


def test_a_line_of_ten_megabytes_is_recorded_and_so_are_those_around_it(recorded, capfd):
    @flow
    def verbose() -> None:
        logger = get_run_logger()
        logger.info("before")
        logger.info("start" + "x" * BIG)
        logger.info("after")

    verbose()

    _, before, line, after, _ = recorded.messages()
    assert (before, after) == ("before", "after")
    assert line.startswith("startxxx")
    if len(line) < BIG:
        assert "cut" in line[-200:], "a shortened line must say so"


def test_a_line_that_cannot_be_formatted_costs_only_itself(launch, recorded):
    program = launch(
        """
        from headrace import flow, get_run_logger

        class Shy:
            def __str__(self):
                raise RuntimeError("not telling")

        @flow
        def sloppy():
            logger = get_run_logger()
            logger.info("%d wheels", "three")
            logger.info(Shy())
            logger.info("%s", Shy())
            logger.info("after")
            return "went on"

        print(sloppy())
        """
    ).succeed()

    assert program.stdout == "went on\n"
    assert "after" in recorded.messages()
    assert "a real number is required" in program.stderr
    assert "not telling" in program.stderr


def test_many_lines_are_all_recorded_in_order(recorded, capfd):
    @flow
    def verbose() -> None:
        logger = get_run_logger()
        for number in range(5000):
            logger.info("line %s", number)

    verbose()

    assert [text for text in recorded.messages() if text.startswith("line")] == [
        f"line {n}" for n in range(5000)
    ]


def test_logs_show_no_frames_of_the_engine(capsys, recorded):
    @task
    def breaks():
        raise ValueError("boom")

    @flow
    def broken():
        breaks.submit().wait()
        breaks()

    with pytest.raises(ValueError):
        broken()
    logged = [log.message for log in recorded.logs() if "Traceback" in log.message]
    assert len(logged) == 3
    for text in [*logged, capsys.readouterr().err]:
        frames = [line for line in text.splitlines() if line.lstrip().startswith("File ")]
        assert frames
        assert all(__file__ in frame for frame in frames)

"""`print` in runs that log their prints."""

from __future__ import annotations

import asyncio
import builtins
import contextvars
import io
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headrace.engine.context import FlowRunContext, TaskRunContext, flow_run_var
from headrace.logging.loggers import disable_run_logger, patch_print, print_as_log
from headrace.logging.prints import capture_prints, release_prints


@pytest.fixture
def logging_prints(flow_context: FlowRunContext) -> Iterator[FlowRunContext]:
    """A flow run that logs its prints."""
    flow_context.log_prints = True
    capture_prints()
    yield flow_context
    release_prints()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (("a", 1, None), {}, "a 1 None"),
        (("a", "b"), {"sep": "-"}, "a-b"),
        (("a",), {"end": "!"}, "a!"),
        (("a",), {"end": ""}, "a"),
        (("a",), {"end": " \n\n"}, "a"),
        (("  indented",), {}, "  indented"),
        (("two\nlines",), {}, "two\nlines"),
        ((), {}, ""),
        (("100% %s",), {}, "100% %s"),
        (("flushed",), {"flush": True}, "flushed"),
    ],
)
def test_a_print_becomes_a_line_of_the_run(
    logging_prints: FlowRunContext, recorder: Any, args: Any, kwargs: Any, message: str
) -> None:
    print(*args, **kwargs)
    assert recorder.messages == [message]
    assert (recorder.line.level, recorder.line.flow_run_id) == (20, logging_prints.flow_run.id)


@pytest.mark.usefixtures("logging_prints")
def test_prints_to_stdout_and_stderr_by_name_become_lines_too(
    recorder: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    print("out", file=sys.stdout)
    print("err", file=sys.stderr)
    assert recorder.messages == ["out", "err"]
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("logging_prints")
def test_prints_to_other_files_are_left_alone(recorder: Any) -> None:
    text = io.StringIO()
    print("a", "b", sep="-", end="!", file=text)
    assert text.getvalue() == "a-b!"
    assert recorder.lines == []


@pytest.mark.usefixtures("logging_prints")
def test_what_print_refuses_is_refused() -> None:
    with pytest.raises(TypeError, match="sep must be None or a string"):
        print("a", sep=3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="'bogus' is an invalid keyword argument"):
        print("a", bogus=3)  # type: ignore[call-overload]


def test_the_place_of_the_record_is_the_print(heard: Any, logging_prints: FlowRunContext) -> None:
    print("x")
    (record,) = heard.records
    assert (record.pathname, record.funcName) == (__file__, "test_the_place_of_the_record_is_the_print")


def test_print_is_replaced_only_while_somebody_logs_prints(flow_context: FlowRunContext) -> None:
    before = builtins.print
    capture_prints()
    capture_prints()
    release_prints()
    assert builtins.print is print_as_log
    release_prints()
    assert builtins.print is before


def test_a_print_of_the_users_own_stays(
    flow_context: FlowRunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = []
    monkeypatch.setattr(builtins, "print", lambda *args, **kwargs: printed.append(args))
    capture_prints()
    print("mine")
    release_prints()
    print("mine again")
    assert printed == [("mine",), ("mine again",)]


def test_a_run_that_does_not_log_prints_prints(
    logging_prints: FlowRunContext,
    task_context: TaskRunContext,
    recorder: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    print("printed")
    task_context.log_prints = True
    print("logged")
    assert capsys.readouterr().out == "printed\n"
    assert recorder.messages == ["logged"]


def test_threads_of_the_users_print(
    logging_prints: FlowRunContext, recorder: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    thread = threading.Thread(target=lambda: print("from a thread"))
    thread.start()
    thread.join()
    assert capsys.readouterr().out == "from a thread\n"
    assert recorder.lines == []


def test_threads_in_a_copy_of_the_context_log(logging_prints: FlowRunContext, recorder: Any) -> None:
    thread = threading.Thread(target=contextvars.copy_context().run, args=(print, "from a thread"))
    thread.start()
    thread.join()
    assert recorder.messages == ["from a thread"]


async def test_of_two_runs_at_once_each_prints_its_own_way(
    flow_context: FlowRunContext, recorder: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = FlowRunContext()
    quiet.flow, quiet.flow_run, quiet.recorder = (
        flow_context.flow,
        flow_context.flow_run,
        flow_context.recorder,
    )
    quiet.log_prints = False
    flow_context.log_prints = True
    meeting = asyncio.Barrier(2)

    async def run(context: FlowRunContext, words: str) -> None:
        flow_run_var.set(context)
        capture_prints()
        await meeting.wait()
        print(words)
        await meeting.wait()
        release_prints()

    await asyncio.gather(run(flow_context, "logged"), run(quiet, "printed"))
    assert recorder.messages == ["logged"]
    assert capsys.readouterr().out == "printed\n"


def test_patch_print_logs_the_prints_of_a_block(
    flow_context: FlowRunContext, recorder: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with patch_print():
        print("logged")
    print("printed")
    assert recorder.messages == ["logged"]
    assert capsys.readouterr().out == "printed\n"


def test_outside_runs_patch_print_prints(capsys: pytest.CaptureFixture[str]) -> None:
    with patch_print():
        print("printed")
    print_as_log("printed")
    assert capsys.readouterr().out == "printed\nprinted\n"


def test_a_handler_that_prints_does_not_go_round_in_circles(
    logging_prints: FlowRunContext,
    heard: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heard, "emit", lambda record: print("handling", record.getMessage()))
    print("x")
    assert capsys.readouterr().out == "handling x\n"


def test_silenced_runs_print(
    logging_prints: FlowRunContext, recorder: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with disable_run_logger():
        print("printed")
    assert capsys.readouterr().out == "printed\n"
    assert recorder.lines == []


def test_a_forked_child_can_still_log_prints(
    run_program: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = run_program(
        """
        import os, threading
        from headrace.logging import prints
        prints._lock.acquire()  # as another thread may hold it while this one forks
        child = os.fork()
        if child == 0:
            prints.capture_prints()
            prints.release_prints()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """
    )
    assert done.stderr == ""

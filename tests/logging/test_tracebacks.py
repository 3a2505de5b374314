"""Tracebacks show the user's code and nothing of ours."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap

import pytest

from headrace.engine.inline import run_inline
from headrace.logging.tracebacks import logged_traceback, user_traceback


def report(fn, *args):
    try:
        fn(*args)
    except BaseException as exc:
        return user_traceback(exc)
    raise AssertionError("nothing was raised")


async def fails():
    raise ValueError("boom")


def files(text):
    return [
        line.split('"')[1].rsplit("/", 1)[-1]
        for line in text.splitlines()
        if line.lstrip().startswith("File ")
    ]


def test_frames_of_the_engine_are_left_out():
    text = report(run_inline, fails())
    assert set(files(text)) == {"test_tracebacks.py"}
    assert 'raise ValueError("boom")' in text
    assert text.endswith("ValueError: boom\n")


def test_frames_of_the_standard_library_stay_where_the_user_called_it():
    text = report(asyncio.run, fails())
    assert "runners.py" in files(text)


def test_causes_and_contexts_are_treated_alike():
    def chained():
        try:
            run_inline(fails())
        except ValueError as exc:
            raise KeyError("outer") from exc

    text = report(chained)
    assert "The above exception was the direct cause" in text
    assert set(files(text)) == {"test_tracebacks.py"}


def test_exception_groups_are_treated_alike():
    def grouped():
        problems = []
        for _ in range(2):
            try:
                run_inline(fails())
            except ValueError as exc:
                problems.append(exc)
        raise ExceptionGroup("two", problems)

    text = report(grouped)
    assert text.count("ValueError: boom") == 2
    assert "inline.py" not in text


def test_an_error_of_ours_is_its_message_alone():
    from headrace.settings.names import resolve

    with pytest.raises(Exception, match="no setting") as caught:
        resolve("zzz")
    caught.value.__traceback__ = caught.value.__traceback__.tb_next
    assert user_traceback(caught.value).startswith(
        "headrace.exceptions.ConfigurationError: There is no setting 'zzz'."
    )


def test_exceptions_that_cause_one_another_end():
    a, b = ValueError("a"), ValueError("b")
    a.__cause__, b.__cause__ = b, a
    assert "ValueError: a" in user_traceback(a)


def test_a_syntax_error_shows_its_line(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("def f(:\n    pass\n")
    text = report(compile, path.read_text(), str(path), "exec")
    assert "broken.py" in text
    assert "def f(:" in text


def test_frames_of_an_event_loop_that_the_engine_runs_are_left_out(tmp_path):
    script = tmp_path / "s.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            from headrace import flow
            from headrace.cli.main import main

            @flow
            async def f():
                raise ValueError("boom")
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "-m", "headrace", "run", str(script)],
        capture_output=True,
        text=True,
        env={"HEADRACE_HOME": str(tmp_path / "home"), "HEADRACE_LOGGING_LEVEL": "CRITICAL"},
    )
    assert files(done.stderr) == ["s.py"]


def test_logs_keep_the_frames_of_an_error_that_is_ours_alone():
    from headrace.settings.names import resolve

    with pytest.raises(Exception, match="no setting") as caught:
        resolve("zzz")
    caught.value.__traceback__ = caught.value.__traceback__.tb_next
    assert set(files(logged_traceback(caught.value))) == {"names.py"}

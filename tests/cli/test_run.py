"""`headrace run`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

SCRIPT = """
    import os, signal, sys, time
    from headrace import flow, task

    @task
    def double(x):
        return x * 2

    @flow
    def add(x: int, y: float = 1.5, code: str = "none", items: list[int] = []):
        print("got", repr(x), repr(y), repr(code), items)
        return double(x) + y

    @flow(name="the failing one")
    def fails():
        explode()

    def explode():
        raise ValueError("boom")

    @flow
    async def fails_later():
        try:
            explode()
        except ValueError as exc:
            raise KeyError("later") from exc

    @flow
    def task_fails():
        failing.submit().result()

    @task
    def failing():
        explode()

    @flow
    async def waits(n: int = 1):
        print("waited", n)

    @flow
    def generates():
        yield 1
        print("generated")
        yield 2

    @flow
    async def generates_later():
        yield 1
        print("generated later")

    @flow
    def generator_fails():
        yield 1
        explode()

    @flow
    def cancelled():
        from headrace.states import Cancelled
        return Cancelled()

    @flow
    def exits():
        sys.exit(7)

    @flow
    def stuck():
        print("stuck", flush=True)
        time.sleep(60)

    @flow
    async def stuck_later():
        import asyncio
        print("stuck", flush=True)
        await asyncio.sleep(60)

    @flow
    def noisy():
        print("noise")
        os.system("echo more noise")
        return add(1)
"""


@pytest.fixture
def run(command, script):
    """Run a flow of the script above."""
    path = script(SCRIPT)

    def run(flow, *words, **variables):
        return command("run", f"{path}:{flow}", *words, **variables)

    return run


def files(text):
    return {
        line.split('"')[1].rsplit("/", 1)[-1]
        for line in text.splitlines()
        if line.lstrip().startswith("File ")
    }


QUIET = {"HEADRACE_LOGGING_LEVEL": "CRITICAL"}


@pytest.mark.parametrize(
    ("words", "got"),
    [
        (["-p", "x=3"], "3 1.5 'none' []"),
        (["--param", "x=3", "-p", "y=2", "-p", "code=007", "-p", "items=[1, 2]"], "3 2.0 '007' [1, 2]"),
        (["--params", '{"x": 1, "y": 3}', "-p", "x=2"], "2 3.0 'none' []"),
        (["-p", "x=3", "-p", "code=7"], "3 1.5 '7' []"),
    ],
)
def test_parameters_are_typed_by_the_flow(run, words, got):
    ended = run("add", *words)
    assert ended.code == 0, ended.err
    assert ended.out == f"got {got}\n"


def test_the_run_is_recorded_with_its_name_and_tags(run, command):
    assert run("add", "-p", "x=1", "--name", "my {run}", "-t", "a", "--tag", "b").code == 0
    [listed] = command("flow-run", "ls", "-o", "json").json
    assert (listed["name"], listed["tags"], listed["state_name"]) == ("my {run}", ["a", "b"], "Completed")
    assert listed["parameters"]["x"] == 1


@pytest.mark.parametrize(
    ("flow", "out"),
    [("waits", "waited 1"), ("generates", "generated"), ("generates_later", "generated later")],
)
def test_flows_of_every_colour_run_to_their_end(run, command, flow, out):
    ended = run(flow)
    assert (ended.code, ended.out) == (0, f"{out}\n")
    assert command("flow-run", "ls", "-o", "json").json[0]["state_name"] == "Completed"


@pytest.mark.parametrize("flow", ["fails", "fails_later", "task_fails", "generator_fails", "the failing one"])
def test_a_failing_run_shows_the_users_traceback_alone(run, flow):
    ended = run(flow, **QUIET)
    assert ended.code == 1
    assert "Traceback (most recent call last):" in ended.err
    assert 'raise ValueError("boom")' in ended.err
    assert files(ended.err) == {"script.py"}


def test_a_chain_of_errors_is_shown_whole(run):
    ended = run("fails_later", **QUIET)
    assert "ValueError: boom\n\nThe above exception was the direct cause" in ended.err
    assert ended.err.endswith("KeyError: 'later'\n")


@pytest.mark.parametrize(("flow", "code"), [("cancelled", 4), ("exits", 3)])
def test_the_exit_code_says_how_the_run_ended(run, flow, code):
    assert run(flow, **QUIET).code == code


def test_a_value_that_does_not_fit_fails_the_run_and_names_the_parameter(run, command):
    ended = run("add", "-p", "x=many", **QUIET)
    assert ended.code == 1
    assert "x" in ended.err
    assert "many" in ended.err
    assert files(ended.err) == set()
    assert command("flow-run", "ls", "-o", "json").json[0]["state_name"] == "Failed"


@pytest.mark.parametrize(
    ("words", "named"),
    [([], "x"), (["-p", "x=1", "-p", "z=2"], "z")],
)
def test_parameters_by_wrong_names_are_one_clear_line(run, words, named):
    ended = run("add", *words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert ended.err.count("\n") == 1
    assert f"'{named}'" in ended.err


def test_a_parameter_without_a_value_is_a_usage_error(run):
    ended = run("add", "-p", "x")
    assert ended.code == 2
    assert ended.err == "Error: --param is 'x'; expected NAME=VALUE.\nSee `headrace run --help`.\n"


def test_json_output_is_json_alone(run):
    ended = run("noisy", "-o", "json")
    assert ended.code == 0
    assert ended.json["flow_name"] == "noisy"
    assert ended.json["state"]["type"] == "COMPLETED"
    assert "noise" in ended.err
    assert "more noise" in ended.err


def test_json_output_of_a_failing_run(run):
    ended = run("fails", "-o", "json")
    assert (ended.code, ended.json["exit_code"]) == (1, 1)
    assert ended.json["state"]["name"] == "Failed"


# --- Where the flow comes from -----------------------------------------------------------------------------------


def test_a_file_with_one_flow_needs_no_name(command, script):
    path = script("from headrace import flow\n\n@flow\ndef only():\n    print('ran')\n")
    assert command("run", str(path)).out == "ran\n"


def test_a_file_with_several_flows_lists_them(command, script):
    ended = command("run", str(script(SCRIPT)))
    assert (ended.code, ended.out) == (1, "")
    assert "'add'" in ended.err
    assert "'waits'" in ended.err


def test_a_module(command, script):
    script("from headrace import flow\n\n@flow\ndef only():\n    print('ran')\n", "a_module.py")
    assert command("run", "a_module:only").out == "ran\n"


@pytest.mark.parametrize(
    ("entrypoint", "words"),
    [
        ("missing.py:f", "missing.py"),
        ("missing_module:f", "missing_module"),
        ("script.py:nope", "nope"),
        ("empty.py", "no flow"),
    ],
)
def test_what_cannot_be_found_is_one_clear_line(command, script, entrypoint, words):
    script(SCRIPT)
    script("", "empty.py")
    ended = command("run", entrypoint)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert words in ended.err
    assert ended.err.count("\n") == 1


def test_a_script_that_raises_shows_its_own_frames_alone(command, script):
    script("import helper\n")
    script("def f():\n    raise OSError('no disk')\n\nf()\n", "helper.py")
    ended = command("run", "script.py")
    assert (ended.code, ended.out) == (1, "")
    assert files(ended.err) == {"script.py", "helper.py"}
    assert "OSError: no disk\n" in ended.err


def test_a_script_with_a_syntax_error_shows_the_line(command, script):
    script("def f(:\n    pass\n")
    ended = command("run", "script.py")
    assert ended.code == 1
    assert "def f(:" in ended.err
    assert "SyntaxError" in ended.err


def test_a_script_that_exits_is_one_clear_line(command, script):
    script("import sys\nsys.exit(0)\n")
    ended = command("run", "script.py")
    assert ended.code == 1
    assert (
        ended.err
        == "Error: The script at 'script.py' called sys.exit(0) while it was loaded; no flow was run.\n"
    )


# --- Signals -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows has no POSIX signals")
@pytest.mark.parametrize("flow", ["stuck", "stuck_later"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_in_good_order(process, script, environment, tmp_path, flow, number, code):
    script(SCRIPT)
    child = subprocess.Popen(
        [sys.executable, "-m", "headrace", "run", f"script.py:{flow}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**environment, **QUIET},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "stuck\n"
    child.send_signal(number)
    _, err = child.communicate(timeout=30)
    assert child.returncode == code
    assert f"in {flow}\n" in err
    assert not any(name in err for name in ("headrace/engine", "headrace/cli"))
    [listed] = process("flow-run", "ls", "-o", "json").json
    assert listed["state_type"] == "CRASHED"


def test_a_reader_that_goes_away_is_no_error(script, environment, tmp_path):
    script(
        textwrap.dedent(
            """
            from headrace import flow

            @flow
            def talks():
                for n in range(100_000):
                    print("line", n)
            """
        )
    )
    command = f"{sys.executable} -m headrace run script.py:talks | head -n 1"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, cwd=tmp_path, env={**environment, **QUIET}
    )
    assert done.stdout == "line 0\n"

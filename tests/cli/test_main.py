"""What all commands share: help, profiles, unknown words, errors."""

from __future__ import annotations

import pytest

import headrace
from headrace.cli.main import COMMANDS, split_options


def test_help_names_every_command_and_no_other(command):
    ended = command("--help")
    assert ended.code == 0
    listed = {
        line.split()[1] for line in ended.out.splitlines() if line.startswith("│ ") and line[2] not in " -"
    }
    assert listed == {name for _, name, _, _ in COMMANDS}


def test_no_words_at_all_show_the_help(command):
    assert command().out == command("--help").out


@pytest.mark.parametrize(
    "group", ["flow-run", "task-run", "config", "run", "version", "flow-runs", "task-runs"]
)
def test_each_group_has_help(command, group):
    ended = command(group, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(
        f"Usage: headrace {group.removesuffix('s') if group.endswith('-runs') else group}"
    )


@pytest.mark.parametrize("flag", ["--version", "-v"])
def test_the_version_alone(command, flag):
    assert command(flag).out == f"{headrace.__version__}\n"


def test_an_unknown_command_is_a_usage_error_with_a_suggestion(command):
    ended = command("flow-rn")
    assert (ended.code, ended.out) == (2, "")
    assert (
        ended.err
        == "Error: There is no command 'flow-rn'. Did you mean 'flow-run'?\nSee `headrace --help`.\n"
    )


def test_an_unknown_command_of_a_group_is_a_usage_error(command):
    ended = command("flow-run", "lst")
    assert ended.code == 2
    assert "lst" in ended.err
    assert "See `headrace flow-run --help`." in ended.err


def test_an_unknown_option_is_a_usage_error(command):
    ended = command("config", "view", "--nope")
    assert ended.code == 2
    assert "--nope" in ended.err
    assert "See `headrace config view --help`." in ended.err


def test_an_output_that_is_none_is_a_usage_error(command):
    ended = command("version", "-o", "yaml")
    assert ended.code == 2
    assert "yaml" in ended.err
    assert "json" in ended.err


@pytest.mark.parametrize(
    ("words", "options", "rest"),
    [
        (["--profile", "x", "version"], ("x", None), ["version"]),
        (["--profile=x", "version"], ("x", None), ["version"]),
        (["-p", "x", "run", "-p", "a=1"], ("x", None), ["run", "-p", "a=1"]),
        (["run", "-p", "a=1"], (None, None), ["run", "-p", "a=1"]),
        (["--no-prompt", "-p", "x", "version"], ("x", False), ["version"]),
        (["--prompt", "version", "--no-prompt"], (None, True), ["version", "--no-prompt"]),
        ([], (None, None), []),
    ],
)
def test_options_are_taken_only_before_the_command(words, options, rest):
    assert split_options(words) == (options, rest)


def test_a_profile_without_a_name_is_a_usage_error(command):
    assert command("--profile").code == 2


def test_a_profile_is_used(process, home):
    home.mkdir()
    (home / "profiles.toml").write_text("[profiles.loud]\nHEADRACE_LOGGING_LEVEL = 'DEBUG'\n")
    ended = process("--profile", "loud", "config", "view")
    assert "HEADRACE_PROFILE='loud'" in ended.out
    assert "HEADRACE_LOGGING_LEVEL='DEBUG' (from profile loud)" in ended.out


def test_a_profile_given_before_the_command_wins_over_the_environments(process):
    variables = {"HEADRACE_PROFILE": "local", "PREFECT_PROFILE": "local"}
    assert "HEADRACE_PROFILE='ephemeral'" in process("-p", "ephemeral", "config", "view", **variables).out


def test_processes_that_a_command_starts_use_its_profile(process, home, script):
    script(
        """
        import subprocess, sys
        from headrace import flow

        @flow
        def look():
            code = "from headrace.settings import get_current_settings as s; print(s().profile)"
            subprocess.run([sys.executable, "-c", code], check=True)
        """
    )
    home.mkdir()
    (home / "profiles.toml").write_text("[profiles.mine]\n")
    assert process("-p", "mine", "run", "script.py").out == "mine\n"


@pytest.mark.parametrize("words", [["version"], ["profile", "ls"], ["flow-run", "ls"]])
def test_a_missing_profile_is_one_clear_line(process, words):
    ended = process("--profile", "x", *words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "Error: There is no profile 'x'; there are: default, ephemeral, local.\n"


def test_a_wrong_setting_is_one_clear_line(process):
    ended = process("version", HEADRACE_LOGGING_LEVEL="LOUD")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "Error: HEADRACE_LOGGING_LEVEL in the environment is 'LOUD'; "
        "expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL.\n"
    )


def test_help_imports_no_command_and_nothing_heavy(process, tmp_path, environment):
    import subprocess
    import sys

    code = (
        "import sys; from headrace.cli.main import main; main(['--help']); "
        "names = {'sqlalchemy', 'pydantic', 'asyncio', 'msgspec', 'rich.markdown', 'headrace.cli.config', "
        "'headrace.cli.run', 'headrace.cli.flow_run', 'headrace.store', 'headrace.engine'}; "
        "sys.stderr.write(repr(names & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stderr == "set()"

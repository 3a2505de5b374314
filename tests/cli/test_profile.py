"""`headrace profile`."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from headrace.cli.profile_file import changed_profiles
from headrace.exceptions import ConfigurationError
from headrace.settings.profile_text import activate, add_profile

TEXT = """\
# mine
active = "a"

# for development
[profiles.a]
PREFECT_LOGGING_LEVEL = "DEBUG"  # loud
HEADRACE_API_KEY = "sesame"

[profiles.b]
"""


@pytest.fixture
def file(home):
    """The file of profiles, with two."""
    home.mkdir()
    path = home / "profiles.toml"
    path.write_text(TEXT)
    return path


def rows(text):
    return [line.split(maxsplit=2) for line in text.splitlines()[1:]]


def assert_refused(ended, *words):
    """The command ended with one clear line that has these words."""
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert ended.err.count("\n") == 1
    for word in words:
        assert word in ended.err


def test_built_in_profiles_are_listed_without_any_file(command, home):
    assert rows(command("profile", "ls").out) == [
        ["default", "*", "the embedded store"],
        ["ephemeral", "-", "the embedded store"],
        ["local", "-", "http://127.0.0.1:4200/api"],
    ]
    assert not home.exists()


def test_the_profile_in_use_has_a_star(command, file):
    assert [name for name, star, _ in rows(command("profile", "ls").out) if star == "*"] == ["a"]
    assert [name for name, star, _ in rows(command("-p", "b", "profile", "ls").out) if star == "*"] == ["b"]


def test_profiles_as_json(command, file):
    listed = command("profiles", "ls", "-o", "json").json
    assert listed[0] == {"name": "a", "active": True, "api_url": None}
    assert {"name": "local", "active": False, "api_url": "http://127.0.0.1:4200/api"} in listed


def test_a_created_profile_is_empty_and_not_in_use(command, home):
    ended = command("profile", "create", "mine")
    assert (ended.code, ended.err) == (0, "")
    assert "`headrace profile use mine`" in ended.out
    assert (home / "profiles.toml").read_text() == "[profiles.mine]\n"
    assert command("profile", "inspect").out == "Profile 'default' sets nothing.\n"


def test_a_profile_can_start_as_a_copy(command, file):
    command("profile", "create", "c", "--from", "a")
    command("profile", "create", "d", "--from", "local")
    assert command("profile", "inspect", "c", "-o", "json", "--show-secrets").json == {
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "HEADRACE_API_KEY": "sesame",
    }
    assert command("profile", "inspect", "d").out == "HEADRACE_API_URL='http://127.0.0.1:4200/api'\n"
    assert file.read_text().startswith(TEXT)


@pytest.mark.parametrize("name", ["a", "default"])
def test_a_profile_that_exists_is_not_created_again(command, file, name):
    assert_refused(command("profile", "create", name), f"'{name}' exists already", "config set")
    assert file.read_text() == TEXT


def test_a_copy_of_nothing_is_refused(command, file):
    assert_refused(command("profile", "create", "c", "--from", "x"), "no profile 'x'", "a, b, default")
    assert file.read_text() == TEXT


@pytest.mark.parametrize("name", ["", " x", "--", "a\nb"])
def test_a_name_that_cannot_be_typed_is_refused(command, home, name):
    assert_refused(command("profile", "create", "--", name), "cannot be called")
    assert not (home / "profiles.toml").exists()


def test_the_file_is_its_owners_alone(command, file):
    file.chmod(0o644)
    command("profile", "create", "c")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_link_to_the_file_stays_a_link(command, file, tmp_path):
    elsewhere = tmp_path / "elsewhere.toml"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    command("profile", "create", "c")
    assert file.is_symlink()
    assert "[profiles.c]" in elsewhere.read_text()


def test_use_makes_a_profile_active_and_says_where_runs_go(command, file):
    ended = command("profile", "use", "b")
    assert ended.out == "Profile 'b' is active now: runs go to the embedded store.\n"
    assert ended.err == ""
    assert file.read_text() == TEXT.replace('active = "a"', 'active = "b"')


def test_use_warns_if_the_environment_wins(command, file):
    ended = command("profile", "use", "b", PREFECT_PROFILE="a")
    assert ended.code == 0
    assert ended.err == "Warning: PREFECT_PROFILE is 'a' here, and wins over the active profile.\n"


def test_use_warns_of_an_api_that_does_not_answer(command, file):
    command("-p", "b", "config", "set", "HEADRACE_API_URL=http://127.0.0.1:1/api")
    ended = command("profile", "use", "b")
    assert ended.code == 0
    assert "runs go to http://127.0.0.1:1/api" in ended.out
    assert ended.err.startswith("Warning: The API at http://127.0.0.1:1/api cannot be reached: ")


def test_a_missing_profile_is_not_used(command, file):
    assert_refused(command("profile", "use", "x"), "no profile 'x'")
    assert file.read_text() == TEXT


def test_a_profile_that_cannot_be_loaded_is_not_used(command, file):
    text = TEXT.replace("[profiles.b]\n", "[profiles.b]\nHEADRACE_LOGGING_LEVEL = 'LOUD'\n")
    file.write_text(text)
    assert_refused(command("profile", "use", "b"), "profile b is 'LOUD'")
    assert file.read_text() == text


def test_secrets_are_shown_only_when_asked_for(command, file):
    assert command("profile", "inspect").out == (
        "PREFECT_LOGGING_LEVEL='DEBUG'\nHEADRACE_API_KEY='**********'\n"
    )
    assert command("profile", "inspect", "-o", "json").json["HEADRACE_API_KEY"] == "**********"
    assert "HEADRACE_API_KEY='sesame'" in command("profile", "inspect", "a", "--show-secrets").out


def test_rename_keeps_a_profile_active_and_all_else_as_it_is_written(command, file):
    assert command("profile", "rename", "a", "z").code == 0
    assert file.read_text() == TEXT.replace('"a"', '"z"').replace("profiles.a", "profiles.z")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["x", "y"], "no profile 'x'"),
        (["a", "b"], "'b' exists already"),
        (["local", "y"], "built in"),
        (["a", " "], "cannot be called"),
    ],
)
def test_what_cannot_be_renamed(command, file, words, reason):
    assert_refused(command("profile", "rename", *words), reason)
    assert file.read_text() == TEXT


def test_rename_warns_if_the_environment_names_the_former(command, file):
    ended = command("profile", "rename", "b", "z", HEADRACE_PROFILE="b")
    assert ended.err == "Warning: HEADRACE_PROFILE still says 'b', which no longer exists.\n"


def test_delete_removes_a_profile_that_is_not_in_use(command, file):
    assert command("profile", "delete", "b").out == "Deleted profile 'b'.\n"
    assert file.read_text() == TEXT.removesuffix("\n[profiles.b]\n")


@pytest.mark.parametrize(
    ("variables", "name", "reason"),
    [
        ({}, "a", "is the active one"),
        ({"HEADRACE_PROFILE": "b"}, "a", "is the active one"),
        ({"HEADRACE_PROFILE": "b"}, "b", "is in use"),
        ({}, "local", "built in"),
        ({}, "x", "no profile 'x'"),
    ],
)
def test_what_cannot_be_deleted(command, file, variables, name, reason):
    assert_refused(command("profile", "delete", name, **variables), reason)
    assert file.read_text() == TEXT


def test_a_changed_built_in_profile_can_be_had_as_it_was(command, file):
    command("-p", "local", "config", "set", "HEADRACE_API_URL=http://x/api")
    assert "built in again" in command("profile", "delete", "local").out
    assert command("profile", "inspect", "local").out == "HEADRACE_API_URL='http://127.0.0.1:4200/api'\n"


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals on Windows")
@pytest.mark.parametrize(("answer", "code", "gone"), [("y\n", 0, True), ("\n", 0, False), ("no\n", 0, False)])
def test_a_terminal_is_asked_before_a_profile_is_deleted(file, environment, answer, code, gone):
    import pty

    main, side = pty.openpty()
    words = [sys.executable, "-m", "headrace", "profile", "delete", "b"]
    with subprocess.Popen(words, env=environment, stdin=side, stdout=subprocess.PIPE, stderr=side) as process:
        os.close(side)
        os.write(main, answer.encode())
        process.communicate(timeout=60)
    assert "Delete profile 'b'? [y/N]: " in os.read(main, 1000).decode()
    os.close(main)
    assert process.returncode == code
    assert ("[profiles.b]" not in file.read_text()) is gone


def test_no_prompt_asks_nobody(command, file):
    ended = command("--no-prompt", "profile", "delete", "b")
    assert (ended.code, ended.err) == (0, "")


def test_prompt_asks_whoever_is_there(process, file):
    ended = process("--prompt", "profile", "delete", "b")  # nobody is: the input ends
    assert (ended.code, ended.out) == (0, "Nothing was deleted.\n")
    assert file.read_text() == TEXT


def test_populate_defaults_adds_what_is_missing(command, file):
    command("-p", "local", "config", "set", "HEADRACE_API_URL=http://x/api")
    before = file.read_text()
    assert command("profile", "populate-defaults").out == f"Added default, ephemeral to {file}.\n"
    assert file.read_text() == before + "\n[profiles.default]\n\n[profiles.ephemeral]\n"
    assert command("profile", "populate-defaults").out == f"{file} has all built-in profiles.\n"


def test_profiles_can_be_mended_when_the_active_one_is_missing(process, file):
    file.write_text(TEXT.replace('active = "a"', 'active = "gone"'))
    ended = process("version")
    assert_refused(ended, "'gone' is the active profile", "`headrace profile use NAME`")
    assert process("profile", "ls").code == 0
    assert process("profile", "use", "b").code == 0
    assert "Profile:        b\n" in process("version").out


def test_a_profile_can_be_mended_whose_values_cannot_be_used(process, file):
    file.write_text(TEXT.replace("DEBUG", "LOUD"))
    assert_refused(process("version"), "profile a is 'LOUD'")
    assert process("profile", "ls").code == 0
    assert process("-p", "a", "config", "set", "HEADRACE_LOGGING_LEVEL=INFO").code == 0
    assert file.read_text() == TEXT.replace("DEBUG", "INFO")


@pytest.mark.parametrize("text", ["[profiles", "profiles = 3", "active = 3", "\udcff"])
def test_a_file_that_is_none_of_profiles_is_left_as_it_is(process, file, text):
    file.write_text(text, errors="surrogateescape")
    for words in (
        ["profile", "ls"],
        ["profile", "create", "c"],
        ["config", "set", "HEADRACE_LOGGING_LEVEL=INFO"],
    ):
        assert_refused(process(*words), "profiles.toml")
    assert file.read_text(errors="surrogateescape") == text


def test_a_file_in_another_form_is_left_as_it_is(command, file):
    file.write_text("profiles.a.HEADRACE_DEBUG_MODE = true\n")
    ended = command("-p", "a", "config", "set", "HEADRACE_DEBUG_MODE=false")
    assert_refused(ended, "profiles.toml was not changed", "[profiles.a]")
    assert file.read_text() == "profiles.a.HEADRACE_DEBUG_MODE = true\n"


def test_a_place_that_cannot_be_written_is_named(process, tmp_path):
    (tmp_path / "taken").write_text("a file where a folder should be")
    ended = process(
        "profile", "create", "c", HEADRACE_PROFILES_PATH=str(tmp_path / "taken" / "profiles.toml")
    )
    assert_refused(ended, "taken")


def test_a_change_that_fails_leaves_the_file_as_it_was(file):
    with pytest.raises(ConfigurationError), changed_profiles(file) as changed:
        changed.edit(activate, "b")
        raise ConfigurationError("no")
    assert file.read_text() == TEXT
    assert {path.name for path in file.parent.iterdir()} == {"profiles.toml", ".profiles.toml.lock"}


def test_two_processes_lose_no_change_of_each_other(file, environment):
    code = (
        "import sys, pathlib\n"
        "from headrace.cli.profile_file import changed_profiles\n"
        "from headrace.settings.profile_text import add_profile\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for index in range(50):\n"
        f"    with changed_profiles(pathlib.Path({str(file)!r})) as changed:\n"
        "        changed.edit(add_profile, f'{sys.argv[1]}-{index}', {})\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, name], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for name in ("x", "y")
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    assert [process.wait(60) for process in processes] == [0, 0]
    for process in processes:
        process.stdin.close()
        process.stdout.close()
    text = file.read_text()
    assert text.startswith(TEXT)
    for name in ("x", "y"):
        assert all(f"[profiles.{name}-{index}]\n" in text for index in range(50))


def test_threads_lose_no_change_of_each_other(file):
    from concurrent.futures import ThreadPoolExecutor

    def add(index):
        with changed_profiles(file) as changed:
            changed.edit(add_profile, f"t{index}", {})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert all(f"[profiles.t{index}]\n" in file.read_text() for index in range(40))

"""`headrace config`."""

from __future__ import annotations

import pytest


def test_view_shows_what_is_set_and_where(process, tmp_path):
    (tmp_path / "headrace.toml").write_text("[tasks]\ndefault_retries = 2\n")
    ended = process("config", "view", PREFECT_LOGGING_LEVEL="debug")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "HEADRACE_PROFILE='default'",
        f"HEADRACE_HOME='{tmp_path}/home' (from env HEADRACE_HOME)",
        "HEADRACE_LOGGING_LEVEL='DEBUG' (from env PREFECT_LOGGING_LEVEL)",
        "HEADRACE_TASKS_DEFAULT_RETRIES='2' (from headrace.toml headrace.toml)",
    ]


def test_sources_can_be_hidden(command):
    assert "(from" not in command("config", "view", "--hide-sources").out


def test_view_shows_defaults_when_asked(command):
    out = command("config", "view", "--show-defaults").out
    assert "HEADRACE_FLOWS_DEFAULT_RETRIES='0' (from defaults)" in out
    assert "HEADRACE_API_URL=None (from defaults)" in out


def test_secrets_are_masked_unless_asked(command):
    secrets = {
        "HEADRACE_API_KEY": "pnu_hidden",
        "HEADRACE_SERVER_DATABASE_CONNECTION_URL": "postgresql://me:swordfish@h/d",
    }
    hidden, shown = (
        command("config", "view", **secrets),
        command("config", "view", "--show-secrets", **secrets),
    )
    assert "pnu_hidden" not in hidden.out
    assert "'postgresql://me:********@h/d'" in hidden.out
    assert "pnu_hidden" in shown.out
    assert "postgresql://me:swordfish@h/d" in shown.out


def test_view_as_json(command):
    shown = command("config", "view", "-o", "json", "--show-defaults", HEADRACE_API_KEY="k").json
    lines = {line["name"]: line for line in shown["settings"]}
    assert shown["profile"] == "default"
    assert lines["HEADRACE_API_KEY"] == {
        "name": "HEADRACE_API_KEY",
        "value": "**********",
        "source": "env HEADRACE_API_KEY",
    }
    assert lines["HEADRACE_API_URL"]["value"] is None
    assert lines["HEADRACE_LOGGING_COLORS"]["value"] == "true"


def test_variables_that_are_no_settings_are_pointed_out(command):
    ended = command("config", "view", HEADRACE_LOGING_LEVEL="DEBUG", HEADRACE_PROFILE="default")
    assert ended.err == (
        "Warning: HEADRACE_LOGING_LEVEL is no setting. Did you mean HEADRACE_LOGGING_LEVEL?\n"
    )


def test_the_profile_is_named(command):
    assert (
        command("config", "view", PREFECT_PROFILE="local").out.splitlines()[0] == "HEADRACE_PROFILE='local'"
    )


@pytest.fixture
def file(home):
    """Where the profiles are."""
    return home / "profiles.toml"


def assert_refused(ended, *words, code=1):
    """The command ended with one clear message that has these words."""
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("Error: ")
    for word in words:
        assert word in ended.err


def test_set_changes_the_profile_in_use_and_says_so(command, file):
    ended = command("config", "set", "HEADRACE_LOGGING_LEVEL=debug", "HEADRACE_API_URL=http://h/api?a=b")
    assert ended == (
        0,
        "Set HEADRACE_LOGGING_LEVEL='debug' in profile 'default'.\n"
        "Set HEADRACE_API_URL='http://h/api?a=b' in profile 'default'.\n",
        "",
    )
    assert file.read_text() == (
        '[profiles.default]\nHEADRACE_LOGGING_LEVEL = "debug"\nHEADRACE_API_URL = "http://h/api?a=b"\n'
    )
    shown = command("config", "view").out
    assert "HEADRACE_LOGGING_LEVEL='DEBUG' (from profile default)" in shown
    assert "HEADRACE_API_URL='http://h/api?a=b' (from profile default)" in shown


def test_set_changes_the_profile_that_is_asked_for(command, file):
    command("profile", "create", "mine")
    command("-p", "mine", "config", "set", "HEADRACE_LOGGING_LEVEL=ERROR")
    command("config", "set", "HEADRACE_LOGGING_LEVEL=INFO", HEADRACE_PROFILE="local")
    assert file.read_text() == (
        '[profiles.mine]\nHEADRACE_LOGGING_LEVEL = "ERROR"\n\n'
        '[profiles.local]\nHEADRACE_API_URL = "http://127.0.0.1:4200/api"\nHEADRACE_LOGGING_LEVEL = "INFO"\n'
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("HEADRACE_TASKS_DEFAULT_RETRIES", "HEADRACE_TASKS_DEFAULT_RETRIES"),
        ("PREFECT_TASKS_DEFAULT_RETRIES", "PREFECT_TASKS_DEFAULT_RETRIES"),
        ("PREFECT_TASK_DEFAULT_RETRIES", "PREFECT_TASKS_DEFAULT_RETRIES"),
        ("tasks.default_retries", "HEADRACE_TASKS_DEFAULT_RETRIES"),
    ],
)
def test_all_names_of_a_setting_can_be_set(command, file, given, kept):
    command("config", "set", f"{given}=3")
    assert file.read_text() == f'[profiles.default]\n{kept} = "3"\n'


def test_a_setting_is_changed_under_the_name_that_the_profile_has_for_it(command, home, file):
    home.mkdir()
    file.write_text(
        "[profiles.default]\nPREFECT_TASK_DEFAULT_RETRIES = 1\nPREFECT_TASKS_DEFAULT_RETRIES = 2  # twice\n"
    )
    command("config", "set", "HEADRACE_TASKS_DEFAULT_RETRIES=3")
    assert file.read_text() == '[profiles.default]\nPREFECT_TASKS_DEFAULT_RETRIES = "3"  # twice\n'
    assert "HEADRACE_TASKS_DEFAULT_RETRIES='3'" in command("config", "view").out


def test_secrets_that_are_set_are_not_shown(command):
    ended = command("config", "set", "HEADRACE_API_KEY=sesame")
    assert "sesame" not in ended.out + ended.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["HEADRACE_LOGING_LEVEL=INFO"], "Did you mean 'HEADRACE_LOGGING_LEVEL'?"),
        (["PREFECT_LOGING_LEVEL=INFO"], "Did you mean 'PREFECT_LOGGING_LEVEL'?"),
        (["SOMETHING=1"], "no setting 'SOMETHING'"),
        (["HEADRACE_LOGGING_LEVEL=LOUD"], "on the command line is 'LOUD'; expected one of DEBUG, INFO"),
        (
            ["HEADRACE_API_URL=http://h/api", "HEADRACE_TASKS_DEFAULT_RETRIES=-1"],
            "a whole number, at least 0",
        ),
        (["HEADRACE_HOME=/x"], "set it in the environment"),
        (["PREFECT_PROFILES_PATH=/x"], "set it in the environment"),
    ],
)
def test_nothing_is_set_if_one_setting_cannot_be(command, file, words, reason):
    assert_refused(command("config", "set", *words), reason)
    assert not file.exists()


@pytest.mark.parametrize("words", [[], ["HEADRACE_LOGGING_LEVEL"]])
def test_set_without_a_value_is_a_usage_error(command, file, words):
    assert_refused(command("config", "set", *words), "NAME=VALUE", "`headrace config set --help`", code=2)


def test_set_warns_if_something_stronger_sets_it_too(command, tmp_path):
    ended = command("config", "set", "HEADRACE_LOGGING_LEVEL=INFO", PREFECT_LOGGING_LEVEL="ERROR")
    assert ended.code == 0
    assert ended.err == (
        "Warning: The environment sets PREFECT_LOGGING_LEVEL, which wins over the profile. "
        "`unset PREFECT_LOGGING_LEVEL` ends that.\n"
    )
    (tmp_path / "headrace.toml").write_text("[tasks]\ndefault_retries = 2\n")
    ended = command("config", "set", "tasks.default_retries=3")
    assert ended.err == (
        "Warning: headrace.toml headrace.toml sets tasks.default_retries, which wins over the profile.\n"
    )


def test_unset_removes_a_setting_under_all_its_names(command, home, file):
    home.mkdir()
    file.write_text(
        "[profiles.default]\nPREFECT_TASK_DEFAULT_RETRIES = 1\n# loud\nHEADRACE_LOGGING_LEVEL = 'DEBUG'\n"
        "HEADRACE_TASKS_DEFAULT_RETRIES = 2\n"
    )
    ended = command("config", "unset", "PREFECT_TASKS_DEFAULT_RETRIES", "-y")
    assert ended.out == (
        "Removed HEADRACE_TASKS_DEFAULT_RETRIES from profile 'default'.\n"
        "Removed PREFECT_TASK_DEFAULT_RETRIES from profile 'default'.\n"
    )
    assert file.read_text() == "[profiles.default]\n# loud\nHEADRACE_LOGGING_LEVEL = 'DEBUG'\n"


def test_unset_removes_what_is_no_setting(command, home, file):
    home.mkdir()
    file.write_text("[profiles.default]\nPREFECT_NO_SUCH_THING = 1\n")
    assert command("config", "unset", "PREFECT_NO_SUCH_THING").code == 0
    assert file.read_text() == "[profiles.default]\n"


def test_unset_of_a_built_in_value_writes_the_profile_without_it(command, file):
    assert command("-p", "local", "config", "unset", "HEADRACE_API_URL").code == 0
    assert file.read_text() == "[profiles.local]\n"


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["HEADRACE_API_URL"], "HEADRACE_API_URL is not set in profile 'default'"),
        (["HEADRACE_LOGGING_LEVEL", "HEADRACE_API_URL"], "is not set"),
        (["HEADRACE_LOGING_LEVEL"], "Did you mean 'HEADRACE_LOGGING_LEVEL'?"),
    ],
)
def test_nothing_is_unset_if_one_setting_is_not_there(command, home, file, names, reason):
    home.mkdir()
    text = "[profiles.default]\nHEADRACE_LOGGING_LEVEL = 'DEBUG'\n"
    file.write_text(text)
    assert_refused(command("config", "unset", "-y", *names), reason)
    assert file.read_text() == text


def test_unset_of_nothing_is_a_usage_error(command):
    assert_refused(command("config", "unset"), "needs the name", "`headrace config unset --help`", code=2)


def test_unset_asks_where_it_may(process, home, file):
    home.mkdir()
    text = "[profiles.default]\nHEADRACE_LOGGING_LEVEL = 'DEBUG'\n"
    file.write_text(text)
    asked = process("--prompt", "config", "unset", "logging.level")
    assert asked.out == "Nothing was removed.\n"
    assert asked.err == "Remove HEADRACE_LOGGING_LEVEL from profile 'default'? [y/N]: "
    assert file.read_text() == text
    assert process("--prompt", "config", "unset", "logging.level", "--yes").err == ""
    assert file.read_text() == "[profiles.default]\n"


def test_a_valid_configuration_is_said_to_be_one(command, tmp_path):
    (tmp_path / "prefect.toml").write_text("[server]\nephemeral = {enabled = true}\n")
    ended = command("config", "validate", PREFECT_SERVER_EPHEMERAL_ENABLED="true")
    assert ended == (0, "The configuration is valid.\n", "")


def test_validate_names_everything_that_is_wrong(process, home, file, tmp_path):
    home.mkdir()
    file.write_text(
        "[profiles.default]\nHEADRACE_DEBUG_MODE = 'maybe'\nHEADRACE_TASK_RETRIES = 2\n[profiles.x]\nPREFECT_DEBUG_MODE = 'x'\n"
    )
    (tmp_path / ".env").write_text("HEADRACE_TASKS_DEFAULT_RETRIES=x\nHEADRACE_LOGING_LEVEL=1\n")
    (tmp_path / "headrace.toml").write_text("[logging]\nlevel = 'LOUD'\nlevl = 'INFO'\n[nothing]\nhere = 1\n")
    (tmp_path / "prefect.toml").write_text("not TOML")
    ended = process("config", "validate", HEADRACE_LOGGING_LEVEL="INFO", HEADRACE_TASKS_DEFAULT_RETRIES="-1")
    assert (ended.code, ended.out) == (1, "")
    assert [line.removeprefix("Error: ") for line in ended.err.splitlines()] == [
        "HEADRACE_TASKS_DEFAULT_RETRIES in the environment is '-1'; expected a whole number, at least 0.",
        "tasks.default_retries in .env .env is 'x'; expected a whole number, at least 0.",
        "HEADRACE_LOGING_LEVEL in .env is no setting. Did you mean HEADRACE_LOGGING_LEVEL?",
        "logging.level in headrace.toml headrace.toml is 'LOUD'; "
        "expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL.",
        "prefect.toml is not valid TOML: Expected '=' after a key in a key/value pair (at line 1, column 5). "
        "Correct the file or remove it.",
    ]


def test_validate_names_a_mistyped_key_and_a_mistyped_variable_of_the_profile(process, home, file, tmp_path):
    home.mkdir()
    file.write_text("[profiles.default]\nHEADRACE_DEBUG_MODE = 'maybe'\nHEADRACE_LOGING_LEVEL = 2\n")
    (tmp_path / "headrace.toml").write_text("[logging]\nlevl = 'INFO'\n[nothing]\nhere = 1\n")
    assert [line.removeprefix("Error: ") for line in process("config", "validate").err.splitlines()] == [
        "logging.levl in headrace.toml headrace.toml is no setting. Did you mean logging.level?",
        "nothing in headrace.toml headrace.toml is no setting.",
        "debug_mode in profile default is 'maybe'; expected true or false.",
        "HEADRACE_LOGING_LEVEL in profile 'default' is no setting. Did you mean HEADRACE_LOGGING_LEVEL?",
    ]


def test_validate_names_a_profile_that_is_missing(process):
    ended = process("config", "validate", HEADRACE_PROFILE="x")
    assert (ended.code, ended.err) == (
        1,
        "Error: There is no profile 'x'; there are: default, ephemeral, local.\n",
    )

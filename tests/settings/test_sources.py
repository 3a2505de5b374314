"""Which source wins, and how each is read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headrace.exceptions import ConfigurationError, MissingProfileError
from headrace.settings import Secret, temporary_settings
from headrace.settings.load import load_settings

PATH = "logging.level"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def configure_everywhere(folder):
    """Give the level in every file, each its own; return the pairs of source and value, the strongest first."""
    write(folder / ".env", "HEADRACE_LOGGING_LEVEL=WARNING\n")
    write(folder / "headrace.toml", "[logging]\nlevel = 'ERROR'\n")
    write(folder / "prefect.toml", "[logging]\nlevel = 'CRITICAL'\n")
    write(
        folder / "pyproject.toml",
        "[tool.headrace.logging]\nlevel = 'DEBUG'\n[tool.prefect.logging]\nlevel = 'INFO'\n",
    )
    write(folder / "home/profiles.toml", "active = 'p'\n[profiles.p]\nPREFECT_LOGGING_LEVEL = 'ERROR'\n")


def test_the_order_of_sources(load, folder):
    configure_everywhere(folder)
    seen = []

    def see(settings):
        seen.append((settings.source_of(PATH).kind, settings.logging.level))

    see(load(HEADRACE_LOGGING_LEVEL="CRITICAL"))
    see(load())
    (folder / ".env").unlink()
    see(load())
    (folder / "headrace.toml").unlink()
    see(load())
    (folder / "prefect.toml").unlink()
    see(load())
    write(folder / "pyproject.toml", "[tool.prefect.logging]\nlevel = 'INFO'\n")
    see(load())
    (folder / "pyproject.toml").unlink()
    see(load())
    (folder / "home/profiles.toml").unlink()
    see(load())
    assert seen == [
        ("env", "CRITICAL"),
        (".env", "WARNING"),
        ("headrace.toml", "ERROR"),
        ("prefect.toml", "CRITICAL"),
        ("pyproject.toml [tool.headrace]", "DEBUG"),
        ("pyproject.toml [tool.prefect]", "INFO"),
        ("profile", "ERROR"),
        ("defaults", "INFO"),
    ]


@pytest.mark.parametrize(
    ("variables", "retries"),
    [
        ({"HEADRACE_TASKS_DEFAULT_RETRIES": "1", "PREFECT_TASKS_DEFAULT_RETRIES": "2"}, 1),
        ({"HEADRACE_TASK_DEFAULT_RETRIES": "1", "PREFECT_TASKS_DEFAULT_RETRIES": "2"}, 1),
        ({"PREFECT_TASKS_DEFAULT_RETRIES": "1", "PREFECT_TASK_DEFAULT_RETRIES": "2"}, 1),
        ({"PREFECT_TASK_DEFAULT_RETRIES": "2"}, 2),
    ],
)
def test_our_prefix_wins_over_prefects_and_a_present_name_over_a_former_one(load, variables, retries):
    assert load(variables).tasks.default_retries == retries


def test_prefects_home_is_honoured_and_ours_wins(folder):
    assert load_settings({"PREFECT_HOME": str(folder / "p")}, folder).home == folder / "p"
    both = {"PREFECT_HOME": str(folder / "p"), "HEADRACE_HOME": str(folder / "h")}
    assert load_settings(both, folder).home == folder / "h"


def test_variables_that_are_no_settings_are_ignored(load):
    assert load(PREFECT__FLOW_RUN_ID="x", HEADRACE_NO_SUCH_THING="y").given.keys() == {"home"}


def test_dotenv_has_quotes_exports_and_comments(load, folder):
    write(
        folder / ".env",
        "# a comment\n\nexport HEADRACE_LOGGING_LEVEL='debug'\nOTHER=1\nnot a line\n"
        'PREFECT_RESULTS_DEFAULT_SERIALIZER="json" # why\nHEADRACE_UI_URL=http://x/#a # b\n#HEADRACE_DEBUG_MODE=1\n',
    )
    settings = load()
    assert settings.logging.level == "DEBUG"
    assert settings.results.default_serializer == "json"
    assert settings.ui_url == "http://x/#a"
    assert settings.debug_mode is False


def test_toml_holds_typed_values(load, folder):
    write(
        folder / "headrace.toml",
        "[tasks]\ndefault_retries = 2\ndefault_retry_delay_seconds = [1, 2.5]\n[client]\ncustom_headers = {a = 'b'}\n"
        "[logging]\nextra_loggers = ['urllib3', 'x']\n[unknown]\nkey = 1\n",
    )
    settings = load()
    assert settings.tasks.default_retries == 2
    assert settings.tasks.default_retry_delay_seconds == [1, 2.5]
    assert settings.client.custom_headers == {"a": "b"}
    assert settings.logging.extra_loggers == ("urllib3", "x")


def test_a_pyproject_that_is_not_for_us_is_not_even_parsed(load, folder):
    write(folder / "pyproject.toml", "this is [not TOML")
    assert load().logging.level == "INFO"


def test_a_broken_file_is_named(load, folder):
    write(folder / "headrace.toml", "[logging\nlevel = 1")
    with pytest.raises(ConfigurationError, match=r"headrace\.toml is not valid TOML.*line 1"):
        load()


def test_a_table_in_place_of_which_stands_a_value_is_named(load, folder):
    write(folder / "headrace.toml", "logging = 'DEBUG'")
    with pytest.raises(
        ConfigurationError, match=r"logging in headrace\.toml .* is 'DEBUG'; expected a table"
    ):
        load()


def test_a_file_that_is_not_text_is_named(load, folder):
    (folder / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"\.env cannot be read"):
        load()


@pytest.mark.parametrize("variable", ["HEADRACE_PROFILE", "PREFECT_PROFILE"])
def test_the_environment_chooses_the_profile(load, folder, variable):
    write(
        folder / "home/profiles.toml",
        "active = 'a'\n[profiles.a]\n[profiles.b]\nHEADRACE_LOGGING_LEVEL = 'ERROR'\n",
    )
    settings = load({variable: "b"})
    assert (settings.profile, settings.logging.level) == ("b", "ERROR")


def test_a_profile_asked_for_by_the_program_wins(load, folder):
    write(folder / "home/profiles.toml", "active = 'a'\n[profiles.a]\n[profiles.b]\n")
    assert load_settings({"HEADRACE_HOME": str(folder / "home")}, folder, profile="b").profile == "b"
    assert load().profile == "a"


def test_the_program_wins_over_all_sources(folder, monkeypatch):
    configure_everywhere(folder)
    monkeypatch.setenv("HEADRACE_HOME", str(folder / "home"))
    monkeypatch.setenv("HEADRACE_LOGGING_LEVEL", "CRITICAL")
    with temporary_settings({PATH: "DEBUG"}) as settings:
        assert (settings.logging.level, settings.source_of(PATH).kind) == ("DEBUG", "explicit")


def test_our_variable_chooses_the_profile_before_prefects(load, folder):
    write(folder / "home/profiles.toml", "active = 'a'\n[profiles.a]\n[profiles.b]\n[profiles.c]\n")
    assert load(HEADRACE_PROFILE="b", PREFECT_PROFILE="c").profile == "b"
    assert load(HEADRACE_PROFILE="", PREFECT_PROFILE="c").profile == "c"
    assert load(HEADRACE_PROFILE="", PREFECT_PROFILE="").profile == "a"


@pytest.mark.parametrize(
    ("suffix", "path", "stronger", "weaker"),
    [
        ("API_URL", "api.url", "http://a/api", "http://b/api"),
        ("API_KEY", "api.key", "pnu_a", "pnu_b"),
        ("API_AUTH_STRING", "api.auth_string", "me:a", "me:b"),
    ],
)
def test_where_the_api_is_and_how_to_enter_it(load, folder, suffix, path, stronger, weaker):
    def value(settings):
        found = settings.get(path)
        return found.get_secret_value() if isinstance(found, Secret) else found

    assert value(load()) is None
    write(folder / "home/profiles.toml", f"[profiles.default]\nPREFECT_{suffix} = '{weaker}'\n")
    assert value(load()) == weaker
    write(folder / "headrace.toml", f"[api]\n{path.removeprefix('api.')} = '{stronger}'\n")
    assert value(load()) == stronger
    assert value(load({f"PREFECT_{suffix}": weaker})) == weaker
    assert value(load({f"PREFECT_{suffix}": weaker, f"HEADRACE_{suffix}": stronger})) == stronger
    assert value(load({f"HEADRACE_{suffix}": ""})) is None


def test_profiles_can_be_kept_elsewhere(load, folder):
    write(folder / "mine.toml", "active = 'a'\n[profiles.a]\n")
    assert load(PREFECT_PROFILES_PATH=str(folder / "mine.toml")).profile == "a"
    write(folder / ".env", f"HEADRACE_PROFILES_PATH={folder / 'mine.toml'}\n")
    assert load().profile == "a"


def test_an_active_profile_that_is_missing_is_said_to_be(load, folder):
    write(folder / "home/profiles.toml", "active = 'gone'\n[profiles.a]\n")
    with pytest.raises(
        MissingProfileError,
        match=r"profiles\.toml says that 'gone' .* a, default, .*`headrace profile use NAME`",
    ):
        load()


def test_an_active_profile_that_is_no_name_is_refused(load, folder):
    write(folder / "home/profiles.toml", "active = 3\n[profiles.a]\n")
    with pytest.raises(ConfigurationError, match=r"active in .*profiles\.toml is 3; expected the name"):
        load()


def test_there_are_profiles_without_a_file(load):
    assert load().profile == "default"
    assert load(HEADRACE_PROFILE="local").api.url == "http://127.0.0.1:4200/api"


def test_a_missing_profile_is_named_with_those_that_exist(load):
    with pytest.raises(
        MissingProfileError, match=r"There is no profile 'x'; there are: default, ephemeral, local\."
    ):
        load(HEADRACE_PROFILE="x")


def test_a_profiles_file_of_another_shape_is_named(load, folder):
    write(folder / "home/profiles.toml", "profiles = 3")
    with pytest.raises(ConfigurationError, match=r"profiles\.toml has no table per profile"):
        load()


def test_the_environment_is_read_at_first_use_and_kept(folder):
    code = """
import os
from headrace.settings import get_current_settings
os.environ["HEADRACE_LOGGING_LEVEL"] = "ERROR"
print(get_current_settings().logging.level)
os.environ["HEADRACE_LOGGING_LEVEL"] = "DEBUG"
print(get_current_settings().logging.level)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True
    )
    assert done.stdout.split() == ["ERROR", "ERROR"]

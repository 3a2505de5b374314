"""What settings are when nothing is configured."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headrace.settings import Secret, Settings
from headrace.settings.coercion import annotation_of, coerce, description_of, expected
from headrace.settings.load import assemble, load_settings
from headrace.settings.root import DEFAULT

DEFAULTS = {
    "debug_mode": False,
    "api.url": None,
    "ui_url": None,
    "flows.default_retries": 0,
    "flows.default_retry_delay_seconds": 0,
    "tasks.default_retries": 0,
    "tasks.default_retry_delay_seconds": 0,
    "tasks.default_persist_result": None,
    "tasks.default_no_cache": False,
    "tasks.disable_caching": False,
    "tasks.refresh_cache": False,
    "tasks.runner.thread_pool_max_workers": None,
    "tasks.runner.process_pool_max_workers": None,
    "results.default_serializer": "pickle",
    "results.persist_by_default": False,
    "logging.level": "INFO",
    "logging.colors": True,
    "logging.log_prints": False,
    "logging.markup": False,
    "logging.extra_loggers": (),
    "logging.to_api.enabled": True,
    "logging.to_api.max_log_size": 1_000_000,
    "logging.to_api.when_missing_flow": "warn",
    "server.api.port": 4200,
    "server.tasks.max_cache_key_length": 2000,
}


@pytest.mark.parametrize(("path", "value"), DEFAULTS.items())
def test_defaults_are_what_prefect_users_know(load, path, value):
    assert load().get(path) == value


def test_home_is_a_hidden_folder_of_the_user(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert load_settings({}, folder).home == folder / ".headrace"


def test_everything_kept_is_below_home(load, folder):
    settings = load()
    home = folder / "home"
    assert settings.profiles_path == home / "profiles.toml"
    assert settings.results.local_storage_path == home / "storage"
    assert settings.logging.config_path == home / "logging.yml"
    assert settings.server.database.sync_url() == f"sqlite:///{home}/headrace.db"


def test_a_relative_home_is_made_absolute(load, folder):
    assert load(HEADRACE_HOME="here").home == folder / "here"


def test_values_may_refer_to_home(load, folder):
    settings = load(
        HEADRACE_RESULTS_LOCAL_STORAGE_PATH="$HEADRACE_HOME/kept",
        PREFECT_API_DATABASE_CONNECTION_URL="sqlite+aiosqlite:///${PREFECT_HOME}/x.db",
    )
    assert settings.results.local_storage_path == folder / "home" / "kept"
    assert settings.server.database.sync_url() == f"sqlite:///{folder}/home/x.db"


def test_a_tilde_in_a_path_is_the_users_folder(load, folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert load(HEADRACE_RESULTS_LOCAL_STORAGE_PATH="~/r").results.local_storage_path == folder / "r"


def test_debug_mode_lowers_the_log_levels_that_nothing_sets(load):
    assert load(HEADRACE_DEBUG_MODE="1").logging.level == "DEBUG"
    assert load(HEADRACE_DEBUG_MODE="1", HEADRACE_LOGGING_LEVEL="ERROR").logging.level == "ERROR"


def test_the_web_page_is_found_from_the_api(load):
    settings = load(HEADRACE_API_URL="http://there:4200/api/")
    assert settings.api.url == "http://there:4200/api"
    assert settings.ui_url == "http://there:4200"


def test_a_database_url_can_be_given_in_parts(load):
    settings = load(
        HEADRACE_SERVER_DATABASE_DRIVER="postgresql+asyncpg",
        HEADRACE_SERVER_DATABASE_HOST="db",
        HEADRACE_SERVER_DATABASE_PORT="5433",
        HEADRACE_SERVER_DATABASE_USER="me",
        HEADRACE_SERVER_DATABASE_PASSWORD="a/b",
        HEADRACE_SERVER_DATABASE_NAME="runs",
    )
    assert settings.server.database.sync_url() == "postgresql+psycopg://me:a%2Fb@db:5433/runs"


@pytest.mark.parametrize("url", ["postgresql://h/d", "postgresql+asyncpg://h/d", "postgresql+psycopg://h/d"])
def test_postgresql_uses_one_driver(load, url):
    assert (
        load(HEADRACE_SERVER_DATABASE_CONNECTION_URL=url).server.database.sync_url()
        == "postgresql+psycopg://h/d"
    )


@pytest.mark.parametrize("path", [path for path, _ in Settings().walk()])
def test_every_setting_is_described_and_its_default_is_valid(path):
    value = assemble({}).get(path)
    assert description_of(path).endswith(".")
    assert expected(path)
    assert annotation_of(path)
    assert coerce(path, value, DEFAULT) == value


def test_values_cannot_be_changed():
    with pytest.raises(AttributeError):
        assemble({}).logging.level = "DEBUG"  # type: ignore[misc]


def test_secrets_do_not_show(load):
    settings = load(HEADRACE_API_KEY="pnu_hidden", HEADRACE_SERVER_DATABASE_PASSWORD="swordfish")
    assert "pnu_hidden" not in repr(settings) + str(settings.api.key) + f"{settings.api.key}"
    assert "swordfish" not in repr(settings.given)
    assert settings.api.key == Secret("pnu_hidden")
    assert settings.api.key.get_secret_value() == "pnu_hidden"


def test_loading_imports_nothing_heavy(folder):
    heavy = "{'pydantic', 'sqlalchemy', 'asyncio', 'rich', 'cyclopts', 'tomllib', 'json'}"
    code = f"import sys, headrace.settings as s; s.get_current_settings(); print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True
    )
    assert done.stdout.strip() == "set()"


def test_environment_variables_rebuild_the_settings(load, folder):
    settings = load(
        HEADRACE_TASKS_DEFAULT_RETRIES="3", HEADRACE_CLIENT_RETRY_EXTRA_CODES="500,429", HEADRACE_API_KEY="k"
    )
    again = load_settings(settings.to_environment_variables(), folder)
    assert dict(again.walk()) == dict(settings.walk())


def test_environment_variables_leave_out_what_is_asked(load):
    settings = load(HEADRACE_API_KEY="k")
    assert settings.to_environment_variables(exclude_unset=True).keys() == {
        "HEADRACE_HOME",
        "HEADRACE_API_KEY",
    }
    assert "HEADRACE_API_KEY" not in settings.to_environment_variables(include_secrets=False)


def test_the_source_of_each_value_is_known(load):
    settings = load(PREFECT_LOGGING_LEVEL="debug")
    assert str(settings.source_of("logging.level")) == "env PREFECT_LOGGING_LEVEL"
    assert settings.source_of("logging.colors") is DEFAULT

"""Settings in force: temporary changes, contexts, and settings as objects."""

from __future__ import annotations

import contextvars
import threading

import pytest

import headrace.settings
from headrace.exceptions import ConfigurationError
from headrace.settings import get_current_settings, temporary_settings


def test_the_same_object_is_returned_each_time():
    assert get_current_settings() is get_current_settings()


@pytest.mark.parametrize(
    "key",
    [
        headrace.settings.PREFECT_TASKS_DEFAULT_RETRIES,
        headrace.settings.HEADRACE_TASKS_DEFAULT_RETRIES,
        headrace.settings.PREFECT_TASK_DEFAULT_RETRIES,
        "PREFECT_TASKS_DEFAULT_RETRIES",
        "HEADRACE_TASK_DEFAULT_RETRIES",
        "tasks.default_retries",
    ],
)
def test_settings_are_changed_by_any_of_their_names(key):
    before = get_current_settings().tasks.default_retries
    with temporary_settings({key: 7}) as settings:
        assert settings.tasks.default_retries == get_current_settings().tasks.default_retries == 7
        assert str(settings.source_of("tasks.default_retries")) == "explicit"
    assert get_current_settings().tasks.default_retries == before


def test_changes_nest():
    with temporary_settings({"logging.level": "DEBUG"}), temporary_settings({"tasks.default_retries": 1}):
        settings = get_current_settings()
        assert (settings.logging.level, settings.tasks.default_retries) == ("DEBUG", 1)


def test_changes_end_with_an_error():
    before = get_current_settings()
    with pytest.raises(ZeroDivisionError), temporary_settings({"debug_mode": True}):
        raise ZeroDivisionError
    assert get_current_settings() is before


def test_defaults_can_be_set_and_restored():
    with temporary_settings({"logging.level": "ERROR"}):
        with temporary_settings(
            set_defaults={"logging.level": "DEBUG", "tasks.default_retries": 2}
        ) as settings:
            assert (settings.logging.level, settings.tasks.default_retries) == ("ERROR", 2)
        with temporary_settings(restore_defaults=["PREFECT_LOGGING_LEVEL"]) as settings:
            assert settings.logging.level == "INFO"


def test_what_is_below_home_moves_with_it(tmp_path):
    with temporary_settings({"home": tmp_path}) as settings:
        assert settings.results.local_storage_path == tmp_path / "storage"
        assert str(tmp_path) in settings.server.database.sync_url()


def test_none_unsets():
    with temporary_settings({"api.url": "http://x/api"}), temporary_settings({"api.url": None}) as settings:
        assert settings.api.url is None


def test_an_unknown_setting_is_an_error_with_a_suggestion():
    with pytest.raises(
        ConfigurationError, match=r"no setting 'PREFECT_LOGING_LEVEL'\. Did you mean 'PREFECT_LOGGING_LEVEL'"
    ):
        with temporary_settings({"PREFECT_LOGING_LEVEL": "INFO"}):
            pass
    with pytest.raises(ConfigurationError, match="config view"):
        with temporary_settings({"zzz": 1}):
            pass


def test_a_wrong_value_is_an_error_and_changes_nothing():
    before = get_current_settings()
    with pytest.raises(ConfigurationError, match="HEADRACE_TASKS_DEFAULT_RETRIES in the program is -1"):
        with temporary_settings({"tasks.default_retries": -1}):
            pass
    assert get_current_settings() is before


def test_threads_see_a_change_with_a_copied_context_only():
    seen = []

    def look():
        seen.append(get_current_settings().tasks.default_retries)

    with temporary_settings({"tasks.default_retries": 9}):
        for target in (look, lambda context=contextvars.copy_context(): context.run(look)):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    assert seen == [0, 9]


def test_threads_that_load_at_once_get_the_same_settings(monkeypatch):
    from headrace.settings import current

    monkeypatch.setattr(current, "_process", {})
    barrier = threading.Barrier(8)
    seen = []

    def load():
        barrier.wait()
        seen.append(get_current_settings())

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(settings) for settings in seen}) == 1


def test_a_setting_as_an_object_knows_its_value():
    setting = headrace.settings.PREFECT_API_KEY
    assert setting.name == "PREFECT_API_KEY"
    assert setting.accessor == "api.key"
    assert setting.is_secret
    assert setting.default() is None
    with temporary_settings({setting: "k"}) as settings:
        assert setting.value() == setting.value_from(settings) == "k"
        assert setting
    assert not setting
    assert not headrace.settings.PREFECT_LOGGING_LEVEL.is_secret


def test_two_names_of_one_setting_are_equal():
    assert headrace.settings.PREFECT_API_URL == headrace.settings.HEADRACE_API_URL
    assert len({headrace.settings.PREFECT_API_URL, headrace.settings.HEADRACE_API_URL}) == 1
    assert headrace.settings.PREFECT_API_URL != headrace.settings.PREFECT_API_KEY


def test_the_module_has_every_public_name_and_no_other():
    for name in headrace.settings.__all__:
        assert getattr(headrace.settings, name) is not None
    with pytest.raises(AttributeError, match="PREFECT_NO_SUCH_SETTING"):
        headrace.settings.PREFECT_NO_SUCH_SETTING
    with pytest.raises(AttributeError, match="nothing"):
        headrace.settings.nothing

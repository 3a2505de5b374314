"""What values may look like, and what is said of those that cannot be used."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.exceptions import ConfigurationError
from headrace.settings import Source
from headrace.settings.coercion import as_text, coerce

ENV = Source("env", "VARIABLE")

GOOD = [
    ("debug_mode", "yes", True),
    ("debug_mode", "TRUE", True),
    ("debug_mode", "off", False),
    ("debug_mode", " 0 ", False),
    ("tasks.default_persist_result", "", None),
    ("tasks.default_persist_result", "none", None),
    ("tasks.default_persist_result", "true", True),
    ("tasks.default_retries", "3", 3),
    ("tasks.default_retries", " 3 ", 3),
    ("tasks.default_retry_delay_seconds", "3", 3.0),
    ("tasks.default_retry_delay_seconds", "1, 2.5", [1.0, 2.5]),
    ("tasks.default_retry_delay_seconds", "[1, 2]", [1.0, 2.0]),
    ("tasks.runner.thread_pool_max_workers", "", None),
    ("api.url", "", None),
    ("api.request_timeout", "1.5", 1.5),
    ("logging.level", "debug", "DEBUG"),
    ("logging.extra_loggers", "a,b", ("a", "b")),
    ("logging.extra_loggers", "a", ("a",)),
    ("logging.extra_loggers", '["a"]', ("a",)),
    ("logging.extra_loggers", "", ()),
    ("client.retry_extra_codes", "429, 500", frozenset({429, 500})),
    ("client.custom_headers", '{"a": "b"}', {"a": "b"}),
    ("server.services.late_runs.after_seconds", "15", timedelta(seconds=15)),
    ("server.services.late_runs.after_seconds", "PT1M", timedelta(minutes=1)),
    ("server.services.late_runs.after_seconds", 2.5, timedelta(seconds=2.5)),
    ("testing.test_setting", "anything", "anything"),
    ("testing.test_setting", 5, 5),
]


@pytest.mark.parametrize(("path", "given", "value"), GOOD)
def test_values_are_read_from_text_and_from_python(path, given, value):
    assert coerce(path, given, ENV) == value


BAD = [
    ("debug_mode", "maybe", "true or false"),
    ("tasks.default_retries", "many", "a whole number, at least 0"),
    ("tasks.default_retries", "-1", "a whole number, at least 0"),
    ("tasks.default_retries", True, "a whole number, at least 0"),
    ("tasks.default_retries", "", "a whole number, at least 0"),
    (
        "tasks.default_retry_delay_seconds",
        "1,x",
        "a number or a list of them ([1, 2] or 1,2), in seconds, at least 0",
    ),
    (
        "tasks.default_retry_delay_seconds",
        "[1,",
        "a number or a list of them ([1, 2] or 1,2), in seconds, at least 0",
    ),
    ("tasks.runner.thread_pool_max_workers", "0", "a whole number, more than 0"),
    ("server.api.port", "70000", "a whole number, at least 0, at most 65535"),
    ("logging.level", "LOUD", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    ("logging.level", 10, "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    ("home", "", "a path"),
    ("home", 3, "a path"),
    ("client.custom_headers", "a=b", "a JSON object of texts"),
    ("client.retry_extra_codes", "4xx", "a list of whole numbers (429,500)"),
    ("api.request_timeout", "0", "a number, in seconds, more than 0"),
    ("server.services.late_runs.after_seconds", "soon", "a duration in seconds or as ISO 8601 (PT1H30M)"),
    ("results.default_serializer", 3, "text"),
]


@pytest.mark.parametrize(("path", "given", "expected"), BAD)
def test_a_wrong_value_is_one_clear_error(path, given, expected):
    with pytest.raises(ConfigurationError) as caught:
        coerce(path, given, ENV)
    assert str(caught.value) == f"VARIABLE in the environment is {given!r}; expected {expected}."


def test_the_error_names_the_file(load, folder):
    (folder / "headrace.toml").write_text("[tasks]\ndefault_retries = 'x'\n")
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert str(caught.value) == (
        f"tasks.default_retries in headrace.toml {folder}/headrace.toml is 'x'; expected a whole number, at least 0."
    )


def test_the_error_names_the_profile(load, folder):
    (folder / "home").mkdir()
    (folder / "home/profiles.toml").write_text("active='p'\n[profiles.p]\nPREFECT_DEBUG_MODE = 'x'\n")
    with pytest.raises(
        ConfigurationError, match=r"^debug_mode in profile p is 'x'; expected true or false\.$"
    ):
        load()


def test_a_wrong_secret_is_not_shown():
    with pytest.raises(ConfigurationError) as caught:
        coerce("api.key", 123456, ENV)
    assert "123456" not in str(caught.value)


def test_a_secret_of_pydantic_is_accepted():
    from pydantic import SecretStr

    assert coerce("api.key", SecretStr("k"), ENV).get_secret_value() == "k"


@given(st.lists(st.floats(min_value=0, max_value=1e9), min_size=2))
def test_a_list_survives_as_text(delays):
    assert coerce("tasks.default_retry_delay_seconds", as_text(delays), ENV) == delays


@given(st.text(min_size=1).filter(lambda text: text.strip().lower() not in {"", "none", "null"}))
def test_any_text_is_a_text_without_its_outer_blanks(text):
    assert coerce("ui_url", text, ENV) == text.strip()


@given(st.text())
def test_any_text_for_a_number_is_a_number_or_the_one_error(text):
    with contextlib.suppress(ConfigurationError):
        assert coerce("tasks.default_retries", text, ENV) >= 0

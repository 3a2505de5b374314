"""`headrace config view`."""

from __future__ import annotations


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

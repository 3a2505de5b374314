"""`headrace version`."""

from __future__ import annotations

import platform
import sqlite3
import sys

import headrace


def test_version_names_everything_that_matters_in_a_bug_report(command):
    lines = dict(line.split(":", 1) for line in command("version").out.splitlines())
    assert {name: value.strip() for name, value in lines.items()} == {
        "Version": headrace.__version__,
        "API version": "0.8.4",
        "Python version": platform.python_version(),
        "OS/Arch": f"{sys.platform}/{platform.machine().lower()}",
        "Profile": "default",
        "Server type": "embedded",
        "Database": "sqlite",
        "SQLite version": sqlite3.sqlite_version,
    }


def test_version_as_json(process):
    shown = process("version", "--output", "json").json
    assert shown["version"] == headrace.__version__
    assert shown["sqlite_version"] == sqlite3.sqlite_version


def test_version_names_the_server_and_the_database(process):
    ended = process(
        "version",
        HEADRACE_API_URL="http://there:4200/api",
        HEADRACE_SERVER_DATABASE_CONNECTION_URL="postgresql://u:secret@h/d",
    )
    assert "server at http://there:4200/api" in ended.out
    assert "postgresql" in ended.out
    assert "secret" not in ended.out

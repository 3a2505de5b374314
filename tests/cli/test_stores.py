"""Stores that are damaged, too new, not to be opened, or read by somebody who goes away."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

LIST = ["flow-run", "ls"]


def assert_one_clear_line(ended, *words):
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert "Traceback" not in ended.err
    assert ended.err.count("\n") == 1
    for word in words:
        assert word in ended.err


def test_a_file_that_is_no_store(command, home):
    home.mkdir()
    (home / "headrace.db").write_bytes(b"hello " * 1000)
    assert_one_clear_line(command(*LIST), "headrace.db")
    assert (home / "headrace.db").read_bytes() == b"hello " * 1000


def test_a_store_of_a_newer_version(command, home, recorded):
    with sqlite3.connect(home / "headrace.db") as conn:
        [(table,)] = conn.execute("SELECT name FROM sqlite_master WHERE name LIKE 'alembic%'")
        conn.execute(f"UPDATE {table} SET version_num = '9999'")
    assert_one_clear_line(command(*LIST), "newer")


@pytest.mark.skipif(os.name == "nt", reason="folders have no write permission on Windows")
def test_a_home_that_cannot_be_written(command, home):
    home.mkdir()
    (home / "inner").write_text("a file where the store's folder should be")
    ended = command(*LIST, HEADRACE_HOME=str(home / "inner"))
    assert_one_clear_line(ended, "inner")


def test_a_database_that_is_not_supported(command):
    assert_one_clear_line(command(*LIST, HEADRACE_SERVER_DATABASE_CONNECTION_URL="mysql://h/d"), "mysql")


def test_a_reader_that_goes_away_is_no_error(recorded, environment, tmp_path):
    command = f"{sys.executable} -m headrace flow-run inspect laughing-nightingale -o json | head -n 1"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_a_run_whose_process_died_is_listed_as_crashed(command, home, recorded, tmp_path):
    code = f"""
import os
from headrace.store.store import Store
from headrace.store import flow_runs, flows, leases
from headrace.store.processes import this_process
from headrace.schema.base import now
from headrace.schema.runs import FlowRun
from headrace.schema.states import State, StateType
with Store.open({str(home / "headrace.db")!r}) as store:
    flow = store.write(lambda conn: flows.read_or_create_flow(conn, "doomed", now=now()))
    run = FlowRun(flow_id=flow.id, name="gone", state=State(type=StateType.PENDING))
    store.write(lambda conn: flow_runs.create_flow_run(conn, run, now=now()))
    token = store.write(lambda conn: leases.acquire_lease(conn, run.id, this_process(), seconds=600, now=now()))
    state = State(type=StateType.RUNNING)
    store.write(lambda conn: flow_runs.set_flow_run_state(conn, run.id, state, token=token, now=now()))
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=60)
    listed = command(*LIST, "-o", "json", "--limit", "1").json
    assert [(run["name"], run["state_type"]) for run in listed] == [("gone", "CRASHED")]

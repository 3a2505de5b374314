"""A PostgreSQL server of one's own is there while it is used, and gone afterwards, however that comes about."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from headrace.testing.postgres import PostgresServer

STARTED = """
import sys
from headrace.testing.postgres import PostgresServer
with PostgresServer() as server:
    print(server.data.parent, flush=True)
    sys.stdin.read()
"""


def tables_of(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return [name for (name,) in rows]


def test_each_database_is_empty(postgres: PostgresServer) -> None:
    first, second = postgres.create_database(), postgres.create_database()
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE kept (id int)")

    assert tables_of(first) == ["kept"]
    assert tables_of(second) == []


def test_a_database_can_begin_as_a_copy_of_another(postgres: PostgresServer) -> None:
    original = postgres.create_database()
    with psycopg.connect(original) as connection:
        connection.execute("CREATE TABLE copied (id int)")

    assert tables_of(postgres.create_database(original.rpartition("/")[2])) == ["copied"]


def test_a_database_is_dropped_in_spite_of_those_who_are_connected(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    with psycopg.connect(url):
        postgres.drop_database(url)

    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_server_that_was_stopped_comes_back_at_its_address(how: signal.Signals) -> None:
    with PostgresServer() as server:
        url = server.create_database()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept (id int)")
        server.stop(how)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        server.start()

        assert tables_of(url) == ["kept"]


def test_it_leaves_nothing_behind() -> None:
    with PostgresServer() as server:
        folder = server.data.parent
        assert folder.exists()
        url = server.url("postgres")

    assert not folder.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_it_ends_with_a_process_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTED], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as user:
        assert user.stdout is not None
        folder = Path(user.stdout.readline().decode().strip())
        assert folder.exists()
        started = psutil.Process(user.pid).children(recursive=True)
        assert {"postgres", "sh"} <= {process.name() for process in started}
        user.kill()

        assert psutil.wait_procs(started, timeout=30)[1] == []
        assert not folder.exists()


def test_without_a_server_installed_the_message_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("headrace.testing.postgres.DEBIAN_FOLDER", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(FileNotFoundError, match="apt-get install postgresql"):
        PostgresServer()

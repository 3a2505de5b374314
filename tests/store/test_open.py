"""Opening a store: a fresh one, one that is there, and everything that is not a store."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

from headrace.exceptions import (
    ConfigurationError,
    StoreCorruptError,
    StoreUnavailableError,
    StoreVersionError,
)
from headrace.store import flows
from headrace.store.lists.flows import read_flows
from headrace.store.migrations import HEAD
from headrace.store.store import Store


def test_a_fresh_store_is_made_with_its_directory(tmp_path):
    path = tmp_path / "deep" / "down" / "headrace.db"
    with Store.open(path) as store:
        assert store.place == str(path)
        assert store.read(read_flows) == []
    assert path.exists()


def test_what_was_written_is_there_when_the_store_is_opened_again(tmp_path, clock):
    for target in (tmp_path / "s.db", str(tmp_path / "s.db"), f"sqlite:///{tmp_path}/s.db"):
        with Store.open(target) as store:
            flow = store.write(lambda conn: flows.read_or_create_flow(conn, "hello", now=clock.now))
            assert store.url == f"sqlite:///{tmp_path}/s.db"
    with Store.open(store.url) as again:
        assert again.read(lambda conn: flows.read_flow(conn, flow.id)) == flow


def test_a_store_in_memory_is_its_own(clock):
    with Store.open("sqlite://") as one, Store.open("sqlite://") as other:
        one.write(lambda conn: flows.read_or_create_flow(conn, "hello", now=clock.now))
        assert len(one.read(read_flows)) == 1
        assert other.read(read_flows) == []


def test_an_empty_file_becomes_a_store(tmp_path):
    (tmp_path / "s.db").touch()
    with Store.open(tmp_path / "s.db") as store:
        assert store.read(read_flows) == []


def test_the_file_is_in_wal_mode(tmp_path):
    with Store.open(tmp_path / "s.db") as store:
        assert store.read(lambda conn: conn.value("PRAGMA journal_mode")) == "wal"


@pytest.mark.parametrize(("synchronous", "code"), [("NORMAL", 1), ("FULL", 2)])
def test_synchronous_is_a_choice(tmp_path, synchronous, code):
    with Store.open(tmp_path / "s.db", synchronous=synchronous) as store:
        assert store.read(lambda conn: conn.value("PRAGMA synchronous")) == code


def test_an_unknown_synchronous_or_database_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"OFF.*NORMAL"):
        Store.open(tmp_path / "s.db", synchronous="OFF")
    with pytest.raises(ConfigurationError, match="mysql"):
        Store.open("mysql://somewhere/else")


# --- What is not a store ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"not a database at all, but long enough to have a header of sorts" * 100,
        b"SQLite format 3\x00" + b"\xff" * 5000,
    ],
)
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with pytest.raises(StoreCorruptError, match=r"s\.db.*left as it is"):
        Store.open(path)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["s.db"]


def test_a_damaged_store_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "s.db"
    Store.open(path).close()
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\x5a" * 3996
    path.write_bytes(content)
    with pytest.raises(StoreCorruptError, match="damaged"):
        Store.open(path)
    assert path.read_bytes() == content


OTHERS = {
    "with other tables": ("CREATE TABLE bookmarks (url TEXT)",),
    "with migrations that have not been run": (
        "CREATE TABLE alembic_version (version_num TEXT)",
        "CREATE TABLE bookmarks (url TEXT)",
    ),
    "with migrations of its own": (
        "CREATE TABLE alembic_version (version_num TEXT)",
        "INSERT INTO alembic_version VALUES ('9e83011d1f2a')",
        "CREATE TABLE flow_run (id TEXT)",
        "CREATE TABLE meta (key TEXT)",
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_the_file_of_another_program_is_refused_and_left_as_it_is(tmp_path, kind):
    path = tmp_path / "s.db"
    with sqlite3.connect(path) as conn:
        for statement in OTHERS[kind]:
            conn.execute(statement)
    conn.close()
    content = path.read_bytes()
    with pytest.raises(StoreCorruptError, match="other tables|belongs to another program"):
        Store.open(path)
    assert path.read_bytes() == content


def test_a_store_of_a_newer_version_is_refused_naming_both_versions(tmp_path):
    path = tmp_path / "s.db"
    Store.open(path).close()
    with sqlite3.connect(path) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '9999'")
        conn.execute("UPDATE meta SET value = '12.3' WHERE key = 'headrace_version'")
    conn.close()
    content = path.read_bytes()
    with pytest.raises(
        StoreVersionError, match=rf"12\.3 \(schema 9999\).*up to {HEAD}.*Install Headrace 12\.3"
    ):
        Store.open(path)
    assert path.read_bytes() == content


def test_a_directory_in_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(StoreUnavailableError, match="is a directory"):
        Store.open(tmp_path)


def test_a_file_in_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailableError, match=r"file/s\.db"):
        Store.open(tmp_path / "file" / "s.db")


OPEN_AS_NOBODY = """
import os, sys
from headrace.exceptions import StoreUnavailableError
from headrace.store.store import Store
Store.open("sqlite://").close()  # with all that it imports, which nobody may not be able to read
if os.getuid() == 0:
    os.setuid(65534)
try:
    Store.open(sys.argv[1])
except StoreUnavailableError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.parametrize("locked", ["directory", "file", "nowhere"])
def test_a_place_without_permission_is_refused_naming_it_and_what_to_do(locked, tmp_path_factory):
    base = tmp_path_factory.mktemp("permissions")
    for directory in (base, base.parent, base.parent.parent):
        directory.chmod(0o755)
    path = base / "home" / "s.db"
    if locked != "nowhere":
        Store.open(path).close()
        path.chmod(0o444 if locked == "file" else 0o666)
        path.parent.chmod(0o777 if locked == "file" else 0o555)
    else:
        base.chmod(0o555)
    child = subprocess.run(
        [sys.executable, "-c", OPEN_AS_NOBODY, path], capture_output=True, text=True, check=False
    )
    base.chmod(0o755)
    assert child.stderr == ""
    assert str(path) in child.stdout
    assert "HEADRACE_HOME" in child.stdout


# --- Imports ---------------------------------------------------------------------------------------------------

IMPORTED = """
import sys
import headrace
assert not any(name.startswith(("sqlalchemy", "headrace.store")) for name in sys.modules)
from headrace.store.store import Store
Store.open(sys.argv[1]).close()
print(*[name for name in sys.argv[2:] if name in sys.modules])
"""


def test_opening_a_store_imports_neither_alembic_nor_the_orm_and_nothing_of_sqlalchemy_once_it_is_made(
    python, tmp_path
):
    def imported(*names):
        return python(IMPORTED, tmp_path / "s.db", *names).communicate()[0].split()

    assert imported("alembic", "pydantic", "rich", "sqlalchemy.orm", "psycopg") == []
    assert imported("alembic", "pydantic", "rich", "sqlalchemy", "psycopg") == []

"""Stores in places where they cannot be, or not any more: said clearly, before or after work, and nothing recorded lost."""

from __future__ import annotations

import ctypes
import os
import sqlite3

import pytest

from headrace.exceptions import StoreCorruptError, StoreUnavailableError, StoreVersionError

HELLO = """
from headrace import flow, task

@task
def step(): pass

@flow
def hello():
    step()

hello()
print("ran")
"""

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def heed_permissions() -> None:
    """Make the next program heed file permissions though root starts it: take away the capabilities to ignore them."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                os._exit(os.EX_OSERR)


def refused(program, *mentioned: object) -> str:
    """The last line of what a program says that ends because of its store; it mentions all of these."""
    assert program.end() == 1
    assert "ran" not in program.stdout
    last = program.stderr.rstrip().splitlines()[-1]
    for words in mentioned:
        assert str(words) in last
    return last


def test_a_home_that_may_not_be_written_is_refused_by_name(launch, home):
    home.parent.joinpath("locked").mkdir(mode=0o500)
    place = home.parent / "locked" / "home"

    last = refused(launch(HELLO, env={"HEADRACE_HOME": str(place)}, before=heed_permissions), place)

    assert StoreUnavailableError.__name__ in last


def test_a_store_that_may_not_be_written_is_refused_by_name_and_left_alone(launch, recorded, home):
    launch(HELLO).succeed()
    recorded.close()
    before = recorded.path.read_bytes()
    for file in home.glob("headrace.db*"):
        file.chmod(0o400)
    home.chmod(0o500)
    try:
        last = refused(launch(HELLO, before=heed_permissions), recorded.path)
    finally:
        home.chmod(0o700)
        for file in home.glob("headrace.db*"):
            file.chmod(0o600)

    assert StoreUnavailableError.__name__ in last
    assert recorded.path.read_bytes() == before
    launch(HELLO).succeed()
    assert [run.state_name for run in recorded.flow_runs()] == ["Completed"] * 2


def test_a_home_beneath_a_file_is_refused_by_name(launch, home):
    home.parent.joinpath("a-file").write_text("in the way")
    place = home.parent / "a-file" / "home"

    last = refused(launch(HELLO, env={"HEADRACE_HOME": str(place)}), place)

    assert StoreUnavailableError.__name__ in last


def test_a_folder_in_the_place_of_the_store_is_refused_by_name(launch, recorded, home):
    recorded.path.mkdir(parents=True)

    last = refused(launch(HELLO), recorded.path)

    assert "Store" in last
    recorded.path.rmdir()


@pytest.mark.parametrize(
    "content",
    [b"this is no database\n" * 500, b"SQLite format 3\x00" + b"\xff" * 8000],
    ids=["text", "damaged"],
)
def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(launch, recorded, home, content):
    home.mkdir()
    recorded.path.write_bytes(content)

    last = refused(launch(HELLO), recorded.path)

    assert StoreCorruptError.__name__ in last
    assert recorded.path.read_bytes() == content
    recorded.path.unlink()


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(launch, recorded):
    launch(HELLO).succeed()
    recorded.close()
    with sqlite3.connect(recorded.path) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
    connection.close()

    last = refused(launch(HELLO), recorded.path)

    assert StoreVersionError.__name__ in last
    assert "newer" in last
    with sqlite3.connect(recorded.path) as connection:
        assert connection.execute("SELECT count(*) FROM flow_run").fetchone() == (1,)
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()


FILLING = """
import resource, sys
from pathlib import Path
from headrace import flow, get_run_logger, task
from headrace.exceptions import StoreUnavailableError
from headrace.settings import get_current_settings

soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

def disk_is_full(full):
    home = get_current_settings().home
    largest = max(file.stat().st_size for file in home.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 200_000 if full else hard, hard))

@task
def step(number):
    get_run_logger().warning("step %s %s", number, "x" * 2000)

@flow
def before():
    step(-1)

@flow
def filling():
    disk_is_full(True)
    for number in range(500):
        step(number)
    if sys.argv[1] == "room again":
        disk_is_full(False)

before()
try:
    filling()
except StoreUnavailableError as error:
    print(f"refused: {error}")
else:
    print("returned")
if sys.argv[1] == "still full":
    disk_is_full(False)  # so that the test can look at the store
"""


def test_a_disk_that_is_full_for_a_while_loses_nothing(launch, recorded):
    program = launch(FILLING, "room again", env={"HEADRACE_LOGGING_LEVEL": "WARNING"}).succeed()

    assert program.stdout == "returned\n"
    assert {run.state_name for run in recorded.flow_runs()} == {"Completed"}
    assert [run.state_name for run in recorded.task_runs()] == ["Completed"] * 501
    assert [int(text.split()[1]) for text in recorded.messages()] == list(range(-1, 500))


def test_a_disk_that_stays_full_is_an_error_that_names_the_store(launch, recorded):
    program = launch(FILLING, "still full", env={"HEADRACE_LOGGING_LEVEL": "WARNING"}).succeed()

    assert program.stdout.startswith("refused: ")
    assert str(recorded.path) in program.stdout
    assert "Traceback" not in program.stdout
    with sqlite3.connect(recorded.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert recorded.flow_run("before").state_name == "Completed"
    numbers = [int(text.split()[1]) for text in recorded.messages() if text.startswith("step ")]
    assert numbers == list(range(-1, len(numbers) - 1)), "what is recorded has no holes"


def test_this_test_knows_how_to_fill_a_disk(launch, tmp_path):
    program = launch(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        try:
            with open("file", "wb") as file:
                file.write(bytes(2000))
        except OSError as error:
            print(error.errno)
        """
    ).succeed()

    assert program.stdout.strip().isdigit()


def test_this_test_knows_how_to_heed_permissions(launch, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    program = launch(
        """
        import sys
        try:
            open(sys.argv[1], "w")
        except PermissionError:
            print("refused")
        """,
        tmp_path / "locked" / "file",
        before=heed_permissions,
    ).succeed()

    assert program.stdout == "refused\n"

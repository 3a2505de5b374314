"""Changes of the schema on request, on both databases."""

from __future__ import annotations

import pytest

from headrace.exceptions import ConfigurationError, StoreCorruptError, StoreVersionError
from headrace.schema.base import now
from headrace.store import flows, meta, upkeep
from headrace.store.migrations import HEAD, REVISIONS
from headrace.store.store import Store, open_database


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/s.db"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def database(url):
    return open_database(url)


@pytest.fixture
def used(url, database):
    """A database with a store that somebody has used."""
    with Store.open(url) as store:
        store.write(lambda conn: flows.read_or_create_flow(conn, "f", now=now()))
    return database


def flow_names(url):
    with Store.open(url) as store:
        return store.read(lambda conn: [name for (name,) in conn.rows("SELECT name FROM flow")])


def test_where_nothing_is_there_is_no_revision(database):
    assert upkeep.revision_of(database) is None


def test_upgrading_nothing_makes_a_store(database, url):
    assert upkeep.upgrade(database, dry_run=True) == (None, HEAD)
    assert upkeep.revision_of(database) is None
    assert upkeep.upgrade(database) == (None, HEAD)
    assert upkeep.revision_of(database) == HEAD
    assert flow_names(url) == []


def test_all_the_way_down_and_up_again_keeps_what_both_can_hold(used, url):
    for before, after in zip(REVISIONS[:0:-1], REVISIONS[-2::-1], strict=True):
        assert upkeep.downgrade(used) == (before, after)
    for before, after in zip(REVISIONS, REVISIONS[1:], strict=False):
        assert upkeep.upgrade(used, "+1") == (before, after)
    assert flow_names(url) == ["f"]


def test_a_change_that_is_only_tried_is_undone(used, url):
    assert upkeep.downgrade(used, dry_run=True) == (HEAD, REVISIONS[-2])
    assert upkeep.revision_of(used) == HEAD
    assert flow_names(url) == ["f"]


def test_a_reset_store_is_empty_and_new(used, url):
    with Store.open(url) as store:
        store.write(lambda conn: meta.write_fact(conn, "k", "v"))
    assert upkeep.reset(used) == (HEAD, HEAD)
    assert flow_names(url) == []
    with Store.open(url) as store:
        assert store.read(lambda conn: meta.read_fact(conn, "k")) is None


def test_a_stamp_changes_nothing_else(used, url):
    assert upkeep.stamp(used, REVISIONS[0]) == (HEAD, REVISIONS[0])
    assert upkeep.stamp(used, "head") == (REVISIONS[0], HEAD)
    assert flow_names(url) == ["f"]


@pytest.mark.parametrize(
    "change", [upkeep.downgrade, upkeep.reset, lambda database: upkeep.stamp(database, "0001")]
)
def test_where_nothing_is_nothing_else_can_be_done(database, change):
    with pytest.raises(ConfigurationError, match="server database upgrade"):
        change(database)
    assert upkeep.revision_of(database) is None


@pytest.mark.parametrize("change", [upkeep.upgrade, upkeep.downgrade, upkeep.stamp])
@pytest.mark.parametrize("revision", ["7", "-99", "no such"])
def test_a_revision_that_there_is_not_changes_nothing(used, change, revision):
    with pytest.raises(ConfigurationError, match=", ".join(REVISIONS)):
        change(used, revision)
    assert upkeep.revision_of(used) == HEAD


@pytest.mark.parametrize("change", [upkeep.upgrade, upkeep.downgrade, upkeep.reset])
def test_a_store_of_a_newer_version_is_left_alone(used, url, change):
    with Store.open(url) as store:
        store.write(lambda conn: conn.execute("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreVersionError):
        change(used)


@pytest.mark.parametrize("change", [upkeep.upgrade, upkeep.downgrade, upkeep.reset])
def test_what_is_no_store_is_left_alone(tmp_path, change):
    path = tmp_path / "letter.db"
    path.write_bytes(b"This is a letter to a friend of mine." * 99)
    with pytest.raises(StoreCorruptError):
        change(open_database(path))
    assert path.read_bytes().startswith(b"This is a letter")

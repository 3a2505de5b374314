"""Facts about the store as a whole."""

from __future__ import annotations

from headrace.store import meta


def test_a_fact_is_what_was_written_last(store):
    assert store.read(lambda conn: meta.read_fact(conn, "k")) is None
    for value in ("a", "b"):
        store.write(lambda conn, value=value: meta.write_fact(conn, "k", value))
    assert store.read(lambda conn: meta.read_fact(conn, "k")) == "b"
    store.write(lambda conn: meta.delete_fact(conn, "k"))
    assert store.read(lambda conn: meta.read_fact(conn, "k")) is None


def test_whoever_comes_first_decides_for_all(store):
    for proposed in ("a", "b"):
        assert store.write(lambda conn, value=proposed: meta.read_or_write_fact(conn, "k", value)) == "a"

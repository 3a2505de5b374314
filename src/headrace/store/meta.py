"""Facts about the store as a whole, by key: what all processes that work on it must agree on."""

from __future__ import annotations

from headrace.store.connection import Connection

CSRF_KEY = "csrf_key"
"""What CSRF tokens are signed with."""

PAGE_KEY = "page_key"
"""What page tokens are signed with."""

DEFAULT_RESULT_STORAGE = "default_result_storage_block_id"
"""The block where results go when a flow does not say otherwise."""


def read_fact(conn: Connection, key: str) -> str | None:
    """The value of a fact; None when it was never written."""
    value: str | None = conn.value("SELECT value FROM meta WHERE key = :key", key=key)
    return value


def write_fact(conn: Connection, key: str, value: str) -> None:
    """Give a fact a value."""
    conn.execute(
        "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        key=key,
        value=value,
    )


def read_or_write_fact(conn: Connection, key: str, value: str) -> str:
    """The value of a fact; `value`, from now on, when it had none: whoever comes first decides for all."""
    conn.execute(
        "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO NOTHING",
        key=key,
        value=value,
    )
    return read_fact(conn, key) or value


def delete_fact(conn: Connection, key: str) -> None:
    """Forget a fact."""
    conn.execute("DELETE FROM meta WHERE key = :key", key=key)

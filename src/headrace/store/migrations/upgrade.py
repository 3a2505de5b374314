"""Runs the migrations on a store; the only module that imports Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from headrace.store.connection import Connection


def config_for(conn: sqlalchemy.Connection | None) -> Config:
    """Alembic's configuration for the store behind `conn`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = conn
    return config


def upgrade(conn: Connection, revision: str = "head") -> None:
    """Run the migrations up to `revision` that the store has not seen, in the transaction that is under way."""
    command.upgrade(config_for(_for_alembic(conn)), revision)


def downgrade(conn: Connection, revision: str) -> None:
    """Undo migrations down to `revision`, in the transaction that is under way."""
    command.downgrade(config_for(_for_alembic(conn)), revision)


def stamp(conn: Connection, revision: str) -> None:
    """Say that the store has seen the migrations up to `revision`."""
    command.stamp(config_for(_for_alembic(conn)), revision)


def _for_alembic(conn: Connection) -> sqlalchemy.Connection:
    """SQLAlchemy's view of a connection."""
    url = "sqlite://" if conn.dialect == "sqlite" else "postgresql+psycopg://"
    options = {} if conn.dialect == "sqlite" else {"use_native_hstore": False}
    driver = _InTransaction(conn.driver)
    return create_engine(url, creator=lambda: driver, poolclass=StaticPool, **options).connect()


class _InTransaction:
    """A driver's connection whose transaction is the caller's to end; SQLAlchemy would roll it back to begin afresh."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def commit(self) -> None:
        """Leave it to the caller."""

    def rollback(self) -> None:
        """Leave it to the caller."""

    def close(self) -> None:
        """Leave it to the caller."""

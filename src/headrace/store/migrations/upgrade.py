"""Runs the migrations on a connection; the only module that imports Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def config_for(conn: Connection) -> Config:
    """Alembic's configuration for the store behind `conn`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = conn
    return config


def upgrade_to_head(conn: Connection) -> None:
    """Run the migrations that the store has not seen, in the transaction that is under way."""
    command.upgrade(config_for(conn), "head")

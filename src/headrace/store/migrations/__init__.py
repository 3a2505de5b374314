"""Alembic migrations. `REVISIONS` repeats their order, so that opening a store need not import Alembic."""

REVISIONS = ("0001", "0002", "0003")
HEAD = REVISIONS[-1]

"""What the feeds need: indexes for lists of events, and the order of commits of log lines on PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_event_name", ["event", "occurred"], "event IS NOT NULL"),
    ("ix_event_flow_run_state", ["state_name", "occurred"], "run_kind = 'flow-run'"),
    ("ix_event_related", ["occurred"], "related IS NOT NULL"),
)
"""Name, columns, and which events are in it."""


def upgrade() -> None:
    """Add what the feeds need."""
    for name, columns, condition in INDEXES:
        where = sa.text(condition)
        op.create_index(name, "event", columns, sqlite_where=where, postgresql_where=where)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE log ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()")
        op.execute("CREATE INDEX ix_log_xid ON log (xid, seq)")


def downgrade() -> None:
    """Take it away again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE log DROP COLUMN xid")
    for name, _, _ in INDEXES:
        op.drop_index(name, "event")

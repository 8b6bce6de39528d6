"""Tokens of publications, and which workers have shown one.

Publications that are under way have no token: reports about them count without one until they end. Workers
that are known at the time stay known until their leases run out.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns, each of constant size, whatever the number of rows."""
    op.add_column("outbox", sa.Column("token", sa.Text))
    op.add_column("workers", sa.Column("key", sa.Text, nullable=False, server_default=""))
    op.add_column("workers", sa.Column("proven", sa.Boolean, nullable=False, server_default=sa.true()))

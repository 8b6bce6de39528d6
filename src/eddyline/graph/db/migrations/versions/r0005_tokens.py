"""Tokens of publications, and whether a worker has shown one.

Publications that exist at the time have no token: reports about them count without one until they end.
Workers that are registered at the time stay so until their leases run out.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns, at a cost that does not depend on the number of rows."""
    op.add_column("outbox", sa.Column("token", sa.Text))
    op.add_column("workers", sa.Column("key", sa.Text, nullable=False, server_default=""))
    op.add_column("workers", sa.Column("proven", sa.Boolean, nullable=False, server_default=sa.true()))

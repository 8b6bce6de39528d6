"""Adds the table of tasks that one of several coordinators runs at a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add a table; its rows are added when a task first runs."""
    op.create_table(
        "periodic_tasks",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("due", sa.Float(53), nullable=False),
        sqlite_with_rowid=False,
    )

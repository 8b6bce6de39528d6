"""The outbox: jobs to publish to queues, and the publication of each job that counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table, empty: coordinators enqueue jobs that are ready already."""
    op.create_table(
        "outbox",
        sa.Column("job_id", sa.Text, primary_key=True),
        sa.Column("base", sa.BigInteger, nullable=False),
        sa.Column("cls", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("turn", sa.Float(53), nullable=False),
        sa.Column("due", sa.Float(53), nullable=False),
        sa.Column("taken", sa.Float(53), nullable=False),
        sa.Column("sent", sa.Float(53)),
        sqlite_with_rowid=False,
    )
    op.create_index("outbox_pending", "outbox", ["sent", "priority", "turn", "due", "job_id"])

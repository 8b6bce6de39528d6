"""Start tags (a fair share per owner), deadlines, the fence of the last result, and the archive.

Jobs that are ready at the time get start tag 0, so that they precede later ones, in the order of readiness.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns, at a cost independent of the number of rows, and replace the index of ready jobs."""
    op.add_column("jobs", sa.Column("deadline", sa.Float(53)))
    op.add_column("jobs", sa.Column("turn", sa.Float(53), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("answered", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("answered_at", sa.Float(53)))
    op.drop_index("jobs_ready", "jobs")
    _partial("jobs_ready", "state = 'ready'", "cls", "priority", "turn", "ready_at", "id")
    _partial("jobs_share", "state = 'ready'", "cls", "priority", "owner", "turn")
    _partial("jobs_urgent", "state = 'ready' AND deadline IS NOT NULL", "cls", "priority", "deadline", "id")
    _partial("jobs_deadline", "deadline IS NOT NULL AND finished IS NULL", "deadline")
    op.create_table(
        "archive",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("finished", sa.Float(53), nullable=False),
        sa.Column("archived", sa.Float(53), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("archive_asset", "archive", ["asset"])
    # Replaced by Alembic's own table.
    op.drop_table("ledger")


def _partial(name: str, condition: str, *columns: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "jobs", list(columns), sqlite_where=where, postgresql_where=where)

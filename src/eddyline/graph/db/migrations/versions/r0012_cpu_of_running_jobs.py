"""Adds the CPU time of running jobs to their progress."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add a column without a default, which rewrites no row."""
    op.add_column("job_progress", sa.Column("cpu_s", sa.Float(53)))

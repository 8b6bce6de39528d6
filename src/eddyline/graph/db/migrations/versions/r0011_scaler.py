"""Adds the leader of the scaler and its decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add two small tables: one row for each led task, and one for each pool."""
    op.create_table(
        "leaders",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("term", sa.BigInteger, nullable=False),
        sa.Column("until", sa.Float(53), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scaler_decisions",
        sa.Column("pool", sa.Text, primary_key=True),
        sa.Column("term", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("decided", sa.Float(53)),
        sa.Column("wanted_vcpu", sa.Integer, nullable=False),
        sa.Column("spot_vcpu", sa.Integer, nullable=False),
        sa.Column("on_demand_vcpu", sa.Integer, nullable=False),
        sa.Column("drained", sa.Integer, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sqlite_with_rowid=False,
    )

"""Adds prices of machines, the mark of a demonstration, and indexes for the Spot dashboard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add tables and indexes: the cost grows with the starts and events of the last 400 days."""
    _add_index("starts_instance", "starts", ["instance", "ended"], "instance <> ''")
    _add_index("starts_redone", "starts", ["ended"], "outcome IN ('interrupted', 'lost')")
    op.create_index("fleet_events_received", "fleet_events", ["received"])
    op.create_table(
        "fleet_prices",
        sa.Column("instance_type", sa.Text, primary_key=True),
        sa.Column("zone", sa.Text, primary_key=True),
        sa.Column("at", sa.Float(53), primary_key=True),
        sa.Column("usd_per_hour", sa.Float(53), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fleet_demo",
        sa.Column("created", sa.Float(53), primary_key=True),
        sa.Column("description", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _add_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)

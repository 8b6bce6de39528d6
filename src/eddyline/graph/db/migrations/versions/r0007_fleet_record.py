"""Adds the machines of workers, deadlines of drain commands, the start history and the fleet record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_TEXT_COLUMNS = ("pool", "instance", "instance_type", "zone", "lifecycle")


def upgrade() -> None:
    """Add columns with defaults and new tables: the cost does not depend on the number of jobs."""
    for name in _TEXT_COLUMNS:
        op.add_column("workers", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("workers", sa.Column("vcpu", sa.Integer))
    op.add_column("workers", sa.Column("slots", sa.Integer))
    op.add_column("commands", sa.Column("deadline", sa.Float(53)))
    op.create_table(
        "starts",
        sa.Column("job_id", sa.Text, primary_key=True),
        sa.Column("fence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("pool", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("started", sa.Float(53), nullable=False),
        sa.Column("ended", sa.Float(53), nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("cpu_s", sa.Float(53)),
        sa.Column("fraction", sa.Float(53)),
        sqlite_with_rowid=False,
    )
    op.create_index("starts_ended", "starts", ["ended"])
    _create_fleet_record()


def _create_fleet_record() -> None:
    op.create_table(
        "instances",
        sa.Column("instance", sa.Text, primary_key=True),
        sa.Column("pool", sa.Text, nullable=False),
        sa.Column("auto_scaling_group", sa.Text, nullable=False),
        sa.Column("instance_type", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("lifecycle", sa.Text, nullable=False),
        sa.Column("vcpu", sa.Integer),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("launched", sa.Float(53)),
        sa.Column("rebalance_at", sa.Float(53)),
        sa.Column("warned_at", sa.Float(53)),
        sa.Column("scale_in_at", sa.Float(53)),
        sa.Column("terminated", sa.Float(53)),
        sa.Column("ended_by", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("instances_launched", "instances", ["launched"])
    op.create_index("instances_terminated", "instances", ["terminated"])
    op.create_table(
        "fleet_events",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("received", sa.Float(53), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("fleet_events_instance", "fleet_events", ["instance"])
    op.create_index("fleet_events_at", "fleet_events", ["at"])
    op.create_table(
        "fleet_samples",
        sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("pool", sa.Text, primary_key=True),
        sa.Column("spot_vcpu", sa.Integer, nullable=False),
        sa.Column("on_demand_vcpu", sa.Integer, nullable=False),
        sa.Column("spot_instances", sa.Integer, nullable=False),
        sa.Column("on_demand_instances", sa.Integer, nullable=False),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("busy_slots", sa.Integer, nullable=False),
        sa.Column("due_jobs", sa.Integer, nullable=False),
        sa.Column("backlog_vcpu_s", sa.Float(53)),
        sa.Column("oldest_due_s", sa.Float(53), nullable=False),
        sa.Column("wanted_vcpu", sa.Integer),
        sa.Column("spot_shortfall_vcpu", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )

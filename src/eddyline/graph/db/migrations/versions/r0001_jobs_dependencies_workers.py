"""Jobs, their dependencies, and workers: the ledger as it was before there were migrations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table("ledger", sa.Column("schema_version", sa.Integer, primary_key=True, autoincrement=False))
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("cls", sa.Text, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("weight", sa.Float(53), nullable=False),
        sa.Column("max_attempts", sa.Integer),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("unmet", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("starts", sa.Integer, nullable=False),
        sa.Column("interruptions", sa.Integer, nullable=False),
        sa.Column("losses", sa.Integer, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("lease_owner", sa.Text),
        sa.Column("ready_at", sa.Float(53)),
        sa.Column("result", sa.Text),
        sa.Column("output", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("cause", sa.Text),
        sa.Column("started", sa.Float(53)),
        sa.Column("finished", sa.Float(53)),
    )
    _partial("jobs_ready", "ready", "cls", "priority", "ready_at", "id")
    _partial("jobs_running", "running", "lease_owner")
    _partial("jobs_waiting", "waiting", "asset")
    op.create_index("jobs_asset", "jobs", ["asset"])
    op.create_table(
        "needs",
        sa.Column("job_id", sa.Text, primary_key=True),
        sa.Column("need_id", sa.Text, primary_key=True),
        sa.Column("optional", sa.Boolean, nullable=False),
        sa.Column("met", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("needs_need", "needs", ["need_id"])
    op.create_table(
        "workers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("registered", sa.Float(53), nullable=False),
        sa.Column("deadline", sa.Float(53), nullable=False),
        sqlite_with_rowid=False,
    )


def _partial(name: str, state: str, *columns: str) -> None:
    where = sa.text(f"state = '{state}'")
    op.create_index(name, "jobs", list(columns), sqlite_where=where, postgresql_where=where)

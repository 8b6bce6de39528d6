"""Adds the library: catalogue, events, uploads, tokens, sessions, shares and webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from eddyline.graph.db import search_schema

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add tables: the cost does not depend on the number of jobs."""
    _create_assets()
    _create_deleted_assets()
    _create_job_progress()
    _create_events()
    _create_uploads()
    _create_tokens()
    _create_sessions()
    _create_shares()
    _create_webhooks()
    _create_webhook_deliveries()
    _create_idempotency_keys()
    search_schema.create(op.get_bind())


def _create_assets() -> None:
    op.create_table(
        "assets",
        sa.Column("asset", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("updated", sa.Float(53), nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("progress", sa.Float(53), nullable=False),
        sa.Column("captured", sa.Float(53)),
        sa.Column("duration_s", sa.Float(53)),
        sa.Column("source_bytes", sa.BigInteger),
        sa.Column("stored_bytes", sa.BigInteger),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("fps", sa.Float(53)),
        sa.Column("codec", sa.Text),
        sa.Column("camera", sa.Text),
        sa.Column("min_lat", sa.Float(53)),
        sa.Column("min_lon", sa.Float(53)),
        sa.Column("max_lat", sa.Float(53)),
        sa.Column("max_lon", sa.Float(53)),
        sa.Column("distance_m", sa.Float(53)),
        sa.Column("top_speed_m_s", sa.Float(53)),
        sa.Column("poster", sa.Text),
        sa.Column("storyboard", sa.Text),
        sa.Column("failure", sa.Text),
        sa.Column("cpu_s", sa.Float(53)),
        sa.Column("redone", sa.Integer),
        sqlite_with_rowid=False,
    )
    op.create_index("assets_camera", "assets", ["camera"])
    op.create_index(
        "assets_created",
        "assets",
        ["created", "asset", "state", "camera", "captured", "min_lat", "max_lat", "min_lon", "max_lon"],
    )
    op.create_index("assets_owner_camera", "assets", ["owner", "camera"])
    op.create_index(
        "assets_owner_created",
        "assets",
        [
            "owner",
            "created",
            "asset",
            "state",
            "camera",
            "captured",
            "min_lat",
            "max_lat",
            "min_lon",
            "max_lon",
        ],
    )
    op.create_index("assets_state", "assets", ["owner", "state", "created", "asset"])


def _create_deleted_assets() -> None:
    op.create_table(
        "deleted_assets",
        sa.Column("asset", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("due", sa.Float(53), nullable=False),
        sa.Column("checks", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("deleted_assets_due", "deleted_assets", ["due"])


def _create_job_progress() -> None:
    op.create_table(
        "job_progress",
        sa.Column("job_id", sa.Text, primary_key=True),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("fraction", sa.Float(53), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sqlite_with_rowid=False,
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_at", "events", ["at"])


def _create_uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("length", sa.BigInteger),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("recording", sa.Text, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("parts", sa.Integer, nullable=False),
        sa.Column("directory", sa.Text, nullable=False),
        sa.Column("writer", sa.Text),
        sa.Column("key", sa.Text),
        sa.Column("updated", sa.Float(53), nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("expires", sa.Float(53), nullable=False),
        sa.Column("sha256", sa.Text),
        sa.Column("asset", sa.Text),
        sa.Column("failure", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("uploads_expires", "uploads", ["expires"])
    op.create_index("uploads_owner", "uploads", ["owner", "state", "created"])
    op.create_index("uploads_state", "uploads", ["state", "updated"])


def _create_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("expires", sa.Float(53)),
        sa.Column("revoked", sa.Float(53)),
        sa.Column("last_used", sa.Float(53)),
        sqlite_with_rowid=False,
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("expires", sa.Float(53), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("sessions_expires", "sessions", ["expires"])


def _create_shares() -> None:
    op.create_table(
        "shares",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("expires", sa.Float(53)),
        sa.Column("revoked", sa.Float(53)),
        sa.Column("location", sa.Boolean, nullable=False),
        sa.Column("downloads", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("shares_asset", "shares", ["asset"])


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("all_owners", sa.Boolean, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("disabled", sa.Text),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _create_webhook_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("webhook", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.Float(53)),
        sa.Column("delivered", sa.Float(53)),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("webhook_deliveries_due", "webhook_deliveries", ["due"])
    op.create_index("webhook_deliveries_webhook", "webhook_deliveries", ["webhook", "created"])


def _create_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_index("idempotency_keys_at", "idempotency_keys", ["at"])

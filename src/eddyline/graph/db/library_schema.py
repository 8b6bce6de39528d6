"""The tables of the library: the catalogue of assets, events, uploads, access, shares and webhooks."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, Text

from eddyline.graph.db.schema import metadata as metadata  # noqa: PLC0414 - all tables

# The catalogue: one row for each asset, written in the transactions that change its jobs
# (ledger/catalogue). The media store is the truth for published assets: their rows can be rebuilt from it.
assets = Table(
    "assets",
    metadata,
    Column("asset", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    # "processing", "ready", "failed", "cancelled" or "deleting".
    Column("state", Text, nullable=False),
    Column("created", Float(53), nullable=False),
    Column("updated", Float(53), nullable=False),
    Column("profile", Text, nullable=False),
    # The address of its (first) source file.
    Column("source", Text, nullable=False),
    # The greatest fraction of its work that was done (0 to 1): progress that is shown never goes back.
    Column("progress", Float(53), nullable=False),
    # When the camera recorded it, in seconds since 1970.
    Column("captured", Float(53)),
    Column("duration_s", Float(53)),
    # The size of the source, and of all published files.
    Column("source_bytes", BigInteger),
    Column("stored_bytes", BigInteger),
    Column("width", Integer),
    Column("height", Integer),
    Column("fps", Float(53)),
    Column("codec", Text),
    Column("camera", Text),
    # The bounding box of the GPS track in degrees, its length, and its top speed.
    Column("min_lat", Float(53)),
    Column("min_lon", Float(53)),
    Column("max_lat", Float(53)),
    Column("max_lon", Float(53)),
    Column("distance_m", Float(53)),
    Column("top_speed_m_s", Float(53)),
    # The path of its poster and storyboard within the asset.
    Column("poster", Text),
    Column("storyboard", Text),
    # Why it failed, as JSON: error, message, remedy, and the job.
    Column("failure", Text),
    Column("cpu_s", Float(53)),
    Column("redone", Integer),
    sqlite_with_rowid=False,
)
# A listing finds the keys of its page in one of these indexes, which have the columns of all filters.
_FILTERED = ("state", "camera", "captured", "min_lat", "max_lat", "min_lon", "max_lon")
_FILTERS = [assets.c[name] for name in _FILTERED]
Index("assets_owner_created", assets.c.owner, assets.c.created, assets.c.asset, *_FILTERS)
Index("assets_created", assets.c.created, assets.c.asset, *_FILTERS)
Index("assets_state", assets.c.owner, assets.c.state, assets.c.created, assets.c.asset)
# For the list of cameras, which skips from one to the next.
Index("assets_camera", assets.c.camera)
Index("assets_owner_camera", assets.c.owner, assets.c.camera)

# Assets that were deleted a short time ago: the store is checked for output that came late.
deleted_assets = Table(
    "deleted_assets",
    metadata,
    Column("asset", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    # When the store is checked next, and how often it was.
    Column("due", Float(53), nullable=False),
    Column("checks", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index("deleted_assets_due", deleted_assets.c.due)

# The last reported progress of running jobs; it counts only while the job runs with the same fence.
job_progress = Table(
    "job_progress",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("fence", BigInteger, nullable=False),
    Column("fraction", Float(53), nullable=False),
    Column("at", Float(53), nullable=False),
    # The CPU seconds of the start so far; null where its worker did not report them.
    Column("cpu_s", Float(53)),
    sqlite_with_rowid=False,
)

# What happened to assets, for event streams and webhooks; old rows are deleted.
events = Table(
    "events",
    metadata,
    # Increases in the order of commits (ledger/catalogue/events.py).
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Float(53), nullable=False),
    # "asset.created", "asset.progress", "asset.ready", "asset.failed", "asset.cancelled", "asset.deleted".
    Column("kind", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("events_at", events.c.at)

# Uploads to the server by the tus protocol, until they become assets or expire.
uploads = Table(
    "uploads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    # Null while the client has not said it.
    Column("length", BigInteger),
    # The bytes that are durable. The file may be longer, never shorter.
    Column("offset", BigInteger, nullable=False),
    # The fingerprint that the client computed; empty if it did not. It is a key for resuming, never trusted.
    Column("fingerprint", Text, nullable=False),
    # "open", "complete" (all bytes are here), "storing" (it moves to `key`), "submitted" or "failed".
    Column("state", Text, nullable=False),
    # The metadata of the tus protocol, as JSON.
    Column("metadata", Text, nullable=False),
    # The recording that its file is a chapter of, as the client named it (empty: a recording in one file),
    # the number of this file in it, from 0, and the number of its files.
    Column("recording", Text, nullable=False),
    Column("part", Integer, nullable=False),
    Column("parts", Integer, nullable=False),
    # The directory of files that has it: a random name in the directory itself.
    Column("directory", Text, nullable=False),
    # The request that writes to the file; another one that takes over replaces it.
    Column("writer", Text),
    # The key in the media store, from the moment at which the file moves there.
    Column("key", Text),
    # The last change.
    Column("updated", Float(53), nullable=False),
    Column("created", Float(53), nullable=False),
    Column("expires", Float(53), nullable=False),
    Column("sha256", Text),
    # The asset that it became, and why it did not.
    Column("asset", Text),
    Column("failure", Text),
    sqlite_with_rowid=False,
)
Index("uploads_owner", uploads.c.owner, uploads.c.state, uploads.c.created)
Index("uploads_expires", uploads.c.expires)
Index("uploads_state", uploads.c.state, uploads.c.updated)

# API tokens; only the SHA-256 of the secret is kept.
tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    # "read", "write" or "admin"; each includes the one before.
    Column("scope", Text, nullable=False),
    Column("created", Float(53), nullable=False),
    Column("expires", Float(53)),
    Column("revoked", Float(53)),
    Column("last_used", Float(53)),
    sqlite_with_rowid=False,
)

# Browser sessions, by the SHA-256 of the cookie.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("token", Text, nullable=False),
    Column("created", Float(53), nullable=False),
    Column("expires", Float(53), nullable=False),
    sqlite_with_rowid=False,
)
Index("sessions_expires", sessions.c.expires)

# Share links, by the SHA-256 of the secret in their path.
shares = Table(
    "shares",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("asset", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("created", Float(53), nullable=False),
    Column("expires", Float(53)),
    Column("revoked", Float(53)),
    # Whether it shows where the asset was recorded, and allows downloads.
    Column("location", Boolean, nullable=False),
    Column("downloads", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
Index("shares_asset", shares.c.asset)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    # Whether it receives the events of all owners (administrators may add such webhooks).
    Column("all_owners", Boolean, nullable=False),
    Column("url", Text, nullable=False),
    # The signing secret, as Standard Webhooks writes it ("whsec_..."): it signs, so it cannot be hashed.
    Column("secret", Text, nullable=False),
    # The kinds of events, as a JSON list.
    Column("kinds", Text, nullable=False),
    Column("created", Float(53), nullable=False),
    # Why it is disabled; null: it is enabled.
    Column("disabled", Text),
    # The sequence of the last event for which deliveries were added.
    Column("sequence", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("webhook", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created", Float(53), nullable=False),
    Column("attempts", Integer, nullable=False),
    # When it is sent next; null: delivered, or given up.
    Column("due", Float(53)),
    Column("delivered", Float(53)),
    Column("status", Integer),
    Column("error", Text),
    sqlite_with_rowid=False,
)
Index("webhook_deliveries_due", webhook_deliveries.c.due)
Index("webhook_deliveries_webhook", webhook_deliveries.c.webhook, webhook_deliveries.c.created)

# Answers to requests with an Idempotency-Key, so that a repeated request gets the same answer.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    # SHA-256 of owner, route and key.
    Column("digest", Text, primary_key=True),
    # SHA-256 of the request's body.
    Column("request", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    # Null while the request is being processed.
    Column("status", Integer),
    Column("body", Text),
    sqlite_with_rowid=False,
)
Index("idempotency_keys_at", idempotency_keys.c.at)

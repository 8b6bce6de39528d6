"""The ledger's tables. Everything hot is an index range: claims never look at rows that wait or are done."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

SCHEMA_VERSION = 1

metadata = MetaData()

about = Table(
    "ledger",
    metadata,
    Column("schema_version", Integer, primary_key=True, autoincrement=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("asset", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("cls", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("weight", Float(53), nullable=False),
    Column("max_attempts", Integer),
    Column("created", Float(53), nullable=False),
    # From here on: what changes during a job's life (records.Record).
    Column("state", Text, nullable=False),
    Column("unmet", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("starts", Integer, nullable=False),
    Column("interruptions", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("lease_owner", Text),
    Column("ready_at", Float(53)),
    Column("result", Text),
    Column("output", Text),
    Column("error", Text),
    # The job whose end cancelled this one: null where a person did.
    Column("cause", Text),
    Column("started", Float(53)),
    Column("finished", Float(53)),
)

_READY = text("state = 'ready'")
_RUNNING = text("state = 'running'")
_WAITING = text("state = 'waiting'")

Index(
    "jobs_ready",
    jobs.c.cls,
    jobs.c.priority,
    jobs.c.ready_at,
    jobs.c.id,
    sqlite_where=_READY,
    postgresql_where=_READY,
)
Index("jobs_running", jobs.c.lease_owner, sqlite_where=_RUNNING, postgresql_where=_RUNNING)
Index("jobs_waiting", jobs.c.asset, sqlite_where=_WAITING, postgresql_where=_WAITING)
Index("jobs_asset", jobs.c.asset)

needs = Table(
    "needs",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("need_id", Text, primary_key=True),
    Column("optional", Boolean, nullable=False),
    # Set where the need no longer counts though its job is not (or was already) done.
    Column("met", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
Index("needs_need", needs.c.need_id)

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("registered", Float(53), nullable=False),
    Column("deadline", Float(53), nullable=False),
    sqlite_with_rowid=False,
)

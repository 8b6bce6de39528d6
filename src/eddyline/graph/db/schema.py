"""The ledger's tables. Frequent queries read a range of an index: claims never read waiting or done jobs."""

from __future__ import annotations

from typing import Any

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
    true,
)

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("asset", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("pool", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("weight", Float(53), nullable=False),
    Column("max_attempts", Integer),
    Column("created", Float(53), nullable=False),
    Column("deadline", Float(53)),
    # The mutable part (rows.Record).
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
    # The job whose end cancelled this one; null where an operator did.
    Column("cause", Text),
    Column("started", Float(53)),
    Column("finished", Float(53)),
    # The place in its owner's share of the queue, set whenever the job becomes ready (fair_queue.py).
    Column("start_tag", Float(53), nullable=False, server_default="0"),
    # The fence and time of the last result that counted: they identify a result whose confirmation was lost.
    Column("answered", BigInteger, nullable=False, server_default="0"),
    Column("answered_at", Float(53)),
)


def _index(name: str, condition: str, *columns: Column[Any]) -> None:
    """A partial index."""
    Index(name, *columns, sqlite_where=text(condition), info={"where": condition})


_index(
    "jobs_ready",
    "state = 'ready'",
    jobs.c.pool,
    jobs.c.priority,
    jobs.c.start_tag,
    jobs.c.ready_at,
    jobs.c.id,
)
_index("jobs_share", "state = 'ready'", jobs.c.pool, jobs.c.priority, jobs.c.owner, jobs.c.start_tag)
_index(
    "jobs_urgent",
    "state = 'ready' AND deadline IS NOT NULL",
    jobs.c.pool,
    jobs.c.priority,
    jobs.c.deadline,
    jobs.c.id,
)
_index("jobs_deadline", "deadline IS NOT NULL AND finished IS NULL", jobs.c.deadline)
_index("jobs_running", "state = 'running'", jobs.c.lease_owner)
_index("jobs_waiting", "state = 'waiting'", jobs.c.asset)
Index("jobs_asset", jobs.c.asset)


def for_dialect(dialect: str) -> None:
    """Set the conditions of the indexes for a dialect: naming PostgreSQL above would import its dialect."""
    if dialect == "postgresql":
        for index in (*jobs.indexes, *starts.indexes):
            condition = index.info.get("where")
            if condition is not None:
                index.dialect_options[dialect]["where"] = text(condition)


dependencies = Table(
    "dependencies",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("dependency_id", Text, primary_key=True),
    Column("optional", Boolean, nullable=False),
    # Set for a dependency that no longer counts though its job is not done, or was done already.
    Column("met", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
Index("dependencies_dependency", dependencies.c.dependency_id)

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("registered", Float(53), nullable=False),
    Column("deadline", Float(53), nullable=False),
    # The worker's own secret, required in its later reports; empty for one that uses the ledger itself.
    Column("key", Text, nullable=False, server_default=""),
    # Whether it has shown the token of a publication, or uses the ledger itself: others are not capacity.
    Column("proven", Boolean, nullable=False, server_default=true()),
    # Its pool and machine as it reported them; empty or null where it did not (graph/machine.py).
    Column("pool", Text, nullable=False, server_default=""),
    Column("instance", Text, nullable=False, server_default=""),
    Column("instance_type", Text, nullable=False, server_default=""),
    Column("zone", Text, nullable=False, server_default=""),
    Column("lifecycle", Text, nullable=False, server_default=""),
    Column("vcpu", Integer),
    Column("slots", Integer),
    sqlite_with_rowid=False,
)

# Jobs of assets that ended long ago, each as one JSON value, independent of later schemas.
archive = Table(
    "archive",
    metadata,
    Column("id", Text, primary_key=True),
    Column("asset", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("finished", Float(53), nullable=False),
    Column("archived", Float(53), nullable=False),
    Column("body", Text, nullable=False),
)
Index("archive_asset", archive.c.asset)

# Jobs to publish, and the publication of each job that counts (ledger/outbox).
outbox = Table(
    "outbox",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("base", BigInteger, nullable=False),
    Column("pool", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("start_tag", Float(53), nullable=False),
    Column("due", Float(53), nullable=False),
    # Until this time one coordinator is publishing it.
    Column("taken", Float(53), nullable=False),
    Column("sent", Float(53)),
    # Required in reports about this publication; null for one that is older than tokens.
    Column("token", Text),
    sqlite_with_rowid=False,
)
Index("outbox_pending", outbox.c.sent, outbox.c.priority, outbox.c.start_tag, outbox.c.due, outbox.c.job_id)

# Commands to workers, until they are delivered (commands.py). Almost always empty.
commands = Table(
    "commands",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    Column("fence", BigInteger, primary_key=True, autoincrement=False),
    Column("over", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created", Float(53), nullable=False),
    # Until this time one coordinator is delivering it.
    Column("taken", Float(53), nullable=False),
    # When a drained worker must have ended; null: no deadline.
    Column("deadline", Float(53)),
    sqlite_with_rowid=False,
)

# One row for each start of a job that has ended, written in the transaction that records its end.
starts = Table(
    "starts",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("fence", BigInteger, primary_key=True, autoincrement=False),
    Column("pool", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("started", Float(53), nullable=False),
    Column("ended", Float(53), nullable=False),
    Column("outcome", Text, nullable=False),
    # Null where the worker did not report it.
    Column("cpu_s", Float(53)),
    Column("fraction", Float(53)),
    sqlite_with_rowid=False,
)
Index("starts_ended", starts.c.ended)
# For the fleet record: what ran on an instance when its end was announced, and the work that was lost.
_index("starts_instance", "instance <> ''", starts.c.instance, starts.c.ended)
_index("starts_redone", "outcome IN ('interrupted', 'lost')", starts.c.ended)

# The fleet record: one row for each EC2 instance, folded from the events about it.
instances = Table(
    "instances",
    metadata,
    Column("instance", Text, primary_key=True),
    Column("pool", Text, nullable=False),
    Column("auto_scaling_group", Text, nullable=False),
    Column("instance_type", Text, nullable=False),
    Column("zone", Text, nullable=False),
    # "spot", "on-demand", or empty where no event said it.
    Column("lifecycle", Text, nullable=False),
    Column("vcpu", Integer),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("launched", Float(53)),
    # The first rebalance recommendation, interruption warning and scale-in lifecycle action.
    Column("rebalance_at", Float(53)),
    Column("warned_at", Float(53)),
    Column("scale_in_at", Float(53)),
    Column("terminated", Float(53)),
    # Why it ended: "interruption", "scale-in", "other"; empty while it runs.
    Column("ended_by", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("instances_launched", instances.c.launched)
Index("instances_terminated", instances.c.terminated)

# The events about instances, by the id that EventBridge gave them; duplicates have the same id.
fleet_events = Table(
    "fleet_events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("instance", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("received", Float(53), nullable=False),
    Column("body", Text, nullable=False),
)
Index("fleet_events_instance", fleet_events.c.instance)
Index("fleet_events_at", fleet_events.c.at)
Index("fleet_events_received", fleet_events.c.received)

# Capacity and load of each pool, once a minute; `minute` is its start in seconds since 1970.
fleet_samples = Table(
    "fleet_samples",
    metadata,
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("pool", Text, primary_key=True),
    Column("spot_vcpu", Integer, nullable=False),
    Column("on_demand_vcpu", Integer, nullable=False),
    Column("spot_instances", Integer, nullable=False),
    Column("on_demand_instances", Integer, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("busy_slots", Integer, nullable=False),
    Column("due_jobs", Integer, nullable=False),
    # Seconds of work of one vCPU in the due and running jobs; null where no rate is known yet.
    Column("backlog_vcpu_s", Float(53)),
    Column("oldest_due_s", Float(53), nullable=False),
    Column("wanted_vcpu", Integer),
    Column("spot_shortfall_vcpu", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Prices in dollars an hour from a time on: of Spot Instances of a type in an Availability Zone, and with an
# empty zone On-Demand.
fleet_prices = Table(
    "fleet_prices",
    metadata,
    Column("instance_type", Text, primary_key=True),
    Column("zone", Text, primary_key=True),
    Column("at", Float(53), primary_key=True),
    Column("usd_per_hour", Float(53), nullable=False),
    sqlite_with_rowid=False,
)

# One row if the fleet record is a demonstration (`eddyline fleet demo`).
fleet_demo = Table(
    "fleet_demo",
    metadata,
    Column("created", Float(53), primary_key=True),
    # What it shows, in words.
    Column("description", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Tasks that only one of several coordinators runs at a time (ledger/periodic_tasks.py).
periodic_tasks = Table(
    "periodic_tasks",
    metadata,
    Column("name", Text, primary_key=True),
    # When it is run next, in seconds since 1970.
    Column("due", Float(53), nullable=False),
    sqlite_with_rowid=False,
)

# Which process leads a task whose memory must not change hands at each step (ledger/leadership.py).
leaders = Table(
    "leaders",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    # Grows by one with each change of the leader.
    Column("term", BigInteger, nullable=False),
    # When the lease ends unless the owner renews it, in seconds since 1970.
    Column("until", Float(53), nullable=False),
    sqlite_with_rowid=False,
)

# The last decision of Eddyline's scaler about each pool; capacities in vCPU.
scaler_decisions = Table(
    "scaler_decisions",
    metadata,
    Column("pool", Text, primary_key=True),
    Column("term", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    # When a decision was last made on complete readings; null: never.
    Column("decided", Float(53)),
    Column("wanted_vcpu", Integer, nullable=False),
    Column("spot_vcpu", Integer, nullable=False),
    Column("on_demand_vcpu", Integer, nullable=False),
    Column("drained", Integer, nullable=False),
    # Why capacity was kept, or what could not be applied; empty: nothing.
    Column("problem", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    sqlite_with_rowid=False,
)

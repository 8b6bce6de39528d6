"""Cancels jobs for operators, cancels their dependants, and commands the workers that run them to stop."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from eddyline.graph.command import Command, CommandKind
from eddyline.graph.db.asset_locks import lock_assets, lock_jobs
from eddyline.graph.db.schema import jobs
from eddyline.graph.ledger import commands
from eddyline.graph.ledger.dependencies import dependants
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.outbox import entries
from eddyline.graph.ledger.queries import IS_OPEN
from eddyline.graph.ledger.rows import Record, encode, lock, write
from eddyline.graph.messages import STRIDE
from eddyline.graph.states import OPEN, Event, State


def cancel(
    connection: Connection, *, job: str | None, asset: str | None, reason: str, now: float
) -> list[str]:
    """Cancel one job or all open jobs of an asset, and their dependants; returns the former's ids."""
    if asset is not None:
        lock_assets(connection, [asset])
    ids = _open_ids(connection, job, asset)
    if asset is None:
        lock_jobs(connection, ids)
    records = {name: record for name, record in lock(connection, ids).items() if record.state in OPEN}
    to_workers = [
        cancel_command(record, reason)
        for record in records.values()
        if record.state == State.RUNNING and record.lease_owner
    ]
    for record in records.values():
        if record.state == State.RUNNING:
            record.end_start(StartOutcome.INTERRUPTED, now)
    _outdate_publications(connection, records)
    error = encode({"error": "Cancelled", "message": reason, "remedy": "retry the job if it is still needed"})
    for record in records.values():
        record.end(Event.CANCEL, at=now, error=error)
    write(connection, records.values())
    dependants.cancel_dependants(connection, {name: name for name in records}, now)
    commands.add(connection, to_workers, now)
    return sorted(records)


def cancel_command(record: Record, reason: str) -> Command:
    """The command to the worker that runs a job to cancel it; nothing published of that claim counts."""
    return Command(
        worker=record.lease_owner or "",
        kind=CommandKind.CANCEL,
        job_id=record.job_id,
        fence=record.fence,
        over=True,
        reason=reason,
    )


def _open_ids(connection: Connection, job: str | None, asset: str | None) -> Collection[str]:
    if job is None and asset is None:
        return []
    query = select(jobs.c.id).where(IS_OPEN)
    if job is not None:
        query = query.where(jobs.c.id == job)
    if asset is not None:
        query = query.where(jobs.c.asset == asset)
    return list(connection.execute(query).scalars())


def _outdate_publications(connection: Connection, records: Mapping[str, Record]) -> None:
    """Remove the jobs from the outbox, and move their fences past those of all publications."""
    for name, current in entries.current_publications(connection, records).items():
        records[name].fence = max(records[name].fence, current.base + STRIDE - 1)
    entries.remove(connection, records)

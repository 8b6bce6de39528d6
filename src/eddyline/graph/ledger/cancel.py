"""Cancelling, by people: jobs end, what needs them falls with them, and workers that run them are told."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from eddyline.graph.command import Command, CommandKind
from eddyline.graph.db.asset_locks import lock_assets, lock_jobs
from eddyline.graph.db.schema import jobs
from eddyline.graph.ledger import commands, dependencies, outbox
from eddyline.graph.ledger.queries import IS_OPEN
from eddyline.graph.ledger.rows import Record, encode, lock, write
from eddyline.graph.messages import STRIDE
from eddyline.graph.states import OPEN, Event, State


def cancel(
    connection: Connection, *, job: str | None, asset: str | None, reason: str, now: float
) -> list[str]:
    """Cancel one job or all open jobs of an asset, and what needs them; returns the ids named so."""
    if asset is not None:
        lock_assets(connection, [asset])
    ids = _named(connection, job, asset)
    if asset is None:
        lock_jobs(connection, ids)
    records = {name: record for name, record in lock(connection, ids).items() if record.state in OPEN}
    told = [_give_up(record, reason) for record in records.values() if record.state == State.RUNNING]
    _outdate(connection, records)
    error = encode({"error": "Cancelled", "message": reason, "remedy": "retry it if it is wanted after all"})
    for record in records.values():
        record.end(Event.CANCEL, at=now, error=error)
    write(connection, records.values())
    dependencies.cancel_dependants(connection, {name: name for name in records}, now)
    commands.give(connection, [order for order in told if order.worker], now)
    return sorted(records)


def _named(connection: Connection, job: str | None, asset: str | None) -> Collection[str]:
    if job is None and asset is None:
        return []
    query = select(jobs.c.id).where(IS_OPEN)
    if job is not None:
        query = query.where(jobs.c.id == job)
    if asset is not None:
        query = query.where(jobs.c.asset == asset)
    return list(connection.execute(query).scalars())


def _give_up(record: Record, reason: str) -> Command:
    return Command(
        worker=record.lease_owner or "",
        kind=CommandKind.GIVE_UP,
        job_id=record.job_id,
        fence=record.fence,
        over=True,
        reason=reason,
    )


def _outdate(connection: Connection, records: Mapping[str, Record]) -> None:
    """What was published of these counts no more: if they come back, then with fences above all of it."""
    for name, base in outbox.bases(connection, records).items():
        records[name].fence = max(records[name].fence, base + STRIDE - 1)
    outbox.forget(connection, records)

"""What the end of a job means for its dependants: release, cancellation, and undoing both on a redrive.

A dependency is open while `met` is false and its job is not done; `unmet` is the number of open dependencies.
A job is done only once, so dependencies on it need no mark; a failed optional dependency is marked as met,
because its job may be redriven later and must not be counted twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from eddyline.graph.db.asset_locks import lock_jobs
from eddyline.graph.db.bulk import rows_for
from eddyline.graph.db.schema import dependencies
from eddyline.graph.ledger.catalogue import transitions
from eddyline.graph.ledger.catalogue.transitions import JobChange
from eddyline.graph.ledger.dependencies.states import dependency_states
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.rows import RELEASED, Record, dependencies_of, encode, lock, write
from eddyline.graph.states import OPEN, Event, State

_DEPENDANTS = select(dependencies.c.job_id, dependencies.c.dependency_id, dependencies.c.optional).where(
    dependencies.c.dependency_id.in_(bindparam("ids", expanding=True)), dependencies.c.met.is_(False)
)
_MARK_MET = update(dependencies).where(
    dependencies.c.job_id == bindparam("the_job"),
    dependencies.c.dependency_id == bindparam("the_dependency"),
)


def dependency_error(dependency: str, cause: str) -> dict[str, Any]:
    """The error of a job cancelled because `dependency` failed, which `cause` is the reason for."""
    return {
        "error": "NeedFailed",
        "message": f"depends on {dependency}, which failed"
        + ("" if cause == dependency else f" because of {cause}"),
        "remedy": f"fix and retry job {cause}: the jobs it stopped are restored with it",
        "need": dependency,
        "cause": cause,
    }


def release(connection: Connection, done: Collection[str], now: float) -> int:
    """Count down the open dependencies of the dependants of done jobs; returns how many became ready."""
    if not done:
        return 0
    met = Counter(row.job_id for row in rows_for(connection, _DEPENDANTS, done))
    return _count_down(connection, met, now)


def _count_down(connection: Connection, met: Mapping[str, int], now: float) -> int:
    records = lock(connection, met)
    released = 0
    for name, record in records.items():
        record.unmet -= met[name]
        if record.unmet == 0 and record.state == State.WAITING:
            record.step(Event.RELEASE)
            record.ready_at = now
            record.start_tag = None
            released += 1
    write(connection, records.values(), RELEASED)
    return released


def cancel_dependants(connection: Connection, failed: Mapping[str, str], now: float) -> int:
    """Cancel all direct and indirect dependants of failed jobs; optional dependencies count as met.

    `failed` maps each job to the cause of its failure. Returns how many jobs became ready.
    """
    released = 0
    causes = dict(failed)
    while causes:
        edges = rows_for(connection, _DEPENDANTS, causes)
        optional = [edge for edge in edges if edge.optional]
        if optional:
            connection.execute(
                _MARK_MET,
                [{"the_job": e.job_id, "the_dependency": e.dependency_id, "met": True} for e in optional],
            )
            released += _count_down(connection, Counter(edge.job_id for edge in optional), now)
        causes = _cancel(
            connection,
            {e.job_id: (e.dependency_id, causes[e.dependency_id]) for e in edges if not e.optional},
            now,
        )
    return released


def _cancel(connection: Connection, reasons: Mapping[str, tuple[str, str]], now: float) -> dict[str, str]:
    cancelled = {}
    records = lock(connection, reasons)
    for name, record in records.items():
        if record.state in OPEN:
            dependency, cause = reasons[name]
            if record.state == State.RUNNING:
                record.end_start(StartOutcome.INTERRUPTED, now)
            record.end(Event.CANCEL, at=now, error=encode(dependency_error(dependency, cause)), cause=cause)
            cancelled[name] = cause
    write(connection, (records[name] for name in cancelled))
    return cancelled


def redrive(connection: Connection, ids: Collection[str], now: float) -> list[str]:
    """Give dead jobs new attempts, and undo cancellations by operators; returns the restored jobs.

    Jobs that were cancelled because of them wait again, unless another of their dependencies has failed as
    well: then that one becomes the cause. Other jobs do not change.
    """
    lock_jobs(connection, ids)
    roots = {
        name: record
        for name, record in lock(connection, ids).items()
        if record.state == State.DEAD or (record.state == State.CANCELLED and record.cause is None)
    }
    dependants = _cancelled_because_of(connection, set(roots))
    blocked = _still_blocked(connection, roots, dependants)
    restored = {}
    for name, record in (roots | dependants).items():
        if name in blocked:
            dependency, cause = blocked[name]
            record.cause = cause
            record.error = encode(dependency_error(dependency, cause))
        else:
            _restore(record, now)
            restored[name] = record
    write(connection, (roots | dependants).values())
    return sorted(restored)


def _restore(record: Record, now: float) -> None:
    if record.state == State.DEAD:
        record.step(Event.REDRIVE)
    else:
        record.step(Event.RESTORE)
        if record.unmet == 0:
            record.step(Event.RELEASE)
    if transitions.is_relevant(Event.REDRIVE, record.kind):
        record.asset_change = JobChange(event=Event.REDRIVE, at=now)
    record.attempt = record.losses = 0
    record.error = record.cause = record.started = record.finished = None
    record.ready_at = now if record.state == State.READY else None
    record.start_tag = None if record.state == State.READY else record.start_tag


def _cancelled_because_of(connection: Connection, roots: set[str]) -> dict[str, Record]:
    """The direct and indirect dependants that were cancelled because of these jobs."""
    cancelled: dict[str, Record] = {}
    frontier = set(roots)
    while frontier:
        below = {row.job_id for row in rows_for(connection, _DEPENDANTS, frontier)} - roots - set(cancelled)
        found = {
            name: record
            for name, record in lock(connection, below).items()
            if record.state == State.CANCELLED and record.cause in roots
        }
        cancelled |= found
        frontier = set(found)
    return cancelled


def _still_blocked(
    connection: Connection, roots: Mapping[str, Record], dependants: Mapping[str, Record]
) -> dict[str, tuple[str, str]]:
    """Of the jobs to restore, those with another failed dependency: (that dependency, its cause)."""
    edges = {
        name: [dependency for dependency, optional in pairs if not optional]
        for name, pairs in dependencies_of(connection, {**roots, **dependants}).items()
    }
    outside = {dependency for ids in edges.values() for dependency in ids} - set(roots) - set(dependants)
    causes = {
        name: found.cause
        for name, found in dependency_states(connection, outside).items()
        if found.has_failed
    }
    blocked: dict[str, tuple[str, str]] = {}
    changed = True
    while changed:
        changed = False
        for name, ids in edges.items():
            if name in blocked:
                continue
            failed = next((dependency for dependency in ids if dependency in causes), None)
            if failed is not None:
                blocked[name] = (failed, causes[failed])
                causes[name] = causes[failed]
                changed = True
    return blocked

"""What the end of a job means for those that need it: release, cancellation, and both undone by a redrive.

A need counts as open while `met` is false and its job is not done; `unmet` is the number of open needs.
A job is done once, so the needs on it need no mark; a failed optional need is marked met, because its job
may be redriven later and then must not be counted a second time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from eddyline.graph.db.asset_locks import lock_jobs
from eddyline.graph.db.bulk import rows_for
from eddyline.graph.db.schema import dependencies
from eddyline.graph.ledger.dependency_states import dependency_states
from eddyline.graph.ledger.rows import RELEASED, Record, dependencies_of, encode, lock, write
from eddyline.graph.states import FAILED, OPEN, Event, State

_DEPENDANTS = select(dependencies.c.job_id, dependencies.c.dependency_id, dependencies.c.optional).where(
    dependencies.c.dependency_id.in_(bindparam("ids", expanding=True)), dependencies.c.met.is_(False)
)
_MARK_MET = update(dependencies).where(
    dependencies.c.job_id == bindparam("the_job"), dependencies.c.dependency_id == bindparam("the_need")
)


def dependencies_error(dependency: str, cause: str) -> dict[str, Any]:
    """The evidence of a job cancelled because `dependency` will never be done, in the end due to `cause`."""
    return {
        "error": "NeedFailed",
        "message": f"needs {dependency}" + ("" if cause == dependency else f", which fell with {cause}"),
        "remedy": f"see to job {cause} and retry it: what it stopped comes back with it",
        "need": dependency,
        "cause": cause,
    }


def release(connection: Connection, done: Collection[str], now: float) -> int:
    """Count down the jobs that need these newly done ones; returns how many became ready."""
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
    """Cancel what needs these failed jobs, and what needs that; optional needs count as met.

    `failed` gives for each job the one to blame. Returns how many jobs became ready.
    """
    released = 0
    blame = dict(failed)
    while blame:
        edges = rows_for(connection, _DEPENDANTS, blame)
        optional = [edge for edge in edges if edge.optional]
        if optional:
            connection.execute(
                _MARK_MET, [{"the_job": e.job_id, "the_need": e.dependency_id, "met": True} for e in optional]
            )
            released += _count_down(connection, Counter(edge.job_id for edge in optional), now)
        blame = _cancel(
            connection,
            {e.job_id: (e.dependency_id, blame[e.dependency_id]) for e in edges if not e.optional},
            now,
        )
    return released


def _cancel(connection: Connection, reasons: Mapping[str, tuple[str, str]], now: float) -> dict[str, str]:
    cancelled = {}
    records = lock(connection, reasons)
    for name, record in records.items():
        if record.state in OPEN:
            dependency, cause = reasons[name]
            record.end(Event.CANCEL, at=now, error=encode(dependencies_error(dependency, cause)), cause=cause)
            cancelled[name] = cause
    write(connection, (records[name] for name in cancelled))
    return cancelled


def redrive(connection: Connection, ids: Collection[str], now: float) -> list[str]:
    """Give dead jobs new attempts, and take back cancellations by a person; returns what came back.

    What had been cancelled because of them comes back to waiting, unless something else that it needs has
    failed as well: then that one is to blame from now on. Other jobs are left as they are.
    """
    lock_jobs(connection, ids)
    roots = {
        name: record
        for name, record in lock(connection, ids).items()
        if record.state == State.DEAD or (record.state == State.CANCELLED and record.cause is None)
    }
    fallen = _fallen_with(connection, set(roots))
    blamed = _still_blocked(connection, roots, fallen)
    back = {}
    for name, record in (roots | fallen).items():
        if name in blamed:
            dependency, cause = blamed[name]
            record.cause = cause
            record.error = encode(dependencies_error(dependency, cause))
        else:
            _bring_back(record, now)
            back[name] = record
    write(connection, (roots | fallen).values())
    return sorted(back)


def _bring_back(record: Record, now: float) -> None:
    if record.state == State.DEAD:
        record.step(Event.REDRIVE)
    else:
        record.step(Event.REVIVE)
        if record.unmet == 0:
            record.step(Event.RELEASE)
    record.attempt = record.losses = 0
    record.error = record.cause = record.started = record.finished = None
    record.ready_at = now if record.state == State.READY else None
    record.start_tag = None if record.state == State.READY else record.start_tag


def _fallen_with(connection: Connection, roots: set[str]) -> dict[str, Record]:
    """All that was cancelled because of these jobs, near or far."""
    fallen: dict[str, Record] = {}
    frontier = set(roots)
    while frontier:
        below = {row.job_id for row in rows_for(connection, _DEPENDANTS, frontier)} - roots - set(fallen)
        found = {
            name: record
            for name, record in lock(connection, below).items()
            if record.state == State.CANCELLED and record.cause in roots
        }
        fallen |= found
        frontier = set(found)
    return fallen


def _still_blocked(
    connection: Connection, roots: Mapping[str, Record], fallen: Mapping[str, Record]
) -> dict[str, tuple[str, str]]:
    """Which of the jobs to bring back need something else that failed: (that need, the one to blame)."""
    edges = {
        name: [dependency for dependency, optional in pairs if not optional]
        for name, pairs in dependencies_of(connection, {**roots, **fallen}).items()
    }
    outside = {dependency for ids in edges.values() for dependency in ids} - set(roots) - set(fallen)
    blame = {
        name: standing.cause
        for name, standing in dependency_states(connection, outside).items()
        if standing.state in FAILED
    }
    blocked: dict[str, tuple[str, str]] = {}
    changed = True
    while changed:
        changed = False
        for name, ids in edges.items():
            if name in blocked:
                continue
            culprit = next((dependency for dependency in ids if dependency in blame), None)
            if culprit is not None:
                blocked[name] = (culprit, blame[culprit])
                blame[name] = blame[culprit]
                changed = True
    return blocked

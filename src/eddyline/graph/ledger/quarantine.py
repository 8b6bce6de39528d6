"""Quarantines jobs: those that failed for good, those that lose their workers, those no message can carry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from eddyline.core.errors import EddylineError
from eddyline.graph.db.asset_locks import lock_jobs
from eddyline.graph.ledger.dependencies.dependants import cancel_dependants
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.outbox import entries
from eddyline.graph.ledger.rows import Record, encode_error, lock, write
from eddyline.graph.messages import Publication
from eddyline.graph.states import Event, State


def quarantine(record: Record, error: dict[str, Any], reason: str, now: float) -> None:
    """Quarantine a running job with its error and the reason why it is not retried."""
    record.end(Event.QUARANTINE, at=now, error=encode_error({**error, "buried": reason}))


def record_loss(record: Record, *, poison_after: int, now: float) -> None:
    """Hand back a running job whose worker is lost, or quarantine it after too many losses in a row."""
    worker = record.lease_owner
    record.losses += 1
    if record.losses < poison_after:
        record.hand_back(Event.LOSE, now)
        return
    record.end_start(StartOutcome.LOST, now)
    record.interruptions += 1
    error = {
        "error": "KillsItsWorker",
        "message": f"its worker was lost {record.losses} times in a row, most recently {worker}",
        "remedy": "check the system's log for crashes and exhausted memory, then retry the job",
    }
    quarantine(record, error, "kills its worker", now)


def quarantine_unpublishable(
    connection: Connection, unpublishable: Sequence[tuple[Publication, EddylineError]], now: float
) -> None:
    """Quarantine jobs that no message can carry, unless they changed since, and cancel their dependants."""
    reasons = {each.job.id: (each.base, error) for each, error in unpublishable}
    lock_jobs(connection, reasons)
    records = lock(connection, reasons)
    current = entries.current_publications(connection, records)
    dead = [
        record
        for name, record in records.items()
        if record.state == State.READY and name in current and current[name].base == reasons[name][0]
    ]
    for record in dead:
        error = {**reasons[record.job_id][1].evidence(), "buried": "no message can carry it"}
        record.end(Event.REFUSE, at=now, error=encode_error(error))
    write(connection, dead)
    names = {record.job_id: record.job_id for record in dead}
    entries.remove(connection, names)
    cancel_dependants(connection, names, now)

"""The claims that reports of workers imply: a job that a worker started is claimed by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from eddyline.graph.command import Command, CommandKind
from eddyline.graph.ledger.outbox.entries import CurrentPublication
from eddyline.graph.ledger.quarantine import record_loss
from eddyline.graph.ledger.rows import Record
from eddyline.graph.messages import JobResult, JobStarted, publication_base
from eddyline.graph.states import FAILED, Event, State

JobReport: TypeAlias = JobStarted | JobResult

ENDED_STATES = frozenset({State.DONE, *FAILED})

_MAX_UNREPORTED_RECEIPTS = 10_000  # of one message; far more than occur in practice


def counts(
    report: JobReport, records: Mapping[str, Record], current: Mapping[str, CurrentPublication]
) -> bool:
    """Whether a report is about the publication that counts, has its token, and a plausible receipt."""
    publication = current.get(report.job_id)
    if report.job_id not in records or publication is None:
        return False
    if not publication.admits(report.fence, report.token):
        return False
    return report.fence - max(records[report.job_id].fence, publication.base) <= _MAX_UNREPORTED_RECEIPTS


def is_forged(report: JobReport, current: Mapping[str, CurrentPublication]) -> bool:
    """Whether a report is about the publication that counts, and lacks its token."""
    publication = current.get(report.job_id)
    if publication is None or publication_base(report.fence) != publication.base:
        return False
    return not publication.admits(report.fence, report.token)


def holds(record: Record, report: JobReport) -> bool:
    """Whether a report comes from the worker that holds the job, for the claim that counts."""
    is_current = record.state == State.RUNNING and record.fence == report.fence
    return is_current and record.lease_owner == report.worker


def apply_claim(record: Record, report: JobReport, *, poison_after: int, now: float) -> bool:
    """Apply the claim that a report implies; returns whether it changed the record."""
    if report.fence < record.fence:
        return _undo_loss(record, report)
    if report.fence == record.fence:
        return _resume(record, report)
    if record.state == State.RUNNING:
        # The queue delivered the message again: the worker that holds the job was silent for too long.
        record_loss(record, poison_after=poison_after, now=now)
    if record.state != State.READY:
        return record.state == State.DEAD
    record.start(report.worker, fence=report.fence, at=min(report.at, now))
    return True


def _undo_loss(record: Record, report: JobReport) -> bool:
    """An earlier holder reports a result after all: the job had not killed its worker."""
    is_late = isinstance(report, JobResult) and report.fence < record.fence and record.losses > 0
    if is_late:
        record.losses -= 1
    return is_late


def _resume(record: Record, report: JobReport) -> bool:
    """A worker whose lease ran out reports, and its job was not claimed since: it never lost the job."""
    if record.state != State.READY or record.answered == report.fence:
        return False
    record.step(Event.CLAIM)
    record.attempt += 1
    record.losses = max(record.losses - 1, 0)
    record.interruptions = max(record.interruptions - 1, 0)
    record.lease_owner = report.worker
    record.ready_at = None
    return True


def cancel_outdated(started: JobStarted, record: Record | None, base: int | None) -> Command | None:
    """The command to cancel a job whose start does not count; None if it counts or was answered since.

    `record` and `base` are the job and the publication that counts, after the report was applied. Pure.
    """
    if record is not None and (holds(record, started) or record.answered == started.fence):
        return None
    has_ended = record is None or record.state in ENDED_STATES
    is_outdated = publication_base(started.fence) != base
    return Command(
        worker=started.worker,
        kind=CommandKind.CANCEL,
        job_id=started.job_id,
        fence=started.fence,
        # The message of an earlier receipt belongs to another worker now, unless it no longer counts.
        over=has_ended or is_outdated,
        reason="the job has ended" if has_ended else "another worker was given the job",
    )

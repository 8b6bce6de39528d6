"""Applies reports of workers without database access, which arrive late, more than once and in any order.

A start or a result counts only if its publication is the one that counts. A later receipt of the same
publication outdates an earlier one: the queue delivered the message again because the first worker was
silent. A worker that reports the start of a job that does not count gets a command to cancel it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from eddyline.graph.command import Command
from eddyline.graph.db.asset_locks import lock_jobs
from eddyline.graph.job import Interrupted, Settlement
from eddyline.graph.ledger import commands, complete, progress
from eddyline.graph.ledger.dependencies.dependants import cancel_dependants
from eddyline.graph.ledger.outbox import entries, ready_jobs
from eddyline.graph.ledger.outbox.entries import CurrentPublication
from eddyline.graph.ledger.reports import authority
from eddyline.graph.ledger.reports.authority import LeaseRenewal, Sender
from eddyline.graph.ledger.reports.claims import (
    ENDED_STATES,
    JobReport,
    apply_claim,
    cancel_outdated,
    counts,
    holds,
    is_forged,
)
from eddyline.graph.ledger.rows import Record, lock, write
from eddyline.graph.ledger.spawned_jobs import ANY_OF_ITS_ASSET, SpawnRules
from eddyline.graph.machine import UNKNOWN_MACHINE
from eddyline.graph.messages import Heartbeat, JobResult, JobStarted, WorkerReport
from eddyline.graph.retry import RetryPolicy
from eddyline.graph.states import State


@dataclass(frozen=True, kw_only=True)
class ReportRules:
    """The policies of the ledger, the time (seconds since 1970), and `spawn`: what a report may add."""

    policy: RetryPolicy
    rng: random.Random
    poison_after: int
    lease_s: float
    now: float
    spawn: SpawnRules = ANY_OF_ITS_ASSET


@dataclass(frozen=True, kw_only=True)
class Applied:
    """The numbers of reports that counted, of those ignored, and of commands that follow from them.

    Ignored reports are late, repeated or unknown; those `forged` are about the publication that counts,
    without its token. `heartbeats` are those whose key is that of the worker they name.
    """

    counted: int
    ignored: int
    commands: int = 0
    forged: int = 0
    heartbeats: tuple[Heartbeat, ...] = ()


@dataclass(kw_only=True)
class _Totals:
    """What the rounds of one transaction add up to."""

    counted: int = 0
    ignored: int = 0
    forged: int = 0
    commands: list[Command] = field(default_factory=list)


def apply(connection: Connection, reports: Sequence[WorkerReport], rules: ReportRules) -> Applied:
    """Apply reports in one transaction, and put in the outbox what becomes ready because of them.

    A report about a job counts only with the token of the job's publication, one about a worker only with
    that worker's key (see `report_authority`).
    """
    about_jobs = [report for report in reports if not isinstance(report, Heartbeat)]
    # Assets before rows, as everywhere: a cancellation locks an asset first, then its jobs' rows.
    share = all(
        complete.changes_only_dependants(report.outcome)
        for report in about_jobs
        if isinstance(report, JobResult)
    )
    lock_jobs(connection, {report.job_id for report in about_jobs}, share=share)
    find_proven = partial(_proven_senders, connection, about_jobs)
    authentic = authority.renew_leases(connection, _renewals(reports, rules), rules.now, find_proven)
    totals = _Totals()
    for reports_of_round in _rounds(about_jobs):
        _apply_round(connection, reports_of_round, rules, totals)
    names = {name for name, _ in authentic}
    sent = [command for command in totals.commands if command.worker in names]
    commands.add(connection, sent, rules.now)
    heartbeats = tuple(
        report
        for report in reports
        if isinstance(report, Heartbeat) and (report.worker, report.key) in authentic
    )
    for worker, fractions in _progress(heartbeats).items():
        progress.record(connection, fractions, now=rules.now, worker=worker)
    return Applied(
        counted=totals.counted,
        ignored=totals.ignored,
        commands=len(sent),
        forged=totals.forged,
        heartbeats=heartbeats,
    )


def _progress(heartbeats: Iterable[Heartbeat]) -> dict[str, dict[str, tuple[int, float]]]:
    """By worker, the progress of its jobs in authentic heartbeats, in the order of workers."""
    found: dict[str, dict[str, tuple[int, float]]] = {}
    for report in sorted(heartbeats, key=lambda report: (report.worker, report.at)):
        for each in report.progress:
            found.setdefault(report.worker, {})[each.job_id] = (each.fence, each.fraction)
    return found


def _proven_senders(connection: Connection, reports: Sequence[JobReport]) -> set[Sender]:
    """The senders that show the token of a publication that counts."""
    current = entries.current_publications(connection, {report.job_id for report in reports})
    return {
        (report.worker, report.key)
        for report in reports
        if report.job_id in current and current[report.job_id].proves(report.fence, report.token)
    }


def _renewals(reports: Iterable[WorkerReport], rules: ReportRules) -> list[LeaseRenewal]:
    """One lease renewal for each name and key in the reports."""
    found: dict[Sender, LeaseRenewal] = {}
    usual = rules.now + rules.lease_s
    for report in reports:
        sender = (report.worker, report.key)
        machine = UNKNOWN_MACHINE
        if isinstance(report, Heartbeat):
            deadline, process = rules.now + report.lease_s, (report.host, report.pid)
            machine = (
                report.machine if report.machine.is_known or sender not in found else found[sender].machine
            )
        elif sender in found:
            continue
        else:
            deadline, process = usual, None
        found[sender] = LeaseRenewal(
            worker=report.worker,
            deadline=deadline,
            process=process,
            key=report.key,
            proven=False,
            unproven_deadline=usual,
            machine=machine,
        )
    return list(found.values())


def _rounds(reports: Sequence[JobReport]) -> Iterator[list[JobReport]]:
    """Reports in lists that name each job once, so that each list is applied in one step.

    Omits the start of a job whose result is here as well: the result implies it.
    """
    answered = {_claim_key(report) for report in reports if isinstance(report, JobResult)}
    rest = sorted(
        (report for report in reports if isinstance(report, JobResult) or _claim_key(report) not in answered),
        key=lambda report: (report.fence, isinstance(report, JobResult)),
    )
    while rest:
        once: dict[str, JobReport] = {}
        later = [report for report in rest if once.setdefault(report.job_id, report) is not report]
        yield list(once.values())
        rest = later


def _claim_key(report: JobReport) -> tuple[str, int, str, str]:
    return report.job_id, report.fence, report.worker, report.token


def _apply_round(
    connection: Connection, reports: Sequence[JobReport], rules: ReportRules, totals: _Totals
) -> None:
    """Apply reports about different jobs, and add to the totals what came of it."""
    ready_jobs.start_tracking(connection)
    records = lock(connection, [report.job_id for report in reports])
    current = entries.current_publications(connection, records)
    counted = [report for report in reports if counts(report, records, current)]
    totals.forged += sum(is_forged(report, current) for report in reports)
    _apply_claims(connection, counted, records, rules)
    results = [
        report
        for report in counted
        if isinstance(report, JobResult) and holds(records[report.job_id], report)
    ]
    complete.settle(
        connection,
        [_settlement(each) for each in results],
        now=rules.now,
        policy=rules.policy,
        rng=rules.rng,
        spawn=rules.spawn,
    )
    # A job that was handed back is still on its queue, as the same publication.
    handed_back = {each.job_id for each in results if isinstance(each.outcome, Interrupted)}
    ready = ready_jobs.stop_tracking(connection)
    entries.enqueue(connection, [name for name in ready if name not in handed_back])
    _remove_ended(connection, [report.job_id for report in counted])
    totals.commands += _commands(reports, records, current)
    started = sum(
        isinstance(report, JobStarted) and holds(records[report.job_id], report) for report in counted
    )
    totals.counted += len(results) + started
    totals.ignored += len(reports) - len(results) - started


def _settlement(result: JobResult) -> Settlement:
    return Settlement(
        job_id=result.job_id,
        fence=result.fence,
        outcome=result.outcome,
        cpu_s=result.cpu_s,
        fraction=result.fraction,
    )


def _apply_claims(
    connection: Connection, reports: Sequence[JobReport], records: Mapping[str, Record], rules: ReportRules
) -> None:
    """Apply the claims that reports imply, and cancel the dependants of jobs that they make dead."""
    changed = [
        records[report.job_id]
        for report in reports
        if apply_claim(records[report.job_id], report, poison_after=rules.poison_after, now=rules.now)
    ]
    write(connection, changed)
    dead = {record.job_id: record.job_id for record in changed if record.state == State.DEAD}
    cancel_dependants(connection, dead, rules.now)


def _commands(
    reports: Iterable[JobReport],
    records: Mapping[str, Record],
    current: Mapping[str, CurrentPublication],
) -> Iterator[Command]:
    """Commands to cancel jobs whose start does not count; omits a forged start of a job that is published."""
    for report in reports:
        if isinstance(report, JobStarted) and not is_forged(report, current):
            publication = current.get(report.job_id)
            base = None if publication is None else publication.base
            command = cancel_outdated(report, records.get(report.job_id), base)
            if command is not None:
                yield command


def _remove_ended(connection: Connection, ids: Sequence[str]) -> None:
    ended = [name for name, record in lock(connection, ids).items() if record.state in ENDED_STATES]
    entries.remove(connection, ended)

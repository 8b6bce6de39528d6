"""What workers without a database say, applied to the ledger: late, twice and in any order.

A start or an answer counts only if its publication is the one that counts. A later receipt of the same
publication outdates an earlier one: the queue gave the job to another worker because the first was silent.
Whoever says that it began what does not count is ordered to give it up.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from eddyline.graph.command import Command, CommandKind
from eddyline.graph.db.asset_locks import lock_jobs
from eddyline.graph.job import Interrupted, Settlement
from eddyline.graph.ledger import commands, outbox, ready_jobs, report_authority
from eddyline.graph.ledger.complete import Settling, bury, hand_back, is_plain
from eddyline.graph.ledger.dependencies import cancel_dependants
from eddyline.graph.ledger.outbox import Current
from eddyline.graph.ledger.report_authority import Alive, Speaker
from eddyline.graph.ledger.rows import Record, lock, write
from eddyline.graph.ledger.spawned_jobs import ANY_OF_ITS_ASSET, SpawnRules
from eddyline.graph.messages import Heartbeat, JobResult, JobStarted, WorkerReport, publication
from eddyline.graph.retry import RetryPolicy
from eddyline.graph.states import FAILED, Event, State

_ENDED = frozenset({State.DONE, *FAILED})


_MOST_AHEAD = 10_000  # unreported receipts of one message; far more than occur in practice


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What applying needs to know: the policies of the ledger, and the time (seconds since 1970).

    `spawn` bounds what a report may add.
    """

    policy: RetryPolicy
    rng: random.Random
    poison_after: int
    lease_s: float
    now: float
    spawn: SpawnRules = ANY_OF_ITS_ASSET


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What came of it: facts that counted, those late, doubled or unknown, and orders to workers.

    `heard` are the heartbeats whose key is that of the worker they name. `forged` of those ignored
    were about the publication that counts, without its token.
    """

    counted: int
    ignored: int
    ordered: int = 0
    forged: int = 0
    heard: tuple[Heartbeat, ...] = ()


def apply(connection: Connection, facts: Sequence[WorkerReport], rules: Rules) -> Applied:
    """Apply facts in one transaction, and note in the outbox what became ready because of them.

    A fact about a job counts only with the token of the job's publication, one about a worker only with that
    worker's key (`speakers`).
    """
    reports = [fact for fact in facts if not isinstance(fact, Heartbeat)]
    # Before anybody's row, as everywhere: whoever cancels takes an asset first, and its jobs' rows then.
    plain = all(is_plain(fact.outcome) for fact in reports if isinstance(fact, JobResult))
    lock_jobs(connection, {fact.job_id for fact in reports}, share=plain)
    proofs = partial(_proofs, connection, reports)
    believed = report_authority.keep(connection, _alive(facts, rules), rules.now, proofs)
    counted = ignored = 0
    refused: list[Command] = []
    forged: list[WorkerReport] = []
    for rounds in _rounds(reports):
        accepted = _apply_round(connection, rounds, rules, refused, forged)
        counted += accepted
        ignored += len(rounds) - accepted
    spoken = {name for name, _ in believed}
    given = [order for order in refused if order.worker in spoken]
    commands.give(connection, given, rules.now)
    heard = tuple(
        fact for fact in facts if isinstance(fact, Heartbeat) and (fact.worker, fact.key) in believed
    )
    return Applied(counted=counted, ignored=ignored, ordered=len(given), forged=len(forged), heard=heard)


def _proofs(connection: Connection, reports: Sequence[JobStarted | JobResult]) -> set[Speaker]:
    """Who of those that report shows the token of a publication that counts."""
    published = outbox.current(connection, {fact.job_id for fact in reports})
    return {
        (fact.worker, fact.key)
        for fact in reports
        if fact.job_id in published and published[fact.job_id].proves(fact.fence, fact.token)
    }


def _alive(facts: Iterable[WorkerReport], rules: Rules) -> list[Alive]:
    """What the facts say of the workers' lives: one entry for each name and key."""
    found: dict[Speaker, Alive] = {}
    usual = rules.now + rules.lease_s
    for fact in facts:
        speaker = (fact.worker, fact.key)
        if isinstance(fact, Heartbeat):
            deadline, whereabouts = rules.now + fact.lease_s, (fact.host, fact.pid)
        elif speaker in found:
            continue
        else:
            deadline, whereabouts = usual, None
        found[speaker] = Alive(
            worker=fact.worker,
            deadline=deadline,
            whereabouts=whereabouts,
            key=fact.key,
            proven=False,
            unproven_deadline=usual,
        )
    return list(found.values())


def _rounds(facts: Iterable[JobStarted | JobResult]) -> Iterator[list[JobStarted | JobResult]]:
    """Facts in lists that name each job once, so that each list is one step for all its jobs.

    A start whose answer is here as well says nothing that the answer does not.
    """
    all_facts = list(facts)
    answered = {_key(fact) for fact in all_facts if isinstance(fact, JobResult)}
    rest = sorted(
        (fact for fact in all_facts if isinstance(fact, JobResult) or _key(fact) not in answered),
        key=lambda fact: (fact.fence, isinstance(fact, JobResult)),
    )
    while rest:
        once: dict[str, JobStarted | JobResult] = {}
        later = [fact for fact in rest if once.setdefault(fact.job_id, fact) is not fact]
        yield list(once.values())
        rest = later


def _key(fact: JobStarted | JobResult) -> tuple[str, int, str, str]:
    return fact.job_id, fact.fence, fact.worker, fact.token


def _apply_round(
    connection: Connection,
    facts: Sequence[JobStarted | JobResult],
    rules: Rules,
    refused: list[Command],
    forged: list[WorkerReport],
) -> int:
    """Apply facts about different jobs; returns how many counted.

    Adds to `refused` the orders that follow, and to `forged` the facts that lack their publication's token.
    """
    ready_jobs.begin(connection)
    records = lock(connection, [fact.job_id for fact in facts])
    published = outbox.current(connection, records)
    current = [fact for fact in facts if _counts(fact, records, published)]
    forged += [fact for fact in facts if _is_forged(fact, published)]
    touched = [records[fact.job_id] for fact in current if _begin(records[fact.job_id], fact, rules)]
    write(connection, touched)
    dead = {record.job_id: record.job_id for record in touched if record.state == State.DEAD}
    cancel_dependants(connection, dead, rules.now)
    answers = [fact for fact in current if isinstance(fact, JobResult) and _is_held(records, fact)]
    settling = Settling(connection, rules.now, rules.policy, rules.rng, spawn=rules.spawn)
    settling.apply([Settlement(job_id=a.job_id, fence=a.fence, outcome=a.outcome) for a in answers])
    # What was handed back is still on its queue, as the same publication.
    back = {a.job_id for a in answers if isinstance(a.outcome, Interrupted)}
    outbox.enqueue(connection, [name for name in ready_jobs.end(connection) if name not in back])
    _forget_ended(connection, [fact.job_id for fact in current])
    refused += _refusals(facts, records, published)
    return len(answers) + sum(isinstance(fact, JobStarted) and _is_held(records, fact) for fact in current)


def _counts(
    fact: JobStarted | JobResult, records: Mapping[str, Record], published: Mapping[str, Current]
) -> bool:
    """Whether a fact is about the publication that counts, shows its token, and is no absurd receipt."""
    current = published.get(fact.job_id)
    if fact.job_id not in records or current is None or not current.admits(fact.fence, fact.token):
        return False
    return fact.fence - max(records[fact.job_id].fence, current.base) <= _MOST_AHEAD


def _is_forged(fact: JobStarted | JobResult, published: Mapping[str, Current]) -> bool:
    """Whether a fact is about the publication that counts, and does not show its token."""
    current = published.get(fact.job_id)
    about = current is not None and publication(fact.fence) == current.base
    return about and current is not None and not current.admits(fact.fence, fact.token)


def _refusals(
    facts: Iterable[JobStarted | JobResult], records: Mapping[str, Record], published: Mapping[str, Current]
) -> Iterator[Command]:
    """Orders to give up what was begun in vain; none for a forged start of a job that is under way."""
    for fact in facts:
        if not isinstance(fact, JobStarted):
            continue
        if _is_forged(fact, published):
            continue
        current = published.get(fact.job_id)
        order = refuse(fact, records.get(fact.job_id), None if current is None else current.base)
        if order is not None:
            yield order


def refuse(fact: JobStarted, record: Record | None, base: int | None) -> Command | None:
    """The order to give up what was begun in vain; None: it counts, or has been answered since.

    `record` and `base` are the job and the publication that counts, as they are with the fact applied. Pure.
    """
    if record is not None and (_holds(record, fact) or record.answered == fact.fence):
        return None
    ended = record is None or record.state in _ENDED
    outdated = publication(fact.fence) != base
    return Command(
        worker=fact.worker,
        kind=CommandKind.GIVE_UP,
        job_id=fact.job_id,
        fence=fact.fence,
        # An earlier receipt's message is another worker's by now, unless nobody wants it any more.
        over=ended or outdated,
        reason="the job has ended" if ended else "another worker was given the job",
    )


def _is_held(records: dict[str, Record], fact: JobStarted | JobResult) -> bool:
    return _holds(records[fact.job_id], fact)


def _holds(record: Record, fact: JobStarted | JobResult) -> bool:
    held = record.state == State.RUNNING and record.fence == fact.fence
    return held and record.lease_owner == fact.worker


def _begin(record: Record, fact: JobStarted | JobResult, rules: Rules) -> bool:
    """The claim that a worker's word implies; whether it changed the record."""
    if fact.fence < record.fence:
        return _was_no_loss(record, fact)
    if fact.fence == record.fence:
        return _resume(record, fact)
    if record.state == State.RUNNING:
        _lose(record, rules)
    if record.state != State.READY:
        return record.state == State.DEAD
    record.step(Event.CLAIM)
    record.attempt += 1
    record.starts += 1
    record.fence = fact.fence
    record.lease_owner = fact.worker
    record.ready_at = None
    record.started = min(fact.at, rules.now)
    return True


def _was_no_loss(record: Record, fact: JobStarted | JobResult) -> bool:
    """An earlier holder answers after all: it had not fallen victim to the job, as was assumed."""
    late = isinstance(fact, JobResult) and fact.fence < record.fence and record.losses > 0
    if late:
        record.losses -= 1
    return late


def _resume(record: Record, fact: JobStarted | JobResult) -> bool:
    """A worker given up for silent speaks, and nobody was given its job since: it never lost it."""
    if record.state != State.READY or record.answered == fact.fence:
        return False
    record.step(Event.CLAIM)
    record.attempt += 1
    record.losses = max(record.losses - 1, 0)
    record.interruptions = max(record.interruptions - 1, 0)
    record.lease_owner = fact.worker
    record.ready_at = None
    return True


def _lose(record: Record, rules: Rules) -> None:
    """The queue gave the job to another worker: its holder was silent for too long."""
    record.losses += 1
    if record.losses < rules.poison_after:
        hand_back(record, Event.LOSE, rules.now)
        return
    record.interruptions += 1
    evidence = {
        "error": "KillsItsWorker",
        "message": f"its worker vanished {record.losses} times in a row, last {record.lease_owner}",
        "remedy": "look for crashes or exhausted memory in the worker's log, then retry the job",
    }
    bury(record, evidence, "kills its worker", rules.now)


def _forget_ended(connection: Connection, ids: Sequence[str]) -> None:
    ended = [name for name, record in lock(connection, ids).items() if record.state in _ENDED]
    outbox.forget(connection, ended)

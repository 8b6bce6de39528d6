"""Applies the results of workers: checks the fence, writes the job's new state and what follows from it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from eddyline.graph.db.asset_locks import lock_jobs
from eddyline.graph.db.transactions import commit_was_lost
from eddyline.graph.job import Done, Failed, GraphError, Interrupted, Outcome, Settlement
from eddyline.graph.ledger import spawned_jobs
from eddyline.graph.ledger.dependencies.dependants import cancel_dependants, release
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.quarantine import quarantine
from eddyline.graph.ledger.rows import ENDED, Record, encode, encode_error, lock, write
from eddyline.graph.ledger.spawned_jobs import SpawnRules
from eddyline.graph.ledger.submit import add
from eddyline.graph.retry import Dead, Failure, RetryPolicy
from eddyline.graph.states import Event, State


def settle(
    connection: Connection,
    settlements: Sequence[Settlement],
    *,
    now: float,
    policy: RetryPolicy,
    rng: random.Random,
    spawn: SpawnRules | None = None,
) -> list[bool]:
    """Apply results in this order; False where the fence is outdated or the job is not running.

    `spawn` bounds what jobs may add (None: unbounded, for workers that may write the ledger themselves).
    Safe to run again after a commit whose confirmation was lost: what was accepted then is accepted now.
    """
    ids = {settlement.job_id for settlement in settlements}
    lock_jobs(connection, ids, share=all(changes_only_dependants(each.outcome) for each in settlements))
    records = lock(connection, ids)
    # If the server was lost while it committed these very results, the accepted ones are stored.
    again = commit_was_lost(connection)
    apply = _Completion(connection=connection, now=now, policy=policy, rng=rng, spawn=spawn)
    accepted = []
    settled = {}
    seen: set[tuple[str, int]] = set()
    for settlement in settlements:
        record = records.get(settlement.job_id)
        if record is None:
            accepted.append(False)
        elif record.state == State.RUNNING and record.fence == settlement.fence:
            apply.outcome(record, settlement.outcome)
            if record.ended_start is not None:
                record.ended_start.cpu_s = settlement.cpu_s
                record.ended_start.fraction = settlement.fraction
            record.answered = settlement.fence
            record.answered_at = now
            settled[record.job_id] = record
            accepted.append(True)
        else:
            same = (record.answered, record.answered_at) == (settlement.fence, now)
            accepted.append(again and same and (settlement.job_id, settlement.fence) not in seen)
        seen.add((settlement.job_id, settlement.fence))
    only_done = all(record.state == State.DONE for record in settled.values())
    write(connection, settled.values(), ENDED if only_done else None)
    release(connection, [name for name, record in settled.items() if record.state == State.DONE], now)
    dead = {name: name for name, record in settled.items() if record.state == State.DEAD}
    cancel_dependants(connection, dead, now)
    return accepted


@dataclass(frozen=True, kw_only=True)
class _Completion:
    """Applies outcomes to records within one transaction."""

    connection: Connection
    now: float
    policy: RetryPolicy
    rng: random.Random
    spawn: SpawnRules | None

    def outcome(self, record: Record, outcome: Outcome) -> None:
        """Apply one outcome to the record of a running job."""
        match outcome:
            case Done():
                self._complete(record, outcome)
            case Failed():
                self._fail(record, outcome.error, retry=outcome.retry)
            case Interrupted():
                record.hand_back(Event.INTERRUPT, self.now)
                record.losses = 0

    def _complete(self, record: Record, done: Done) -> None:
        try:
            result = encode(done.result)
            if done.spawn:
                if self.spawn is not None:
                    spawned_jobs.check(self.connection, record, done.spawn, self.spawn)
                add(self.connection, done.spawn, self.now)
        except (GraphError, TypeError, ValueError, RecursionError) as error:
            # Nothing of it was written; the same result would be refused again.
            self._fail(record, _result_error(error), retry=False)
            return
        record.end_start(StartOutcome.DONE, self.now)
        record.end(Event.COMPLETE, at=self.now, error=None)
        record.result = result
        record.output = done.output
        record.losses = 0

    def _fail(self, record: Record, error: dict[str, Any], *, retry: bool) -> None:
        record.losses = 0
        record.end_start(StartOutcome.FAILED, self.now)
        failure = Failure(attempt=record.attempt, retry=retry, at=self.now, max_attempts=record.max_attempts)
        decision = self.policy.decide(failure, self.rng)
        if isinstance(decision, Dead):
            quarantine(record, error, decision.reason, self.now)
        else:
            record.make_ready(Event.RETRY, decision.at)
            record.error = encode_error(error)


def changes_only_dependants(outcome: Outcome) -> bool:
    """Whether an outcome changes only the job itself and its direct dependants."""
    return not isinstance(outcome, Failed) and not (isinstance(outcome, Done) and outcome.spawn)


def _result_error(error: Exception) -> dict[str, Any]:
    if isinstance(error, GraphError):
        return error.evidence()
    return {
        "error": "GraphError",
        "message": f"the job's result is not JSON: {error}",
        "remedy": "report it: this is a bug in the job's handler",
    }

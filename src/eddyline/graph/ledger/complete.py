"""Workers' answers: checked against the fence, applied in one transaction, and what follows from them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from eddyline.graph.db.asset_locks import lock_jobs
from eddyline.graph.db.transactions import answer_was_lost
from eddyline.graph.job import Done, Failed, GraphError, Interrupted, Outcome, Settlement
from eddyline.graph.ledger import spawned_jobs
from eddyline.graph.ledger.dependencies import cancel_dependants, release
from eddyline.graph.ledger.rows import ENDED, Record, encode, lock, write
from eddyline.graph.ledger.spawned_jobs import SpawnRules
from eddyline.graph.ledger.submit import add
from eddyline.graph.retry import Dead, Failure, RetryPolicy
from eddyline.graph.states import Event, State


class Settling:
    """One transaction's worth of answers.

    `spawn` bounds what they may add (None: anything, for workers that may write the ledger themselves).
    """

    def __init__(
        self,
        connection: Connection,
        now: float,
        policy: RetryPolicy,
        rng: random.Random,
        *,
        spawn: SpawnRules | None = None,
    ) -> None:
        self._connection = connection
        self._now = now
        self._policy = policy
        self._rng = rng
        self._spawn = spawn

    def apply(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Apply the answers in order; False: the fence is out of date, or the job runs no more.

        Safe to run again after a commit whose own answer was lost: what counted then, counts now.
        """
        ids = {settlement.job_id for settlement in settlements}
        lock_jobs(self._connection, ids, share=all(is_plain(each.outcome) for each in settlements))
        records = lock(self._connection, ids)
        # If the server vanished as it committed these very answers, those that it did take are there.
        again = answer_was_lost(self._connection)
        accepted = []
        settled = {}
        seen: set[tuple[str, int]] = set()
        for settlement in settlements:
            record = records.get(settlement.job_id)
            if record is None:
                accepted.append(False)
            elif record.state == State.RUNNING and record.fence == settlement.fence:
                self._settle(record, settlement.outcome)
                record.answered = settlement.fence
                record.answered_at = self._now
                settled[record.job_id] = record
                accepted.append(True)
            else:
                mine = (record.answered, record.answered_at) == (settlement.fence, self._now)
                accepted.append(again and mine and (settlement.job_id, settlement.fence) not in seen)
            seen.add((settlement.job_id, settlement.fence))
        only_done = all(record.state == State.DONE for record in settled.values())
        write(self._connection, settled.values(), ENDED if only_done else None)
        release(self._connection, [n for n, r in settled.items() if r.state == State.DONE], self._now)
        dead = {name: name for name, record in settled.items() if record.state == State.DEAD}
        cancel_dependants(self._connection, dead, self._now)
        return accepted

    def _settle(self, record: Record, outcome: Outcome) -> None:
        match outcome:
            case Done():
                self._complete(record, outcome)
            case Failed():
                self._fail(record, outcome.error, retry=outcome.retry)
            case Interrupted():
                hand_back(record, Event.INTERRUPT, self._now)
                record.losses = 0

    def _complete(self, record: Record, done: Done) -> None:
        try:
            result = encode(done.result)
            if done.spawn:
                if self._spawn is not None:
                    spawned_jobs.check(self._connection, record, done.spawn, self._spawn)
                add(self._connection, done.spawn, self._now)
        except (GraphError, TypeError, ValueError, RecursionError) as error:
            # Nothing of it was written; the same answer would be refused again.
            self._fail(record, refusal(error), retry=False)
            return
        record.end(Event.COMPLETE, at=self._now, error=None)
        record.result = result
        record.output = done.output
        record.losses = 0

    def _fail(self, record: Record, error: dict[str, Any], *, retry: bool) -> None:
        record.losses = 0
        failure = Failure(attempt=record.attempt, retry=retry, at=self._now, max_attempts=record.max_attempts)
        verdict = self._policy.decide(failure, self._rng)
        if isinstance(verdict, Dead):
            bury(record, error, verdict.reason, self._now)
        else:
            record.make_ready(Event.RETRY, verdict.at)
            record.error = _evidence(error)


def is_plain(outcome: Outcome) -> bool:
    """Whether it changes no more of the graph than itself and what waits for it."""
    return not isinstance(outcome, Failed) and not (isinstance(outcome, Done) and outcome.spawn)


def hand_back(record: Record, event: Event, now: float) -> None:
    """Make a running job ready again at once; the attempt is not spent, the interruption is counted."""
    record.make_ready(event, now)
    record.attempt -= 1
    record.interruptions += 1


def bury(record: Record, error: dict[str, Any], reason: str, now: float) -> None:
    """Quarantine a running job with its evidence and why it is not tried again."""
    record.end(Event.BURY, at=now, error=_evidence({**error, "buried": reason}))


def refusal(error: Exception) -> dict[str, Any]:
    """The evidence of an answer that cannot be recorded."""
    if isinstance(error, GraphError):
        return error.evidence()
    return {
        "error": "GraphError",
        "message": f"the job's answer is not JSON: {error}",
        "remedy": "report it: this is a bug in the job's handler",
    }


def _evidence(error: dict[str, Any]) -> str:
    try:
        return encode(error)
    except (TypeError, ValueError, RecursionError):
        return encode({"error": "Failed", "message": repr(error)})

"""Bringing dead letters back: through the ledger, which alone knows whether the job is still wanted.

SQS's own redrive would put old messages on their queues again, with fences that no longer count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from eddyline.aws.sqs.client import Message, SqsClient
from eddyline.aws.sqs.message_body import unseal
from eddyline.graph.coordinator.coordinator_ledger import CoordinatorLedger
from eddyline.graph.coordinator.wire import WireError, publication_from_json
from eddyline.graph.states import State

_HIDDEN_S = 120.0


@dataclass(kw_only=True)
class Redriven:
    """What became of dead letters: jobs under way again, jobs that need nothing, and letters left there."""

    again: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    """By the message's id, why."""
    dropped: dict[str, str] = field(default_factory=dict)
    """By the message's id, why it could not be redriven."""


def redrive_dead_letters(
    queues: SqsClient, ledger: CoordinatorLedger, *, limit: int = 1000, drop: bool = False
) -> Redriven:
    """Publish the jobs of up to `limit` dead letters again, retrying the dead ones; safe to repeat.

    The letter of a job that has ended, or that a later message continues, is deleted. A letter that is
    unreadable or names no job of this ledger stays where it is; with `drop` it is deleted.
    Raises `QueueError` and `LedgerError`.
    """
    found = Redriven()
    kept: list[Message] = []
    seen: set[str] = set()
    try:
        while len(seen) < limit:
            messages = queues.receive(queues.naming.dead, limit=10, wait_s=1, visibility_s=_HIDDEN_S)
            fresh = [message for message in messages if message.id not in seen]
            if not fresh:
                break
            for message in fresh:
                seen.add(message.id)
                reason = _redrive(message, ledger, found, receipts=queues.dead_after)
                if reason and not drop:
                    found.kept[message.id] = reason
                    kept.append(message)
                    continue
                if reason:
                    found.dropped[message.id] = reason
                queues.delete([message])
    finally:
        queues.hide(kept, 0)
    return found


def _redrive(message: Message, ledger: CoordinatorLedger, found: Redriven, *, receipts: int) -> str:
    """Do for one letter what its job needs; why it has to stay, or nothing."""
    try:
        offer = publication_from_json(unseal(message.body))
    except WireError as error:
        return message.attributes.get("reason") or str(error)
    job = ledger.job(offer.job.id)
    if job is None and any(old.id == offer.job.id for old in ledger.archived(offer.job.asset)):
        found.settled.append(offer.job.id)
        return ""
    if job is None:
        return f"no job {offer.job.id} in this ledger"
    # A job that was cancelled is one that nobody wants: taken back, it is published anew.
    if job.state is State.DEAD:
        ledger.redrive(job.id)
        again = True
    else:
        again = ledger.publish_again_if_last(job.id, base=offer.base, receipts=receipts, token=offer.token)
    (found.again if again else found.settled).append(job.id)
    return ""

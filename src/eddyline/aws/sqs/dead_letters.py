"""Redrive of dead letters: through the ledger, which alone knows whether a job is still wanted.

SQS's own redrive would return old messages to their queues, with outdated fences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from eddyline.aws.sqs.client import Message, SqsClient
from eddyline.aws.sqs.message_body import decode_body
from eddyline.graph.coordinator.wire import WireError, publication_from_json
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State

_VISIBILITY_S = 120.0
_LONG_POLL_S = 1


@dataclass(kw_only=True)
class RedriveReport:
    """What became of dead letters: jobs published again, jobs that need nothing, other messages."""

    again: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    """Message ID to the reason why the message stays in the queue."""
    dropped: dict[str, str] = field(default_factory=dict)
    """Message ID to the reason why the message could not be redriven."""


def receive_dead_letters(queues: SqsClient, queue: str, *, limit: int) -> Iterator[Message]:
    """Receive up to `limit` messages of a dead-letter queue, each once, until no new one arrives.

    The messages stay hidden from other receivers for two minutes: delete them or hand them back.
    """
    seen: set[str] = set()
    while len(seen) < limit:
        messages = queues.receive(
            queue, limit=limit - len(seen), wait_s=_LONG_POLL_S, visibility_s=_VISIBILITY_S
        )
        new = [message for message in messages if message.id not in seen]
        if not new:
            return
        seen.update(message.id for message in new)
        yield from new


def redrive_dead_letters(
    queues: SqsClient, ledger: Ledger, *, limit: int = 1000, drop: bool = False
) -> RedriveReport:
    """Publish the jobs of up to `limit` dead letters again and retry dead jobs; idempotent.

    The message of a job that has ended, or that a later message supersedes, is deleted. A message that is
    unreadable or names no job of this ledger stays in the queue; with `drop` it is deleted.
    Raises `QueueError` and `LedgerError`.
    """
    report = RedriveReport()
    kept: list[Message] = []
    try:
        for message in receive_dead_letters(queues, queues.naming.dead_letters, limit=limit):
            reason = _redrive(message, ledger, report, max_receive_count=queues.max_receive_count)
            if reason and not drop:
                report.kept[message.id] = reason
                kept.append(message)
                continue
            if reason:
                report.dropped[message.id] = reason
            queues.delete([message])
    finally:
        queues.change_visibility(kept, 0)
    return report


def _redrive(message: Message, ledger: Ledger, report: RedriveReport, *, max_receive_count: int) -> str:
    """Redrive the job of a message; returns the reason why the message has to stay, or ""."""
    try:
        offer = publication_from_json(decode_body(message.body))
    except WireError as error:
        return message.attributes.get("reason") or str(error)
    job = ledger.job(offer.job.id)
    if job is None and any(old.id == offer.job.id for old in ledger.archived(offer.job.asset)):
        report.settled.append(offer.job.id)
        return ""
    if job is None:
        return f"no job {offer.job.id} in this ledger"
    # A cancelled job is not wanted: if it is ever redriven, it is published as new.
    if job.state is State.DEAD:
        ledger.redrive(job.id)
        again = True
    else:
        again = ledger.publications.republish_dead_letter(
            job.id, base=offer.base, receipts=max_receive_count, token=offer.token
        )
    (report.again if again else report.settled).append(job.id)
    return ""

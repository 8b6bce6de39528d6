"""The messages that an ingest parked: list them with their reasons, send them again, or delete them.

SQS's own redrive does not return a message that a program moved: it has no source queue.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from eddyline.aws.s3_events.event_queue import EventQueue
from eddyline.aws.s3_events.parser import parse_s3_event
from eddyline.aws.sqs.client import SqsClient
from eddyline.aws.sqs.dead_letters import receive_dead_letters
from eddyline.aws.sqs.message import Message
from eddyline.core.errors import UsageError
from eddyline.ingest.decisions import Submit

_NO_REASON = "no reason was recorded: SQS moved it, or it is too long to carry a reason"


@dataclass(frozen=True, kw_only=True)
class ParkedMessage:
    """A message parked at `at` (seconds since 1970); `addresses` are the objects that it names."""

    id: str
    at: float
    reason: str
    addresses: tuple[str, ...]
    body: str


class ParkedMessages:
    """The parked messages of one event queue. Raises `QueueError` and `AccessError`."""

    def __init__(self, queues: SqsClient, queue: EventQueue) -> None:
        self._queues = queues
        self._queue = queue

    def list_all(self, *, limit: int = 1000) -> Sequence[ParkedMessage]:
        """Up to `limit` messages, the oldest first; they stay in the queue."""
        messages = self._receive(limit)
        self._queues.change_visibility(messages, 0)
        return [_parked(message) for message in messages]

    def redrive(self, ids: Collection[str] = (), *, limit: int = 1000) -> Sequence[ParkedMessage]:
        """Send the messages whose IDs start with one of `ids` (none: all) to the queue again; idempotent.

        If the process is killed, a message may be in both queues, which still results in one asset. Raises
        `UsageError` for an unknown ID.
        """
        return self._remove(ids, limit, resend=True)

    def drop(self, ids: Collection[str] = (), *, limit: int = 1000) -> Sequence[ParkedMessage]:
        """Delete these messages; raises `UsageError` for an unknown ID."""
        return self._remove(ids, limit, resend=False)

    def _remove(self, ids: Collection[str], limit: int, *, resend: bool) -> Sequence[ParkedMessage]:
        messages = self._receive(limit)
        left = {message.id: message for message in messages}
        try:
            unknown = [each for each in ids if not any(message.id.startswith(each) for message in messages)]
            if unknown:
                raise UsageError(
                    f"no parked message {unknown[0]}",
                    remedy="run `eddyline parked` to list them with their IDs",
                )
            chosen = [each for each in messages if not ids or each.id.startswith(tuple(ids))]
            for message in chosen:
                if not resend or all(self._queues.send(self._queue.name, [message.body])):
                    self._queues.delete([message])
                    del left[message.id]
        finally:
            self._queues.change_visibility(left.values(), 0)
        return [_parked(message) for message in chosen if message.id not in left]

    def _receive(self, limit: int) -> Sequence[Message]:
        """Up to `limit` messages, the oldest first, hidden from other receivers."""
        messages = receive_dead_letters(self._queues, self._queue.dead_letters, limit=limit)
        return sorted(messages, key=lambda message: message.sent_at)


def _parked(message: Message) -> ParkedMessage:
    return ParkedMessage(
        id=message.id,
        at=message.sent_at,
        reason=message.attributes.get("reason") or _NO_REASON,
        addresses=tuple(each.address for each in parse_s3_event(message.body) if isinstance(each, Submit)),
        body=message.body,
    )

"""The SQS queue of fleet events: Lambda functions send EventBridge events, coordinators receive them."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.aws.sqs.client import Message, SqsClient

_BATCH = 10
_VISIBILITY_S = 30.0


class FleetQueue:
    """Receives the raw events of the queue `PREFIX-fleet`. Safe from any thread.

    Raises `QueueError` and `AccessError`. A message that is not acknowledged is received again.
    """

    def __init__(self, queues: SqsClient) -> None:
        self._queues = queues
        self.name = queues.naming.fleet

    def receive(self, wait_s: float) -> Sequence[Message]:
        """Up to ten messages, by a long poll."""
        return self._queues.receive(self.name, limit=_BATCH, wait_s=wait_s, visibility_s=_VISIBILITY_S)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Delete messages whose events are recorded, or are about others' machines."""
        self._queues.delete(messages)

    def park(self, message: Message, reason: str) -> None:
        """Move a message that can never be recorded to the dead-letter queue."""
        self._queues.park(message, reason)

"""The command queue of a worker, over which coordinators send it commands.

It costs an idle worker one long poll in 20 s: 4,320 requests a day. The worker creates the queue, and creates
it again if it vanishes. Coordinators delete it once they consider the worker gone; after an hour without a
coordinator that could delete it, its messages expire. The worker's role needs `sqs:CreateQueue`,
`DeleteQueue`, `GetQueueUrl`, `GetQueueAttributes`, `SetQueueAttributes`, `ReceiveMessage` and `DeleteMessage`
on `<prefix>-to-*`, a coordinator's role `GetQueueUrl`, `SendMessage` and `DeleteQueue`, and `ListQueues` on
`*`.
"""

from __future__ import annotations

import contextlib
import logging

from eddyline.aws.client_errors import QueueNotFoundError
from eddyline.aws.sqs.client import Message, SqsClient
from eddyline.aws.sqs.message_body import decode_body
from eddyline.core.clock import Clock
from eddyline.core.errors import EddylineError
from eddyline.core.formatting import short_repr
from eddyline.graph.command import Command
from eddyline.graph.coordinator.wire import WireError, command_from_json

_LOG = logging.getLogger("eddyline.commands")
_RETENTION_S = 3600.0  # coordinators consider a worker that is frozen for longer gone
_VISIBILITY_S = 30.0
_CREATION_S = 1.0  # after which SQS knows a new queue everywhere


class CommandQueue:
    """One worker's command queue. Every method raises `QueueError` or `AccessError`."""

    def __init__(self, queues: SqsClient, worker: str, clock: Clock) -> None:
        self._queues = queues
        self._worker = worker
        self._clock = clock
        self._name = queues.naming.command_queue(worker)
        self._closed = False

    def create(self) -> None:
        """Create the queue; idempotent."""
        self._queues.create_queue(self._name, retention_s=_RETENTION_S)

    def receive(self, wait_s: float) -> list[Command]:
        """The commands that arrive within `wait_s` (at most 20); creates the queue if it is missing."""
        if self._closed:
            self._clock.sleep(min(wait_s, _CREATION_S))
            return []
        try:
            messages = self._queues.receive(self._name, limit=10, wait_s=wait_s, visibility_s=_VISIBILITY_S)
        except QueueNotFoundError:
            if not self._closed:
                self.create()
                self._clock.sleep(min(wait_s, _CREATION_S))
            return []
        found = [command for message in messages if (command := self._parse(message)) is not None]
        # Commands that cannot be deleted are received again, which has no effect.
        with contextlib.suppress(EddylineError):
            self._queues.delete(messages)
        return found

    def close(self) -> None:
        """Delete the queue; `receive` no longer creates it."""
        self._closed = True
        self._queues.delete_queue(self._name)

    def _parse(self, message: Message) -> Command | None:
        """The command of a message; None, which is logged, if it is not a command for this worker."""
        try:
            command = command_from_json(decode_body(message.body))
        except WireError as error:
            _LOG.warning("invalid command dropped", extra={"error": str(error)})
            return None
        if command.worker != self._worker:
            _LOG.warning("command for another worker dropped", extra={"worker": short_repr(command.worker)})
            return None
        return command

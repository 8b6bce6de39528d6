"""A worker's mailbox: a queue of its own, through which coordinators tell it what people want of it.

It costs an idle worker one long poll in 20 s: 4,320 requests a day. The worker makes it, and makes it again
where it has vanished; it goes with the worker, when coordinators hold that for gone, or an hour after
all were killed who might have removed it. For that its role needs `sqs:CreateQueue`, `DeleteQueue`,
`GetQueueUrl`, `GetQueueAttributes`, `SetQueueAttributes`, `ReceiveMessage` and `DeleteMessage` on
`<prefix>-to-*`, and a coordinator's `GetQueueUrl`, `SendMessage` and `DeleteQueue`, and `ListQueues` on `*`.
"""

from __future__ import annotations

import contextlib
import logging
import time

from eddyline.aws.client_errors import NoQueueError
from eddyline.aws.sqs.client import Message, SqsClient
from eddyline.aws.sqs.message_body import unseal
from eddyline.core.errors import EddylineError
from eddyline.core.formatting import short_repr
from eddyline.graph.command import Command
from eddyline.graph.coordinator.wire import WireError, command_from_json

_LOG = logging.getLogger("eddyline.commands")
_KEEP_S = 3600.0  # a worker frozen for longer is long held for gone
_HIDDEN_S = 30.0
_MAKING_S = 1.0  # SQS knows a new queue everywhere only after about that


class CommandQueue:
    """One worker's. Every method raises `QueueError`, or `AccessError`."""

    def __init__(self, queues: SqsClient, worker: str) -> None:
        self._queues = queues
        self._worker = worker
        self._name = queues.naming.mailbox(worker)
        self._closed = False

    def make(self) -> None:
        """Have it there; safe twice."""
        self._queues.make(self._name, keep_s=_KEEP_S)

    def collect(self, wait_s: float) -> list[Command]:
        """What came, the first within `wait_s` (20 at most); makes the mailbox where there is none."""
        if self._closed:
            time.sleep(min(wait_s, _MAKING_S))
            return []
        try:
            messages = self._queues.receive(self._name, limit=10, wait_s=wait_s, visibility_s=_HIDDEN_S)
        except NoQueueError:
            if not self._closed:
                self.make()
                time.sleep(min(wait_s, _MAKING_S))
            return []
        found = [order for message in messages if (order := self._read(message)) is not None]
        # If they cannot be deleted they are heard again, which does nothing.
        with contextlib.suppress(EddylineError):
            self._queues.delete(messages)
        return found

    def close(self) -> None:
        """Remove it, and have it made no more."""
        self._closed = True
        self._queues.remove(self._name)

    def _read(self, message: Message) -> Command | None:
        """The command in a message; None, which is logged, if it is none or names another worker."""
        try:
            order = command_from_json(unseal(message.body))
        except WireError as error:
            _LOG.warning("a message that is not a command was dropped: %s", error)
            return None
        if order.worker != self._worker:
            _LOG.warning("a command for another worker was dropped: %s", short_repr(order.worker))
            return None
        return order

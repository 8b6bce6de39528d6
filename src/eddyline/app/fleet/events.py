"""Consumes the queue of fleet events: drains the workers of ending instances, and records every event."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from eddyline.core.errors import TransientError
from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.notices import Malformed, Notice, Parsed
from eddyline.fleet.record.attribution import fleet_event
from eddyline.fleet.record.drains import InstanceDrain, instance_drain
from eddyline.fleet.record.fold import fold
from eddyline.graph.ledger.ledger import Ledger

if TYPE_CHECKING:
    from eddyline.aws.fleet_queue import FleetQueue
    from eddyline.aws.sqs.message import Message


class FleetEventConsumer:
    """Records events and drains workers. For one thread; any number of processes may consume the queue.

    `hooks` are the seconds that a scale-in grants running jobs, by pool. `on_drain` gets each drain and the
    names of its workers. A message is deleted only after its event is recorded and its command is stored:
    what a killed process had received is received again, and changes nothing that is done already.
    """

    def __init__(
        self,
        ledger: Ledger,
        queue: FleetQueue,
        *,
        prefix: str,
        hooks: Mapping[str, float],
        on_drain: Callable[[InstanceDrain, Sequence[str]], None] = lambda _drain, _workers: None,
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._prefix = prefix
        self._hooks = hooks
        self._on_drain = on_drain
        self._unrecorded: list[Message] = []

    def step(self, wait_s: float) -> int:
        """Receive events, wait up to `wait_s` for the first, and record them; returns how many were new.

        Messages that the ledger could not record are kept for the next step: received again and again during
        a long outage, they would reach the maximum of receives and move to the dead-letter queue.
        Raises `LedgerError`, `QueueError` and `AccessError`.
        """
        if not self._unrecorded:
            self._unrecorded = self._park_unreadable(self._queue.receive(wait_s))
        new = self._record(self._unrecorded) if self._unrecorded else 0
        self._unrecorded = []
        return new

    def _park_unreadable(self, messages: Sequence[Message]) -> list[Message]:
        readable = []
        for message in messages:
            found = parse_event(message.body)
            if isinstance(found, Malformed):
                self._queue.park(message, found.reason)
            else:
                readable.append(message)
        return readable

    def _record(self, messages: Sequence[Message]) -> int:
        """Record all messages at once; if the ledger refuses them, each alone, and park those that fail."""
        try:
            notices = [notice for message in messages for notice in _notices(message)]
            # First, because a machine of these may end in two minutes.
            self._drain(notices)
            events = [fleet_event(each, prefix=self._prefix, pools=self._hooks) for each in notices]
            new = self._ledger.fleet.store([event for event in events if event is not None], fold=fold)
        except TransientError:
            raise
        except Exception as error:  # noqa: BLE001 - an event must not end one coordinator after the other
            if len(messages) > 1:
                return sum(self._record([message]) for message in messages)
            self._queue.park(messages[0], str(error))
            return 0
        self._queue.acknowledge(messages)
        return new

    def _drain(self, notices: Sequence[Notice]) -> None:
        now = self._ledger.now()
        for notice in notices:
            drain = instance_drain(notice, now=now, prefix=self._prefix, hooks=self._hooks)
            if drain is not None:
                workers = self._ledger.drain_instance(drain.instance, drain.deadline, drain.reason)
                if workers:
                    self._on_drain(drain, workers)


def _notices(message: Message) -> Sequence[Notice]:
    """The notices in a message; none for an event of another kind."""
    found = parse_event(message.body)
    return found.notices if isinstance(found, Parsed) else ()

"""What a worker has in hand: kept hidden from all others for as long as it has it.

A thread of the broker's own calls `extend` again and again, however busy the handlers are.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Collection, Iterable, Sequence

from eddyline.aws.sqs.client import SqsClient
from eddyline.aws.sqs.held_message import HeldMessage, Key
from eddyline.core.errors import EddylineError

LONGEST_S = 11.5 * 3600
"""SQS hides a message for 12 h in all, and no longer."""


class InFlight:
    """Holdings by job and fence. Safe from any thread.

    `visibility_s`: for so long each is hidden anew. A job that lasts longer than `longest_s` lets its message
    go: nobody else can get it then, and if its worker vanishes the coordinators publish it anew.
    """

    def __init__(self, queues: SqsClient, *, visibility_s: float, longest_s: float = LONGEST_S) -> None:
        self._queues = queues
        self._visibility_s = visibility_s
        self._longest_s = longest_s
        self._lock = threading.Lock()
        self._held: dict[Key, HeldMessage] = {}

    def take(self, holdings: Sequence[HeldMessage], now: float) -> list[HeldMessage]:
        """Have these in hand from `now` (s since 1970) on; those that were not there already.

        A job may have been sent twice. One copy is enough, and the other one goes.
        """
        fresh: list[HeldMessage] = []
        copies: list[HeldMessage] = []
        with self._lock:
            for holding in holdings:
                known = self._held.get(holding.key)
                if known is None:
                    holding.claimed_at = now
                    self._held[holding.key] = holding
                    fresh.append(holding)
                elif known.is_ours and known.message.id != holding.message.id:
                    copies.append(holding)
        self.delete(copies)
        return fresh

    def find(self, key: Key) -> HeldMessage | None:
        """What is in hand under that name."""
        with self._lock:
            return self._held.get(key)

    def fences(self) -> dict[str, int]:
        """The jobs that surely nobody else has been given, with their fences."""
        with self._lock:
            return dict(sorted(holding.key for holding in self._held.values() if holding.is_ours))

    def drop(self, keys: Iterable[Key]) -> list[HeldMessage]:
        """Have these in hand no more; those that were."""
        with self._lock:
            return [found for key in keys if (found := self._held.pop(key, None)) is not None]

    def clear(self) -> list[HeldMessage]:
        """Have nothing in hand any more; what was."""
        with self._lock:
            keys = list(self._held)
        return self.drop(keys)

    def delete(self, holdings: Collection[HeldMessage]) -> None:
        """Let the messages go. Not done, it only means that somebody does a job to no avail."""
        with contextlib.suppress(EddylineError):
            self._queues.delete([holding.message for holding in holdings if not holding.loose])

    def extend(self, waiting: Sequence[HeldMessage]) -> bool:
        """Hide all in hand, and what waits to be, anew; whether something in hand was lost meanwhile.

        What was lost is in hand no more. Raises `QueueError`.
        """
        with self._lock:
            mine = list(self._held.values())
        self._let_go([each for each in mine if each.is_ours and not each.loose])
        kept = {each.message.handle: each for each in (*mine, *waiting) if each.is_ours and not each.loose}
        # Before it is asked: the queue hides them at least until then.
        until = time.monotonic() + self._visibility_s
        hidden = self._queues.hide([each.message for each in kept.values()], self._visibility_s)
        for message in hidden.late:
            kept.pop(message.handle).lost = True
        for message in hidden.untold:
            kept.pop(message.handle)  # hidden for as long as before; asked again in time
        for holding in kept.values():
            holding.hidden_until = until
        # Nobody asks for them again: the worker stops their handlers and gives no answer.
        return bool(self.drop(each.key for each in mine if not each.is_ours))

    def _let_go(self, holdings: Sequence[HeldMessage]) -> None:
        old = time.monotonic() - self._longest_s
        outlived = [each for each in holdings if each.received <= old]
        self._queues.delete([each.message for each in outlived])
        for each in outlived:
            each.loose = True

"""An in-memory message source: messages are hidden when received, and return unless they are settled."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from eddyline.core.errors import TransientError
from eddyline.ingest.messages import Message


@dataclass
class MemorySource:
    """A message source; `unavailable` makes every call fail. Delays are recorded, but end immediately."""

    waiting: deque[Message] = field(default_factory=deque)
    hidden: OrderedDict[str, Message] = field(default_factory=OrderedDict)
    parked: dict[str, str] = field(default_factory=dict)
    delays: list[tuple[float, bool]] = field(default_factory=list)
    unavailable: bool = False
    max_receive_count: int = 8
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, *bodies: str, receive_count: int = 0) -> None:
        with self._lock:
            for body in bodies:
                self.waiting.append(
                    Message(id=f"m{next(self._numbers)}", body=body, receive_count=receive_count)
                )

    def lose_receivers(self) -> None:
        """Makes hidden messages visible again, as if their receivers had died."""
        with self._lock:
            self.waiting.extend(self.hidden.values())
            self.hidden.clear()

    @property
    def empty(self) -> bool:
        with self._lock:
            return not self.waiting and not self.hidden

    def receive(self, wait_s: float) -> Sequence[Message]:  # noqa: ARG002 - it never waits
        self._check_available()
        with self._lock:
            taken = [self.waiting.popleft() for _ in range(min(10, len(self.waiting)))]
            again = [Message(id=m.id, body=m.body, receive_count=m.receive_count + 1) for m in taken]
            self.hidden.update((m.id, m) for m in again)
        return again

    def acknowledge(self, message: Message) -> None:
        self._check_available()
        with self._lock:
            del self.hidden[message.id]

    def postpone(self, message: Message, delay_s: float, *, counts_as_attempt: bool) -> None:
        self._check_available()
        with self._lock:
            del self.hidden[message.id]
            self.delays.append((delay_s, counts_as_attempt))
            receive_count = message.receive_count if counts_as_attempt else message.receive_count - 1
            self.waiting.append(Message(id=message.id, body=message.body, receive_count=receive_count))

    def park(self, message: Message, reason: str) -> None:
        self._check_available()
        with self._lock:
            del self.hidden[message.id]
            self.parked[message.body] = reason

    def _check_available(self) -> None:
        if self.unavailable:
            raise TransientError("the queue is unavailable")

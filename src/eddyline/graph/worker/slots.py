"""The threads that run jobs: a short queue in front of them, finished work behind."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eddyline.graph.job import Claim, Outcome
from eddyline.graph.worker.handler import JobContext


@dataclass(kw_only=True, eq=False)
class RunningJob:
    """A claimed job in a worker's hands; `started` and `ended` are monotonic seconds."""

    claim: Claim
    context: JobContext
    started: float | None = None
    ended: float | None = None
    outcome: Outcome | None = None
    given_up: bool = field(default=False)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start, or between start and end."""
        if self.started is None:
            return 0.0
        return (time.monotonic() if self.ended is None else self.ended) - self.started


class Slots:
    """`count` threads that run hands in the order in which they are put.

    `work` runs one hand and sets its outcome; `finished` is called, in the slot's thread, when it has.
    """

    def __init__(
        self, count: int, *, name: str, work: Callable[[RunningJob], Outcome], finished: Callable[[], None]
    ) -> None:
        self._work = work
        self._finished = finished
        self._changed = threading.Condition()
        self._queue: deque[RunningJob] = deque()
        self._done: list[RunningJob] = []
        self._closed = False
        for number in range(count):
            # Daemons: a handler that will not stop must not keep the process from ending.
            threading.Thread(target=self._run, name=f"{name}-slot-{number}", daemon=True).start()

    @property
    def queued(self) -> int:
        """How many hands no slot has taken yet."""
        return len(self._queue)

    @property
    def has_finished(self) -> bool:
        """Whether `collect` would return something."""
        return bool(self._done)

    def put(self, hands: Sequence[RunningJob]) -> None:
        """Queue hands for the next free slots."""
        with self._changed:
            self._queue.extend(hands)
            self._changed.notify(len(hands))

    def withdraw(self) -> list[RunningJob]:
        """Take back all that no slot has taken yet."""
        with self._changed:
            hands = list(self._queue)
            self._queue.clear()
        return hands

    def collect(self) -> list[RunningJob]:
        """What has ended since the last call."""
        with self._changed:
            hands, self._done = self._done, []
        return hands

    def close(self) -> None:
        """Let the threads end after what they run now."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while (hand := self._take()) is not None:
            hand.outcome = self._work(hand)
            hand.ended = time.monotonic()
            with self._changed:
                self._done.append(hand)
            self._finished()

    def _take(self) -> RunningJob | None:
        with self._changed:
            while not self._queue and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            hand = self._queue.popleft()
            hand.started = time.monotonic()
            return hand

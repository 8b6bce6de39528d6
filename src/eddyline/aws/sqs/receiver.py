"""Fetching jobs: a long poll per queue, only while work is wanted, the more urgent queues first."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from eddyline.aws.client_errors import QueueError
from eddyline.aws.sqs.client import Message, SqsClient
from eddyline.aws.sqs.held_message import HeldMessage, hand_back, hold
from eddyline.core.background_loop import report
from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import EddylineError, TransientError
from eddyline.graph.coordinator.wire import WireError

_HEAD_START_S = 0.05  # how much earlier than the next rank a more urgent queue is asked
_BACKOFF = BackoffPolicy(base_s=0.1, cap_s=5.0)
_UNCLAIMED_S = 1.0  # a worker that wants jobs takes them at once: one that does not is about to stop


class Receiver:
    """Jobs received and not yet claimed. No more are fetched than were last asked for.

    `arrived` is called after some came, from one of the inbox's own threads.
    """

    def __init__(
        self, queues: SqsClient, *, visibility_s: float, wait_s: float, arrived: Callable[[], None]
    ) -> None:
        self._queues = queues
        self._visibility_s = visibility_s
        self._wait_s = wait_s
        self._arrived = arrived
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, HeldMessage]] = []
        self._wanted = 0
        self._closed = False
        self._worker = ""
        self._lanes: set[str] = set()
        self.failure: EddylineError | None = None

    def take(self, worker: str, pools: Sequence[str], limit: int) -> list[HeldMessage]:
        """Up to `limit` of what is here; the rest of `limit` is fetched from now on."""
        with self._changed:
            if self.failure is not None:
                raise self.failure
            self._worker = worker
            self._poll(pools)
            here = [pair for pair in self._waiting if pair[1].claim.job.pool in pools]
            here.sort(key=lambda pair: (pair[0], pair[1].received))
            taken = here[:limit]
            self._waiting = [pair for pair in self._waiting if pair not in taken]
            self._wanted = max(limit - len(taken) - len(self._waiting), 0)
            self._changed.notify_all()
        return [holding for _, holding in taken if holding.is_ours]

    def waiting(self) -> list[HeldMessage]:
        """What is here."""
        with self._changed:
            return [holding for _, holding in self._waiting]

    def pause(self) -> None:
        """Fetch nothing, and hand back what is here, until asked again."""
        with self._changed:
            self._wanted = 0
        self._return(self._drop(lambda _holding: True))

    def tidy(self) -> None:
        """Hand back what nobody claims."""
        old = time.monotonic() - _UNCLAIMED_S
        stale = self._drop(lambda holding: holding.received < old)
        if stale:
            with self._changed:
                self._wanted = 0
        self._return(stale)

    def close(self) -> None:
        """Hand back all, and end the threads with their next answer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.pause()

    def _drop(self, chosen: Callable[[HeldMessage], bool]) -> list[HeldMessage]:
        with self._changed:
            dropped = [holding for _, holding in self._waiting if chosen(holding)]
            self._waiting = [pair for pair in self._waiting if pair[1] not in dropped]
        return dropped

    def _return(self, holdings: list[HeldMessage]) -> None:
        if holdings:
            hand_back(self._queues, [holding for holding in holdings if holding.is_ours])

    # In the threads

    def _poll(self, pools: Sequence[str]) -> None:
        for lane, rank in self._queues.naming.lanes_of(pools):
            if lane not in self._lanes:
                self._lanes.add(lane)
                threading.Thread(
                    target=self._keep_polling, args=(lane, rank), name=f"poll-{lane}", daemon=True
                ).start()

    def _keep_polling(self, lane: str, rank: int) -> None:
        backoff = Backoff(_BACKOFF)
        while self._await_demand(rank):
            try:
                self._fetch(lane, rank)
                backoff.reset()
                continue
            except TransientError:
                pass
            except EddylineError as error:
                self.failure = error  # raised to the worker at its next claim
                self._arrived()
                return
            except Exception as error:  # noqa: BLE001 - without this thread the worker would starve silently
                report("job queue", error)
            backoff.pause()

    def _await_demand(self, rank: int) -> bool:
        """Wait until jobs are wanted that no more urgent queue had; False: it is over."""
        while True:
            with self._changed:
                while self._wanted <= 0 and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return False
            if not rank:
                return True
            time.sleep(rank * _HEAD_START_S)
            with self._changed:
                if self._wanted > 0 and not self._closed:
                    return True

    def _fetch(self, lane: str, rank: int) -> None:
        asked = time.monotonic()
        messages = self._queues.receive(
            lane, limit=max(self._wanted, 1), wait_s=self._wait_s, visibility_s=self._visibility_s
        )
        if not messages:
            return
        # Hidden from the moment of the answer, not of the question; but never believe to have longer.
        asked = max(asked, time.monotonic() - 1.0)
        holdings = list(self._read(messages, asked))
        with self._changed:
            kept = holdings[: self._wanted] if not self._closed else []
            self._waiting += [(rank, holding) for holding in kept]
            self._wanted -= len(kept)
        if kept:
            self._arrived()
        self._return(holdings[len(kept) :])

    def _read(self, messages: Sequence[Message], asked: float) -> Iterable[HeldMessage]:
        for message in messages:
            try:
                yield hold(message, visibility_s=self._visibility_s, asked=asked, worker=self._worker)
            except WireError as error:
                with contextlib.suppress(
                    QueueError
                ):  # then it comes again; the others need not wait for that
                    self._queues.park(message, str(error))

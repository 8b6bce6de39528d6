"""The receiver of jobs: one long poll for each queue, only while jobs are wanted, urgent queues first."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from eddyline.aws.client_errors import QueueError
from eddyline.aws.sqs.client import Message, SqsClient
from eddyline.aws.sqs.in_flight import HeldMessage, claim_message, hand_back
from eddyline.core.background_loop import report_error
from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.clock import Clock
from eddyline.core.errors import EddylineError, TransientError
from eddyline.graph.coordinator.wire import WireError
from eddyline.graph.job import is_accepted

_HEAD_START_S = 0.05  # how much earlier than the next rank a more urgent queue is polled
_BACKOFF = BackoffPolicy(base_s=0.1, cap_s=5.0)
_UNCLAIMED_S = 1.0  # a worker that wants jobs claims them at once; one that does not is about to stop
_MAX_RESPONSE_S = 1.0
# Each one that is handed back delays its job by the time of two requests, and may be received again at once.
_MOST_MISFITS = 5


class Receiver:
    """Received jobs that are not claimed yet. Never fetches more than the last `take` asked for.

    `on_arrival` is called from the receiver's threads after jobs arrive.
    """

    def __init__(
        self,
        queues: SqsClient,
        clock: Clock,
        *,
        visibility_s: float,
        wait_s: float,
        on_arrival: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queues = queues
        self._clock = clock
        self._visibility_s = visibility_s
        self._wait_s = wait_s
        self._on_arrival = on_arrival
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._unclaimed: list[tuple[int, HeldMessage]] = []
        self._wanted = 0
        self._most_weight: Mapping[str, float] | None = None
        self._misfits = 0
        self._closed = False
        self._worker = ""
        self._polled: set[str] = set()
        self._failure: EddylineError | None = None

    def take(
        self,
        worker: str,
        pools: Sequence[str],
        limit: int,
        *,
        most_weight: Mapping[str, float] | None = None,
    ) -> list[HeldMessage]:
        """Up to `limit` received jobs that `most_weight` accepts; the rest of `limit` is fetched from now on.

        Raises the error that ended the long poll of a queue.
        """
        with self._changed:
            if self._failure is not None:
                raise self._failure
            self._worker = worker
            self._start_polls(pools)
            self._most_weight = most_weight
            if most_weight is None:
                self._misfits = 0
            here = [
                pair
                for pair in self._unclaimed
                if pair[1].claim.job.pool in pools and self._is_accepted(pair[1])
            ]
            here.sort(key=lambda pair: (pair[0], pair[1].received_at))
            taken = here[:limit]
            self._unclaimed = [pair for pair in self._unclaimed if pair not in taken]
            self._wanted = max(limit - len(taken) - len(self._unclaimed), 0)
            if self._misfits >= _MOST_MISFITS:
                self._wanted = 0
            self._changed.notify_all()
        now = self._monotonic()
        return [held for _, held in taken if held.is_held(now)]

    def unclaimed(self) -> list[HeldMessage]:
        """The received jobs that are not claimed."""
        with self._changed:
            return [held for _, held in self._unclaimed]

    def pause(self) -> None:
        """Fetch nothing and hand back the unclaimed jobs, until the next `take`."""
        with self._changed:
            self._wanted = 0
        self._hand_back(self._remove(lambda _held: True))

    def hand_back_stale(self) -> None:
        """Hand back jobs that were not claimed within a second."""
        oldest = self._monotonic() - _UNCLAIMED_S
        stale = self._remove(lambda held: held.received_at < oldest)
        if stale:
            with self._changed:
                self._wanted = 0
        self._hand_back(stale)

    def close(self) -> None:
        """Hand back all jobs; the threads end with the next response of SQS."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.pause()

    def _remove(self, condition: Callable[[HeldMessage], bool]) -> list[HeldMessage]:
        with self._changed:
            removed = [held for _, held in self._unclaimed if condition(held)]
            self._unclaimed = [pair for pair in self._unclaimed if pair[1] not in removed]
        return removed

    def _hand_back(self, held: Sequence[HeldMessage]) -> None:
        if held:
            now = self._monotonic()
            hand_back(self._queues, [each for each in held if each.is_held(now)])

    # In the threads

    def _start_polls(self, pools: Sequence[str]) -> None:
        for queue, rank in self._queues.naming.job_queues_of(pools):
            if queue not in self._polled:
                self._polled.add(queue)
                threading.Thread(
                    target=self._poll, args=(queue, rank), name=f"poll-{queue}", daemon=True
                ).start()

    def _poll(self, queue: str, rank: int) -> None:
        backoff = Backoff(_BACKOFF, wait=self._clock.sleep, clock=self._monotonic)
        while self._await_demand(rank):
            try:
                self._fetch(queue, rank)
                backoff.reset()
                continue
            except TransientError:
                pass
            except EddylineError as error:
                self._failure = error  # raised to the worker at its next claim
                self._on_arrival()
                return
            except Exception as error:  # noqa: BLE001 - without this thread the worker would starve silently
                report_error("job queue", error)
            backoff.pause()

    def _await_demand(self, rank: int) -> bool:
        """Wait until jobs are wanted that no more urgent queue has delivered; False once closed."""
        while True:
            with self._changed:
                while self._wanted <= 0 and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return False
            if not rank:
                return True
            self._clock.sleep(rank * _HEAD_START_S)
            with self._changed:
                if self._wanted > 0 and not self._closed:
                    return True

    def _fetch(self, queue: str, rank: int) -> None:
        requested_at = self._monotonic()
        messages = self._queues.receive(
            queue, limit=max(self._wanted, 1), wait_s=self._wait_s, visibility_s=self._visibility_s
        )
        if not messages:
            return
        # The visibility timeout starts with the response, not the request; allow for a slow response.
        received_at = self._monotonic()
        held = list(self._claim(messages, max(requested_at, received_at - _MAX_RESPONSE_S), received_at))
        with self._changed:
            accepted = [each for each in held if self._is_accepted(each)]
            self._misfits += len(held) - len(accepted)
            if self._misfits >= _MOST_MISFITS:
                self._wanted = 0
            kept = accepted[: self._wanted] if not self._closed else []
            self._unclaimed += [(rank, each) for each in kept]
            self._wanted -= len(kept)
        if kept:
            self._on_arrival()
        self._hand_back([each for each in held if each not in kept])

    def _is_accepted(self, held: HeldMessage) -> bool:
        job = held.claim.job
        return is_accepted(job.kind, job.weight, self._most_weight)

    def _claim(
        self, messages: Sequence[Message], requested_at: float, received_at: float
    ) -> Iterable[HeldMessage]:
        for message in messages:
            try:
                yield claim_message(
                    message,
                    visibility_s=self._visibility_s,
                    requested_at=requested_at,
                    received_at=received_at,
                    worker=self._worker,
                )
            except WireError as error:
                # A message that cannot be parked is received again, and does not delay the others.
                with contextlib.suppress(QueueError):
                    self._queues.park(message, str(error))

"""The worker loop: one coordinator that claims, settles and keeps the lease; slots that run handlers."""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from eddyline.core.clock import Clock, SystemClock
from eddyline.core.errors import EddylineError
from eddyline.core.stop import Stop
from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import Claim, Interrupted, Outcome, Settlement, Unstarted
from eddyline.graph.silence_guard import SilenceGuard
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.claim_ahead import Pace
from eddyline.graph.worker.event_emitter import EventEmitter
from eddyline.graph.worker.handler import Handler, JobContext, run_handler
from eddyline.graph.worker.slots import RunningJob, Slots

_POLL_S = 0.2  # how soon work of another process is seen; work of this one is seen at once
_CHECK_HELD_S = 1.0  # how soon a cancellation by another process is seen
_STALE_S = 0.1  # how long short jobs may wait in the queue before they are handed back
_GRACE_S = 1.2  # how long a shutdown waits for handlers


class Worker:
    """Runs jobs of some classes until told to stop, or until `until` says so while nothing is in hand.

    `on_event` is called from several threads, but never by two at once. `until` is asked when idle.
    """

    def __init__(
        self,
        name: str,
        broker: Broker,
        handlers: Mapping[str, Handler],
        *,
        slots: int,
        pools: Sequence[str],
        stop: Stop,
        clock: Clock | None = None,
        lease_s: float = 30.0,
        on_event: Callable[[WorkerEvent], None] | None = None,
        until: Callable[[], bool] | None = None,
    ) -> None:
        self.name = name
        self._broker = broker
        self._handlers = handlers
        self._slots_count = slots
        self._classes = tuple(pools)
        self._stop = stop
        self._clock = clock or SystemClock()
        self._lease_s = lease_s
        self._until = until or (lambda: False)
        self._pace = Pace(slots)
        self._hands: dict[tuple[str, int], RunningJob] = {}
        self._signal = threading.Event()
        self._coordinator = 0
        self._outside_change = False
        self._telling = EventEmitter(name, broker, self._clock, on_event, self._signal.set)
        # After an outage of the ledger longer than the leases, others must have had time to beat.
        self._vigil = SilenceGuard(break_s=lease_s * 2 / 3, settle_s=lease_s / 2, settled=True)
        self._over = threading.Event()
        self._next_beat = 0.0
        self._next_check = 0.0
        self._dry = False

    def run(self) -> None:
        """Work; returns within about 1.5 s of a stop, with everything handed back.

        Raises what the broker or `on_event` raised, after handing back what it can.
        """
        self._coordinator = threading.get_ident()
        self._broker.register(self.name, platform.node(), os.getpid(), self._lease_s)
        self._vigil.heard()
        self._next_beat = time.monotonic() + self._lease_s / 3
        self._slots = Slots(self._slots_count, name=self.name, work=self._perform, finished=self._signal.set)
        threading.Thread(target=self._watch_stop, name=f"{self.name}-stop", daemon=True).start()
        unsubscribe = self._broker.subscribe(self._on_change)
        try:
            self._loop()
        finally:
            unsubscribe()
            self._over.set()
            self._hand_back()
            self._slots.close()
            with contextlib.suppress(EddylineError):  # then its lease runs out
                self._broker.deregister(self.name)
        if self._telling.failure is not None:
            raise self._telling.failure

    # The coordinator

    def _loop(self) -> None:
        while not self._stopping:
            self._signal.clear()
            self._settle(self._slots.collect())
            self._keep_lease()
            self._claim()
            if not self._hands and self._dry and self._until():
                return
            if not self._slots.has_finished and not self._stopping:
                self._wait()

    @property
    def _stopping(self) -> bool:
        return self._stop.requested or self._telling.failure is not None

    def _wait(self) -> None:
        now = time.monotonic()
        pause = self._next_beat - now
        if self._hands:
            pause = min(pause, self._next_check - now)
        if self._slots.queued:
            pause = min(pause, _STALE_S)
        if len(self._hands) < self._slots_count:
            pause = min(pause, self._until_due())
        if not self._signal.wait(max(pause, 0.0)) and self._slots.queued and pause >= _STALE_S:
            self._pace.stumble()
            self._return_unstarted(self._slots.withdraw())

    def _until_due(self) -> float:
        """Seconds until something is worth a claim; a due job, or a lost worker, ends the dry spell."""
        remaining = self._broker.seconds_until_due(self._classes)
        if remaining is None:
            return _POLL_S
        if remaining > 0:
            return min(remaining, _POLL_S)
        self._beat()
        self._dry = False
        # A lost worker's lease stays past until it may be taken for lost.
        return 0.0 if self._vigil.may_judge else _POLL_S

    def _claim(self) -> None:
        free = self._slots_count - len(self._hands)
        room = free + self._pace.ahead
        if self._outside_change:
            self._outside_change = False
            self._dry = False
            self._check_held(self._broker.held_jobs(self.name))
        # Half a queue is still enough to keep the slots busy while the ledger answers.
        if self._dry or room <= 0 or (free <= 0 and self._slots.queued * 2 > self._pace.ahead):
            return
        claims = self._broker.claim(self.name, pools=self._classes, limit=room, lease_s=self._lease_s)
        self._dry = len(claims) < room
        self._take(claims, max(free, 0))

    def _take(self, claims: Sequence[Claim], free: int) -> None:
        hands = [self._hand(claim) for claim in claims]
        keep = hands[:free] + [hand for hand in hands[free:] if self._pace.is_short(hand.claim.job.kind)]
        for hand in keep:
            self._hands[_key(hand)] = hand
        self._slots.put(keep)
        excess = [hand for hand in hands[free:] if not self._pace.is_short(hand.claim.job.kind)]
        if excess:
            self._pace.refuse({hand.claim.job.kind for hand in excess})
            self._return_unstarted(excess)

    def _hand(self, claim: Claim) -> RunningJob:
        if not self._telling.is_heard:
            return RunningJob(claim=claim, context=JobContext(attempt=claim.job.attempt))

        def tell(fraction: float, note: str) -> None:
            self._telling.tell(hand, WorkerEventKind.PROGRESS, fraction=fraction, note=note)

        hand = RunningJob(claim=claim, context=JobContext(attempt=claim.job.attempt, tell=tell))
        return hand

    def _settle(self, hands: Sequence[RunningJob]) -> None:
        mine = [hand for hand in hands if self._hands.pop(_key(hand), None) is not None]
        answers = [hand for hand in mine if not hand.given_up]
        for hand in mine:
            if hand.given_up:
                self._telling.tell(hand, WorkerEventKind.INTERRUPTED, note=hand.context.stop.reason)
        if not answers:
            return
        accepted = self._broker.settle([_settlement(hand, hand.outcome) for hand in answers])
        self._dry = False
        self._pace.learn((hand.claim.job.kind, hand.elapsed_s) for hand in answers)
        if self._telling.is_heard:
            for hand, current in zip(answers, accepted, strict=True):
                self._telling.outcome(hand, current=current)

    def _return_unstarted(self, hands: Sequence[RunningJob]) -> None:
        for hand in hands:
            self._hands.pop(_key(hand), None)
        self._broker.settle([_settlement(hand, Unstarted()) for hand in hands])
        self._dry = False

    def _keep_lease(self) -> None:
        now = time.monotonic()
        if now >= self._next_beat:
            self._beat()
        elif self._hands and now >= self._next_check:
            self._next_check = now + _CHECK_HELD_S
            self._check_held(self._broker.held_jobs(self.name))

    def _beat(self) -> None:
        """Keep the lease, see what is still ours, then sweep after others.

        In this order: after a suspended machine wakes up, its own lease must not fall to its own sweep.
        """
        now = time.monotonic()
        self._next_beat = now + self._lease_s / 3
        self._next_check = now + _CHECK_HELD_S
        self._check_held(self._broker.heartbeat(self.name, self._lease_s))
        self._vigil.heard()
        if self._vigil.may_judge:
            self._broker.expire_leases()

    def _check_held(self, held: Mapping[str, int]) -> None:
        for (job_id, fence), hand in self._hands.items():
            if held.get(job_id) != fence and not hand.given_up:
                hand.given_up = True
                hand.context.stop.request("cancelled, or given up for lost")

    # Shutting down

    def _hand_back(self) -> None:
        """Stop all that runs, wait a little, settle what ended and give back the rest."""
        for hand in self._slots.withdraw():
            hand.outcome = Unstarted()
        running = [hand for hand in self._hands.values() if hand.outcome is None]
        for hand in running:
            hand.context.stop.request(self._stop.reason or "the worker ends")
        give_up = time.monotonic() + _GRACE_S
        while any(hand.ended is None for hand in running) and time.monotonic() < give_up:
            self._signal.wait(0.05)
            self._signal.clear()
        ended = self._slots.collect()
        rest = [hand for hand in self._hands.values() if hand not in ended]
        for hand in rest:
            # Its thread may still run; whatever it answers later is nobody's any more.
            hand.outcome = hand.outcome or Interrupted()
        self._settle([*ended, *rest])

    def _watch_stop(self) -> None:
        while not self._over.is_set():
            if self._stop.wait(1.0):
                self._signal.set()
                return

    def _on_change(self) -> None:
        if threading.get_ident() != self._coordinator:
            self._outside_change = True
            self._signal.set()

    # In the slots

    def _perform(self, hand: RunningJob) -> Outcome:
        self._telling.tell(hand, WorkerEventKind.STARTED)
        return run_handler(self._handlers.get(hand.claim.job.kind), hand.claim.job, hand.context)


def _key(hand: RunningJob) -> tuple[str, int]:
    return hand.claim.job.id, hand.claim.fence


def _settlement(hand: RunningJob, outcome: Outcome | None) -> Settlement:
    return Settlement(job_id=hand.claim.job.id, fence=hand.claim.fence, outcome=outcome or Interrupted())

"""The coordinator: between a ledger and workers that cannot see it.

Loops side by side: answers in, publications out, orders to workers, a sweep after what was lost, and old jobs
into the archive. Any number of coordinators may run: what one takes the others leave, and what a killed one
had begun is done again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import EddylineError, TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.graph.coordinator.notes import CoordinatorEvent
from eddyline.graph.coordinator.publisher import Publisher
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.orphan_detection import OrphanDetection
from eddyline.graph.ledger.reconcile import ReconcileLimits
from eddyline.graph.ledger.spawned_jobs import ANY_OF_ITS_ASSET, SpawnRules
from eddyline.graph.messages import Delivery, Publication, Transport
from eddyline.graph.silence_guard import SilenceGuard

_BATCH = 200  # orders taken at once
_POLL_S = 0.2  # how soon what another process made ready is published
_COLLECT_WAIT_S = 1.0
_PAUSE_S = 0.2
_BACKOFF = BackoffPolicy(base_s=0.2, cap_s=10.0)
_MAILBOX_PAUSE_S = 1.0  # until a worker without a mailbox is looked for again
_ARCHIVE_PAUSE_S = 0.05  # between two steps, so that nobody waits for housekeeping


def _unheard(_note: CoordinatorEvent) -> None:
    """Nobody listens."""


def _as_they_are(offers: Sequence[Publication]) -> Sequence[Publication]:
    """Nothing is added to what is published."""
    return offers


class Coordinator:
    """Applies answers, publishes what became ready, carries orders, and sweeps, until told to stop.

    `pools` are those it publishes. `lease_s` is how long a worker that said something counts as alive,
    `hold_s` how long what one coordinator took to publish or to carry is left to it. `prepare` is given what
    is about to be published and returns the same, in the same order, perhaps with more in their specs; it may
    raise `TransientError`. `spawn` bounds what jobs may add. Assets that ended `archive_after_s` ago go to
    the archive (None: never). `on_note` may be called from several threads at once.
    """

    def __init__(
        self,
        ledger: Ledger,
        transport: Transport,
        *,
        pools: Collection[str],
        stop: Stop,
        lease_s: float = 90.0,
        sweep_every_s: float = 10.0,
        hold_s: float = 20.0,
        bounds: ReconcileLimits | None = None,
        prepare: Callable[[Sequence[Publication]], Sequence[Publication]] = _as_they_are,
        archive_after_s: float | None = None,
        archive_every_s: float = 3600.0,
        tidy_every_s: float = 600.0,
        on_note: Callable[[CoordinatorEvent], None] = _unheard,
        spawn: SpawnRules = ANY_OF_ITS_ASSET,
    ) -> None:
        self._ledger = ledger
        self._transport = transport
        self._stop = stop
        self._lease_s = lease_s
        self._sweep_every_s = sweep_every_s
        self._hold_s = hold_s
        self._bounds = bounds or ReconcileLimits()
        self._orphans = OrphanDetection(after_s=self._bounds.stale_s)
        self._silence_guard = SilenceGuard(gap_s=lease_s / 2, settle_s=lease_s / 2)
        self._publisher = Publisher(
            ledger, transport, pools=pools, hold_s=hold_s, prepare=prepare, note=on_note
        )
        self._archive_after_s = archive_after_s
        self._archive_every_s = archive_every_s
        self._tidy_every_s = tidy_every_s
        self._note = on_note
        self._spawn = spawn
        self._ready = threading.Event()
        self._ordered = threading.Event()
        self._failure: BaseException | None = None
        self._unrecorded: list[Delivery] = []
        self._gone: list[str] = []

    def run(self) -> None:
        """Work until the stop is raised; returns within about two seconds of that.

        Where the ledger is away, a step under way ends its patience first: up to a minute.
        What may pass by itself (network, database, queue) is waited out; raises what may not.
        """
        loops = (self._collect, self._publish, self._carry, self._sweep, self._archive, self._tidy)
        unsubscribe = self._ledger.subscribe(self._wake)
        threads = [
            threading.Thread(target=self._keep, args=(loop,), name=f"coordinator{loop.__name__}", daemon=True)
            for loop in loops
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            unsubscribe()
        if self._failure is not None:
            raise self._failure

    def _wake(self) -> None:
        self._ready.set()
        self._ordered.set()

    def _keep(self, step: Callable[[], None]) -> None:
        """Repeat a step, with backoff after transient failures."""
        backoff = Backoff(_BACKOFF, wait=self._stop.wait)
        while not self._stop.requested:
            try:
                step()
                backoff.reset()
            except TransientError as error:
                self._note(CoordinatorEvent(what="waiting", count=1, reason=str(error)))
                backoff.pause()
            except BaseException as error:  # noqa: BLE001 - raised by run(), in the thread that can handle it
                self._failure = self._failure or error
                self._stop.request(f"the coordinator failed: {error}")
        self._wake()

    # Answers in

    def _collect(self) -> None:
        # What the ledger could not take just now stays in hand: fetched again and again, its count of
        # receipts would bring it to the dead-letter queue during a long outage.
        self._unrecorded = self._unrecorded or self._transport.receive_reports(_COLLECT_WAIT_S)
        waited = max((delivery.delay_s for delivery in self._unrecorded), default=0.0)
        if self._unrecorded:
            self._record(self._unrecorded)
            self._unrecorded = []
        self._silence_guard.listened(waited)

    def _record(self, deliveries: Sequence[Delivery]) -> None:
        """Apply all at once; if that is refused, one by one, and park those that are refused alone."""
        facts = [fact for delivery in deliveries for fact in delivery.reports]
        try:
            applied = self._ledger.apply_reports(facts, lease_s=self._lease_s, spawn=self._spawn)
        except TransientError:
            raise
        except Exception as error:  # noqa: BLE001 - no report may bring the coordinators down, one after the other
            if len(deliveries) > 1:
                for delivery in deliveries:
                    self._record([delivery])
                return
            self._transport.park(deliveries[0], str(error))
            self._note(CoordinatorEvent(what="parked", count=1, reason=str(error)))
            return
        self._orphans.add(applied.heartbeats, now=self._ledger.now())
        self._transport.acknowledge(deliveries)
        self._note(CoordinatorEvent(what="counted", count=applied.counted))
        if applied.forged:
            self._note(
                CoordinatorEvent(
                    what="forged", count=applied.forged, reason="reports without their job's token"
                )
            )
        if applied.ignored:
            self._note(
                CoordinatorEvent(
                    what="ignored",
                    count=applied.ignored,
                    reason="late, said before, or without the right token",
                )
            )

    # Publications out

    def _publish(self) -> None:
        self._ready.clear()
        if not self._publisher.publish():
            self._ready.wait(_POLL_S)

    # Orders out: apart from publications, so that no backlog and no full queue holds a cancellation up

    def _carry(self) -> None:
        self._ordered.clear()
        orders = self._ledger.take_commands(limit=_BATCH, hold_s=self._hold_s)
        if not orders:
            self._ordered.wait(_POLL_S)
            return
        try:
            delivered = self._transport.send_commands(orders)
        except EddylineError:
            self._ledger.defer_commands(orders, _PAUSE_S)
            raise
        there = [order for order, yes in zip(orders, delivered, strict=True) if yes]
        self._ledger.confirm_commands(there)
        self._ledger.defer_commands(
            [order for order, yes in zip(orders, delivered, strict=True) if not yes], _MAILBOX_PAUSE_S
        )
        if there:
            self._note(CoordinatorEvent(what="ordered", count=len(there)))

    # Sweeps

    def _sweep(self) -> None:
        if self._silence_guard.is_silence_significant:
            self._judge()
        else:
            # Answers may lie there of whoever is silent, and of all that seems to be lost.
            self._tell_swept(
                noted=self._ledger.publications.reconcile(
                    None, self._transport.job_queue, self._bounds
                ).enqueued
            )
        for pool, count in self._ledger.publications.unpublishable_counts(self._transport.job_queue).items():
            self._note(
                CoordinatorEvent(what="no queue", count=count, reason=f"jobs of pool {pool} wait for a queue")
            )
        self._stop.wait(self._sweep_every_s)

    def _judge(self) -> None:
        """Give up workers that were silent for too long, and publish again what was lost."""
        lost = self._ledger.expire_leases()
        self._gone += lost.workers
        if self._gone:
            self._transport.delete_command_queues(self._gone)
            self._gone = []
        depths = self._transport.queue_depths()
        swept = self._ledger.publications.reconcile(depths, self._transport.job_queue, self._bounds)
        self._publisher.lacking = swept.missing
        disowned = self._orphans.find_orphaned(
            self._ledger.publications.long_running(depths, self._transport.job_queue, self._bounds)
        )
        again = swept.republished + self._ledger.publications.republish_orphaned(disowned)
        self._tell_swept(expired=len(lost.jobs), noted=swept.enqueued, republished=again)

    def _tell_swept(self, **counts: int) -> None:
        for what, count in counts.items():
            if count:
                self._note(CoordinatorEvent(what=what, count=count))

    # Housekeeping

    def _archive(self) -> None:
        if self._archive_after_s is not None:
            moved = self._ledger.archive(
                older_than_s=self._archive_after_s, pause_s=_ARCHIVE_PAUSE_S, stop=self._stop
            )
            if moved:
                self._note(CoordinatorEvent(what="archived", count=moved))
        self._stop.wait(self._archive_every_s)

    def _tidy(self) -> None:
        """Whoever is killed at the wrong moment leaves a mailbox that belongs to nobody."""
        if self._silence_guard.is_silence_significant:
            try:
                removed = self._transport.delete_stale_command_queues(
                    [worker.name for worker in self._ledger.workers()]
                )
            except UsageError as error:  # all else goes on without it
                self._note(CoordinatorEvent(what="untidy", count=1, reason=str(error)))
            else:
                if removed:
                    self._note(CoordinatorEvent(what="tidied", count=removed, reason="mailboxes of nobody"))
        self._stop.wait(self._tidy_every_s)

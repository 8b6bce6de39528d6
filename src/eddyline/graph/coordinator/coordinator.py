"""The coordinator connects a ledger with workers that have no access to it.

It runs several loops: it records reports, publishes jobs, delivers commands, reconciles the ledger with the
queues, archives old jobs and removes stale command queues. Any number of coordinators may run: each takes
different items, and what a killed one had started is done again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence

from eddyline.core.backoff import Backoff, BackoffPolicy
from eddyline.core.errors import EddylineError, TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.graph.coordinator.publisher import Publisher
from eddyline.graph.events import CoordinatorEvent, CoordinatorEventKind
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.outbox.orphan_detection import OrphanDetection
from eddyline.graph.ledger.outbox.reconcile import ReconcileLimits
from eddyline.graph.ledger.spawned_jobs import ANY_OF_ITS_ASSET, SpawnRules
from eddyline.graph.messages import Delivery, Publication, Transport
from eddyline.graph.silence_guard import SilenceGuard

_BATCH = 200  # commands taken at once
_POLL_S = 0.2  # for jobs and commands of other processes
_RECEIVE_WAIT_S = 1.0
_PAUSE_S = 0.2
_BACKOFF = BackoffPolicy(base_s=0.2, cap_s=10.0)
_NO_QUEUE_PAUSE_S = 1.0  # until delivery to a worker without a command queue is retried
_ARCHIVE_PAUSE_S = 0.05  # between two batches, so that other transactions do not wait


PROMPT_LOOPS = ("receive_reports", "publish", "deliver_commands", "reconcile")
"""The loops that start a step at least every few seconds while their steps succeed."""


class Coordinator:
    """Runs the loops until `stop` is requested.

    `pools` are the pools whose jobs it publishes. `lease_s` is the lease of a worker after each report;
    `hold_s` is how long items that one coordinator took are left to it. `prepare` receives the publications
    before they are sent and returns them, in the same order, possibly with more in their specs; it may raise
    `TransientError`. `spawn` limits the jobs that jobs may add. Assets are archived `archive_after_s` seconds
    after their end (None: never). `on_event` and `on_round` may be called from several threads at once;
    `on_round` gets the name of a loop that starts a step. `monotonic` measures intervals.
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
        prepare: Callable[[Sequence[Publication]], Sequence[Publication]] = lambda publications: publications,
        archive_after_s: float | None = None,
        archive_every_s: float = 3600.0,
        remove_queues_every_s: float = 600.0,
        on_event: Callable[[CoordinatorEvent], None] = lambda _event: None,
        on_round: Callable[[str], None] = lambda _loop: None,
        spawn: SpawnRules = ANY_OF_ITS_ASSET,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._transport = transport
        self._stop = stop
        self._lease_s = lease_s
        self._sweep_every_s = sweep_every_s
        self._hold_s = hold_s
        self._bounds = bounds or ReconcileLimits()
        self._orphans = OrphanDetection(self._bounds.stale_s, monotonic)
        self._silence = SilenceGuard(gap_s=lease_s / 2, settle_s=lease_s / 2, clock=monotonic)
        self._publisher = Publisher(
            ledger,
            transport,
            pools=pools,
            hold_s=hold_s,
            prepare=prepare,
            on_event=on_event,
            monotonic=monotonic,
        )
        self._archive_after_s = archive_after_s
        self._archive_every_s = archive_every_s
        self._remove_queues_every_s = remove_queues_every_s
        self._on_event = on_event
        self._on_round = on_round
        self._spawn = spawn
        self._jobs_changed = threading.Event()
        self._commands_changed = threading.Event()
        self._failure: BaseException | None = None
        self._unapplied: list[Delivery] = []
        self._lost_workers: list[str] = []

    def run(self) -> None:
        """Run until `stop` is requested; returns within about two seconds of that.

        While the ledger is unavailable, a step in progress first uses up its retries: up to a minute.
        Transient errors of the network, the database or a queue are retried; raises any other error.
        """
        loops = (
            self._receive_reports,
            self._publish,
            self._deliver_commands,
            self._reconcile,
            self._archive,
            self._remove_stale_queues,
        )
        unsubscribe = self._ledger.subscribe(self._wake)
        end_watch = self._ledger.watch_commits(self._wake)
        threads = [
            threading.Thread(
                target=self._repeat,
                args=(loop,),
                name=f"coordinator{loop.__name__}",
                daemon=True,
            )
            for loop in loops
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            end_watch()
            unsubscribe()
        if self._failure is not None:
            raise self._failure

    def _wake(self) -> None:
        self._jobs_changed.set()
        self._commands_changed.set()

    def _repeat(self, step: Callable[[], None]) -> None:
        """Repeat a step, with backoff after transient failures."""
        backoff = Backoff(_BACKOFF, wait=self._stop.wait)
        while not self._stop.requested:
            self._on_round(step.__name__.removeprefix("_"))
            try:
                step()
                backoff.reset()
            except TransientError as error:
                self._emit(CoordinatorEventKind.STEP_FAILED, 1, str(error))
                backoff.pause()
            except BaseException as error:  # noqa: BLE001 - raised by run(), in the thread that can handle it
                self._failure = self._failure or error
                self._stop.request(f"the coordinator failed: {error}")
        self._wake()

    def _emit(self, kind: CoordinatorEventKind, count: int, reason: str = "") -> None:
        self._on_event(CoordinatorEvent(kind=kind, count=count, reason=reason))

    def _receive_reports(self) -> None:
        # Reports that the ledger could not record are kept here: received again and again during a long
        # outage, they would reach the maximum of receives and move to the dead-letter queue.
        self._unapplied = self._unapplied or self._transport.receive_reports(_RECEIVE_WAIT_S)
        waited = max((delivery.delay_s for delivery in self._unapplied), default=0.0)
        if self._unapplied:
            self._apply(self._unapplied)
            self._unapplied = []
        self._silence.listened(waited)

    def _apply(self, deliveries: Sequence[Delivery]) -> None:
        """Record all reports at once; if that fails, each delivery separately, and park those that fail."""
        reports = [report for delivery in deliveries for report in delivery.reports]
        try:
            applied = self._ledger.apply_reports(reports, lease_s=self._lease_s, spawn=self._spawn)
        except TransientError:
            raise
        except Exception as error:  # noqa: BLE001 - a report must not end one coordinator after the other
            if len(deliveries) > 1:
                for delivery in deliveries:
                    self._apply([delivery])
                return
            self._transport.park(deliveries[0], str(error))
            self._emit(CoordinatorEventKind.REPORTS_PARKED, 1, str(error))
            return
        self._orphans.add(applied.heartbeats, now=self._ledger.now())
        self._transport.acknowledge(deliveries)
        self._emit(CoordinatorEventKind.REPORTS_APPLIED, applied.counted)
        if applied.forged:
            self._emit(
                CoordinatorEventKind.REPORTS_FORGED, applied.forged, "reports without the token of their job"
            )
        if applied.ignored:
            self._emit(
                CoordinatorEventKind.REPORTS_IGNORED,
                applied.ignored,
                "late, duplicate, or without the right token",
            )

    def _publish(self) -> None:
        self._jobs_changed.clear()
        if not self._publisher.publish():
            self._jobs_changed.wait(_POLL_S)

    # In a separate loop, so that neither a backlog nor a full queue delays a cancellation.
    def _deliver_commands(self) -> None:
        self._commands_changed.clear()
        commands = self._ledger.take_commands(limit=_BATCH, hold_s=self._hold_s)
        if not commands:
            self._commands_changed.wait(_POLL_S)
            return
        try:
            delivered = self._transport.send_commands(commands)
        except EddylineError:
            self._ledger.defer_commands(commands, _PAUSE_S)
            raise
        sent = [command for command, yes in zip(commands, delivered, strict=True) if yes]
        rest = [command for command, yes in zip(commands, delivered, strict=True) if not yes]
        self._ledger.confirm_commands(sent)
        self._ledger.defer_commands(rest, _NO_QUEUE_PAUSE_S)
        if sent:
            self._emit(CoordinatorEventKind.COMMANDS_SENT, len(sent))

    def _reconcile(self) -> None:
        if self._silence.is_silence_significant:
            self._reconcile_all()
        else:
            # Reports of silent workers, and about jobs that seem lost, may still be in the queue.
            found = self._ledger.publications.reconcile(None, self._transport.job_queue, self._bounds)
            self._emit_some(CoordinatorEventKind.JOBS_ENQUEUED, found.enqueued)
        for pool, count in self._ledger.publications.unpublishable_counts(self._transport.job_queue).items():
            self._emit(CoordinatorEventKind.QUEUE_MISSING, count, f"jobs of pool {pool} wait for a queue")
        self._stop.wait(self._sweep_every_s)

    def _reconcile_all(self) -> None:
        """Expire the leases of lost workers, and publish lost jobs again."""
        lost = self._ledger.expire_leases()
        self._lost_workers += lost.workers
        if self._lost_workers:
            self._transport.delete_command_queues(self._lost_workers)
            self._lost_workers = []
        depths = self._transport.queue_depths()
        swept = self._ledger.publications.reconcile(depths, self._transport.job_queue, self._bounds)
        self._publisher.missing = swept.missing
        orphaned = self._orphans.find_orphaned(
            self._ledger.publications.long_running(depths, self._transport.job_queue, self._bounds)
        )
        again = swept.republished + self._ledger.publications.republish_orphaned(orphaned)
        self._emit_some(CoordinatorEventKind.JOBS_EXPIRED, len(lost.jobs))
        self._emit_some(CoordinatorEventKind.JOBS_ENQUEUED, swept.enqueued)
        self._emit_some(CoordinatorEventKind.JOBS_REPUBLISHED, again)

    def _emit_some(self, kind: CoordinatorEventKind, count: int) -> None:
        if count:
            self._emit(kind, count)

    def _archive(self) -> None:
        """Archive old jobs, and remove old events and rows of the start history and of progress."""
        self._ledger.progress.prune()
        self._ledger.events.prune()
        if self._archive_after_s is not None:
            moved = self._ledger.archive(
                older_than_s=self._archive_after_s, pause_s=_ARCHIVE_PAUSE_S, stop=self._stop
            )
            self._emit_some(CoordinatorEventKind.JOBS_ARCHIVED, moved)
        removed = self._ledger.starts.prune(pause_s=_ARCHIVE_PAUSE_S, stop=self._stop)
        self._emit_some(CoordinatorEventKind.STARTS_REMOVED, removed)
        self._stop.wait(self._archive_every_s)

    def _remove_stale_queues(self) -> None:
        """Remove the command queues that killed workers left."""
        if self._silence.is_silence_significant:
            try:
                removed = self._transport.delete_stale_command_queues(
                    [worker.name for worker in self._ledger.workers()]
                )
            except UsageError as error:  # everything else works without it
                self._emit(CoordinatorEventKind.QUEUE_REMOVAL_FAILED, 1, str(error))
            else:
                if removed:
                    self._emit(CoordinatorEventKind.QUEUES_REMOVED, removed, "stale command queues")
        self._stop.wait(self._remove_queues_every_s)

"""Publishes ready jobs in the ledger's order, only as many as workers will soon take."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from eddyline.core.errors import EddylineError, TransientError
from eddyline.graph.coordinator.publish_window import PublishWindows
from eddyline.graph.events import CoordinatorEvent, CoordinatorEventKind
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Publication, Transport, UnpublishableError

_BATCH = 200  # jobs published at once
_PAUSE_S = 0.2
_QUEUE_PAUSE_S = 1.0  # until a job that its queue rejected is retried while other queues accept jobs
_COUNT_PAUSE_FACTOR = 4  # pause after counting queued jobs, relative to the time that it took


class Publisher:
    """The publisher of one coordinator. For one thread, except for `missing`.

    `prepare` receives the publications before they are sent and returns them in the same order.
    """

    def __init__(
        self,
        ledger: Ledger,
        transport: Transport,
        *,
        pools: Collection[str],
        hold_s: float,
        prepare: Callable[[Sequence[Publication]], Sequence[Publication]],
        on_event: Callable[[CoordinatorEvent], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._transport = transport
        self._pools = tuple(pools)
        self._hold_s = hold_s
        self._prepare = prepare
        self._on_event = on_event
        self._monotonic = monotonic
        self._windows = PublishWindows(monotonic)
        self._next_count = 0.0
        self.missing: Mapping[str, int] = {}
        """By queue, the number of messages that were found missing: no worker can take them."""

    def publish(self) -> bool:
        """Publish as many jobs as fit; returns whether there were any. Raises `TransientError`."""
        self._count()
        publications = self._ledger.publications.take(
            pools=self._pools, limit=_BATCH, hold_s=self._hold_s, room=self._windows.room
        )
        self._windows.fill(publications)
        if publications:
            self._send(publications)
        return bool(publications)

    def _count(self) -> None:
        started = self._monotonic()
        if started < self._next_count:
            return
        waiting = self._ledger.publications.queued_counts()
        for pool, priority in waiting:
            missing = self.missing.get(self._transport.job_queue(pool, priority) or "", 0)
            waiting[pool, priority] = max(waiting[pool, priority] - missing, 0)
        self._windows.update(waiting)
        ended = self._monotonic()
        self._next_count = ended + _COUNT_PAUSE_FACTOR * (ended - started)

    def _send(self, publications: Sequence[Publication]) -> None:
        try:
            errors = self._transport.publish(self._prepare(publications))
        except EddylineError:
            self._ledger.publications.defer(publications, _PAUSE_S)
            raise
        results = list(zip(publications, errors, strict=True))
        sent = [each for each, error in results if error is None]
        refused = [(each, error) for each, error in results if isinstance(error, UnpublishableError)]
        failed = [
            (each, error)
            for each, error in results
            if error is not None and not isinstance(error, UnpublishableError)
        ]
        # Sent jobs are confirmed even if others failed: published again, they would be queued twice.
        self._ledger.publications.confirm(sent)
        self._ledger.publications.quarantine(refused)
        pause_s = _QUEUE_PAUSE_S if sent else _PAUSE_S
        self._ledger.publications.defer([each for each, _ in failed], pause_s)
        self._emit(CoordinatorEventKind.JOBS_PUBLISHED, len(sent))
        for _, error in refused:
            self._emit(CoordinatorEventKind.JOBS_QUARANTINED, 1, str(error))
        permanent = [error for _, error in failed if not isinstance(error, TransientError)]
        if permanent or (failed and not sent):
            raise (permanent or [error for _, error in failed])[0]
        if failed:
            self._emit(CoordinatorEventKind.PUBLISH_FAILED, len(failed), str(failed[0][1]))

    def _emit(self, kind: CoordinatorEventKind, count: int, reason: str = "") -> None:
        self._on_event(CoordinatorEvent(kind=kind, count=count, reason=reason))

"""Publications out: what is ready, in the ledger's order, as far ahead as workers take it soon."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from eddyline.core.errors import EddylineError, TransientError
from eddyline.graph.coordinator.notes import CoordinatorEvent
from eddyline.graph.coordinator.publish_window import PublishWindows
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Publication, Transport, UnpublishableError

_BATCH = 200  # publications taken at once
_PAUSE_S = 0.2
_QUEUE_PAUSE_S = 1.0  # until what one queue did not take is tried again
_COUNTING = 4  # times as long as counting took, it is not counted again


class Publisher:
    """One coordinator's. For one thread, but for `lacking`.

    `prepare` is given what is about to be published and returns the same, in the same order.
    """

    def __init__(
        self,
        ledger: Ledger,
        transport: Transport,
        *,
        pools: Collection[str],
        hold_s: float,
        prepare: Callable[[Sequence[Publication]], Sequence[Publication]],
        note: Callable[[CoordinatorEvent], None],
    ) -> None:
        self._ledger = ledger
        self._transport = transport
        self._classes = tuple(pools)
        self._hold_s = hold_s
        self._prepare = prepare
        self._note = note
        self._windows = PublishWindows()
        self._next_count = 0.0
        self.lacking: Mapping[str, int] = {}
        """By lane, how many messages a sweep found to be gone: they wait for nobody."""

    def publish(self) -> bool:
        """Publish what there is room for; whether there was any. Raises `TransientError`."""
        self._count()
        offers = self._ledger.publications.take(
            pools=self._classes, limit=_BATCH, hold_s=self._hold_s, room=self._windows.room
        )
        self._windows.fill(offers)
        if offers:
            self._send(offers)
        return bool(offers)

    def _count(self) -> None:
        begin = time.monotonic()
        if begin < self._next_count:
            return
        waiting = self._ledger.publications.queued_counts()
        for pool, priority in waiting:
            gone = self.lacking.get(self._transport.job_queue(pool, priority) or "", 0)
            waiting[pool, priority] = max(waiting[pool, priority] - gone, 0)
        self._windows.see(waiting)
        end = time.monotonic()
        self._next_count = end + _COUNTING * (end - begin)

    def _send(self, offers: Sequence[Publication]) -> None:
        try:
            answers = self._transport.publish(self._prepare(offers))
        except EddylineError:
            self._ledger.publications.defer(offers, _PAUSE_S)
            raise
        found = list(zip(offers, answers, strict=True))
        gone = [offer for offer, why in found if why is None]
        unfit = [(offer, why) for offer, why in found if isinstance(why, UnpublishableError)]
        kept = [
            (offer, why)
            for offer, why in found
            if why is not None and not isinstance(why, UnpublishableError)
        ]
        # What is there is noted whatever became of the others: sent again, it would be there twice.
        self._ledger.publications.confirm(gone)
        self._ledger.publications.quarantine(unfit)
        self._ledger.publications.defer([offer for offer, _ in kept], _QUEUE_PAUSE_S if gone else _PAUSE_S)
        self._note(CoordinatorEvent(what="published", count=len(gone)))
        for _, why in unfit:
            self._note(CoordinatorEvent(what="refused", count=1, reason=str(why)))
        lasting = [why for _, why in kept if not isinstance(why, TransientError)]
        if lasting or (kept and not gone):
            raise (lasting or [why for _, why in kept])[0]
        if kept:
            self._note(CoordinatorEvent(what="unpublished", count=len(kept), reason=str(kept[0][1])))

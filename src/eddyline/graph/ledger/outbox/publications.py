"""The ledger's side of publishing jobs to queues: what coordinators do with the outbox."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from eddyline.core.errors import EddylineError
from eddyline.graph.ledger import quarantine
from eddyline.graph.ledger.outbox import entries, reconcile
from eddyline.graph.ledger.outbox.orphan_detection import StartedJob
from eddyline.graph.ledger.outbox.reconcile import Reconciled, ReconcileLimits
from eddyline.graph.ledger.transactions import Transactions
from eddyline.graph.messages import Publication

_EVEN = 0.5


class Publications:
    """Publications of a ledger's jobs, each method in one transaction. Safe from any thread.

    A ledger that does not publish may submit, cancel and redrive jobs as well: `reconcile` finds later what
    became ready there.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._database = transactions.database

    def take(
        self,
        *,
        pools: Collection[str],
        limit: int,
        hold_s: float,
        room: Callable[[str, int], int] | None = None,
    ) -> list[Publication]:
        """Take up to `limit` publications that are due; they are due again unless confirmed in `hold_s`.

        Takes no more than `room` returns for each pool and priority (None: unbounded).
        """
        take = partial(entries.take, pools=pools, limit=limit, hold_s=hold_s)
        if room is not None:
            take = partial(take, room=room)
        urgent_first = self._transactions.rng.random() < _EVEN
        return self._database.write(
            lambda c: take(c, now=self._now(), urgent_first=urgent_first), durable=False
        )

    def confirm(self, published: Sequence[Publication]) -> None:
        """Record that these were published."""
        self._write(lambda c: entries.confirm(c, published, self._now()))

    def defer(self, unpublished: Sequence[Publication], pause_s: float) -> None:
        """Make these due again in `pause_s`."""
        if unpublished:
            until = self._now() + pause_s
            self._write(lambda c: entries.defer(c, unpublished, until))

    def quarantine(self, unpublishable: Sequence[tuple[Publication, EddylineError]]) -> None:
        """Quarantine jobs that no message can carry, each with the reason."""
        if unpublishable:
            self._database.write(lambda c: quarantine.quarantine_unpublishable(c, unpublishable, self._now()))
            self._transactions.changed()

    def queued_counts(self) -> dict[tuple[str, int], int]:
        """Count the published jobs that no worker has started, by pool and priority."""
        return self._database.read(entries.queued_counts)

    def unpublishable_counts(self, lane: Callable[[str, int], str | None]) -> dict[str, int]:
        """Count the jobs to publish that have no queue, by pool."""
        return self._database.read(lambda c: entries.unpublishable_counts(c, lane))

    def republish(self, *ids: str) -> int:
        """Publish open jobs again whose messages are known to be lost; returns how many."""
        count = self._database.write(lambda c: reconcile.republish(c, ids, now=self._now()))
        self._transactions.changed()
        return count

    def republish_dead_letter(self, job_id: str, *, base: int, receipts: int, token: str = "") -> bool:
        """Publish a job again if the message of `base`, lost after `receipts` receipts, was its last one."""
        work = partial(
            reconcile.republish_dead_letter, job_id=job_id, base=base, receipts=receipts, token=token
        )
        republished = self._database.write(lambda c: work(c, now=self._now()))
        if republished:
            self._transactions.changed()
        return republished

    def long_running(
        self, depths: Mapping[str, int], lane: Callable[[str, int], str | None], limits: ReconcileLimits
    ) -> list[StartedJob]:
        """The jobs that live workers have run for long, of queues that hold too few messages."""
        return self._database.read(
            lambda c: reconcile.long_running(c, depths=depths, lane=lane, limits=limits, now=self._now())
        )

    def republish_orphaned(self, orphaned: Sequence[StartedJob]) -> int:
        """Publish jobs again that their workers do not hold, unless they changed since; returns how many."""
        if not orphaned:
            return 0
        count = self._database.write(lambda c: reconcile.republish_orphaned(c, orphaned, now=self._now()))
        self._transactions.changed()
        return count

    def reconcile(
        self,
        depths: Mapping[str, int] | None,
        lane: Callable[[str, int], str | None],
        limits: ReconcileLimits,
    ) -> Reconciled:
        """Publish again what was lost on the way; see `reconcile.reconcile`."""

        def work(connection: Connection) -> Reconciled:
            return reconcile.reconcile(connection, depths=depths, lane=lane, limits=limits, now=self._now())

        found = self._database.write(work)
        if found.enqueued or found.republished:
            self._transactions.changed()
        return found

    def _now(self) -> float:
        return self._transactions.clock.now()

    def _write(self, work: Callable[[Connection], None]) -> None:
        self._database.write(work, durable=False)

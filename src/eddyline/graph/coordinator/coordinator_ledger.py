"""The ledger as coordinators use it: its jobs go out through the outbox, its answers come from a queue."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from sqlalchemy import Connection

from eddyline.core.clock import Clock
from eddyline.core.errors import EddylineError
from eddyline.graph.command import Command
from eddyline.graph.ledger import apply_reports, commands, leases, outbox, quarantine, reconcile
from eddyline.graph.ledger.apply_reports import Applied, Rules
from eddyline.graph.ledger.leases import Expired
from eddyline.graph.ledger.ledger import POISON_AFTER, Ledger
from eddyline.graph.ledger.orphan_detection import Running
from eddyline.graph.ledger.ready_jobs import OnReady
from eddyline.graph.ledger.reconcile import Bounds, Swept
from eddyline.graph.ledger.spawned_jobs import ANY_OF_ITS_ASSET, SpawnRules
from eddyline.graph.messages import Publication, WorkerReport
from eddyline.graph.retry import RetryPolicy

_EVEN = 0.5


class CoordinatorLedger(Ledger):
    """A ledger whose workers have no access to it.

    Whoever submits, cancels or retries may use a plain `Ledger` as well: what becomes ready there is found by
    the coordinators' sweep, only later.
    """

    @classmethod
    def open(
        cls,
        location: str | Path,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        policy: RetryPolicy | None = None,
        poison_after: int = POISON_AFTER,
        on_ready: OnReady | None = None,
    ) -> Self:
        """Open, or make, a ledger at a path (SQLite) or a `postgresql://` URL; raises `LedgerError`."""
        return super().open(
            location,
            clock=clock,
            rng=rng,
            policy=policy,
            poison_after=poison_after,
            on_ready=on_ready or outbox.enqueue,
        )

    def expire(self) -> list[str]:
        """Take jobs back from workers long silent; returns the ids."""
        return list(self.take_back().jobs)

    def take_back(self) -> Expired:
        """Take jobs back from workers long silent, and forget these workers.

        The jobs are not published again: their messages come back once the queue hides them no more.
        """
        lost = self._database.write(
            lambda c: leases.expire(c, poison_after=self._poison_after, now=self._clock.now())
        )
        if lost.jobs:
            self._changed()
        return lost

    def apply(
        self, facts: Sequence[WorkerReport], *, lease_s: float, spawn: SpawnRules = ANY_OF_ITS_ASSET
    ) -> Applied:
        """Record workers' reports in one durable transaction; extends each reporter's lease by `lease_s`.

        `spawn` bounds what their jobs may add.
        """

        def work(connection: Connection) -> Applied:
            rules = Rules(
                policy=self._policy,
                rng=self._rng,
                poison_after=self._poison_after,
                lease_s=lease_s,
                now=self._clock.now(),
                spawn=spawn,
            )
            return apply_reports.apply(connection, facts, rules)

        applied = self._database.write(work)
        if applied.counted or applied.ordered:
            self._changed()
        return applied

    def take_offers(
        self,
        *,
        pools: Collection[str],
        limit: int,
        hold_s: float,
        room: Callable[[str, int], int] | None = None,
    ) -> list[Publication]:
        """What is due to be published; if that is not confirmed within `hold_s`, it is due again.

        At most `limit`, and of each class and priority as many as there is `room` for (None: no end of it).
        """
        take = partial(outbox.take, pools=pools, limit=limit, hold_s=hold_s)
        if room is not None:
            take = partial(take, room=room)
        urgent_first = self._rng.random() < _EVEN
        return self._database.write(
            lambda c: take(c, now=self._clock.now(), urgent_first=urgent_first), durable=False
        )

    def waiting(self) -> dict[tuple[str, int], int]:
        """By class and priority, how many published jobs no worker is known to have begun."""
        return self._database.read(outbox.waiting)

    def confirm(self, offers: Sequence[Publication]) -> None:
        """These were published."""
        self._database.write(lambda c: outbox.confirm(c, offers, self._clock.now()), durable=False)

    def defer(self, offers: Sequence[Publication], pause_s: float) -> None:
        """These could not be published now."""
        self._database.write(lambda c: outbox.release(c, offers, self._clock.now() + pause_s), durable=False)

    def refuse(self, unfit: Sequence[tuple[Publication, EddylineError]]) -> None:
        """These can be published never: they are dead, with the reason, and what needs them is cancelled."""
        if unfit:
            self._database.write(lambda c: quarantine.refuse(c, unfit, self._clock.now()))
            self._changed()

    def take_orders(self, *, limit: int, hold_s: float) -> list[Command]:
        """What workers are to be told; if that is not confirmed within `hold_s`, it is due again."""
        if not self._database.read(lambda c: commands.are_due(c, self._clock.now())):
            return []
        return self._database.write(
            lambda c: commands.take(c, limit=limit, hold_s=hold_s, now=self._clock.now()), durable=False
        )

    def defer_orders(self, undelivered: Sequence[Command], pause_s: float) -> None:
        """These workers could not be told now; those that are known no more need not be."""
        if undelivered:
            until = self._clock.now() + pause_s
            self._database.write(lambda c: commands.defer(c, undelivered, until), durable=False)

    def unpublishable(self, lane: Callable[[str, int], str | None]) -> dict[str, int]:
        """By class, how many jobs are to be published for which there is no queue."""
        return self._database.read(lambda c: outbox.unpublishable(c, lane))

    def publish_again(self, *ids: str) -> int:
        """Publish open jobs anew, because their messages are known to be gone; returns how many."""
        count = self._database.write(lambda c: reconcile.publish_again(c, ids, now=self._clock.now()))
        self._changed()
        return count

    def publish_again_if_last(self, job_id: str, *, base: int, receipts: int, token: str = "") -> bool:
        """Publish a job anew if the message of `base`, lost after so many receipts, was its last."""
        work = partial(
            reconcile.publish_again_if_last, job_id=job_id, base=base, receipts=receipts, token=token
        )
        again = self._database.write(lambda c: work(c, now=self._clock.now()))
        if again:
            self._changed()
        return again

    def long_running(
        self, depths: Mapping[str, int], lane: Callable[[str, int], str | None], bounds: Bounds
    ) -> list[Running]:
        """What living workers run of queues that hold too few messages, where it was published long ago."""
        return self._database.read(
            lambda c: reconcile.long_running(
                c, depths=depths, lane=lane, bounds=bounds, now=self._clock.now()
            )
        )

    def publish_disowned(self, found: Sequence[Running]) -> int:
        """Publish anew what its workers do not hold, unless something came of it after all; how many."""
        if not found:
            return 0
        count = self._database.write(lambda c: reconcile.publish_disowned(c, found, now=self._clock.now()))
        self._changed()
        return count

    def sweep(
        self, depths: Mapping[str, int] | None, lane: Callable[[str, int], str | None], bounds: Bounds
    ) -> Swept:
        """Note again what was lost on the way; see `sweeping`."""
        swept = self._database.write(
            lambda c: reconcile.sweep(c, depths=depths, lane=lane, bounds=bounds, now=self._clock.now())
        )
        if swept.noted or swept.republished:
            self._changed()
        return swept

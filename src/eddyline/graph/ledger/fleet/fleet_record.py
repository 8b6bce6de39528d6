"""The fleet record of a ledger: what coordinators write about instances and pools, and what commands read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Connection

from eddyline.graph.fleet_event import FleetEvent
from eddyline.graph.instance import Instance
from eddyline.graph.ledger import leadership, periodic_tasks
from eddyline.graph.ledger.fleet import events, prices, prune, queries, samples, scaler_decisions
from eddyline.graph.ledger.fleet.events import Fold
from eddyline.graph.ledger.fleet.queries import EndedStarts
from eddyline.graph.ledger.fleet.scaler_decisions import PoolDecision
from eddyline.graph.ledger.leadership import Leadership
from eddyline.graph.ledger.transactions import Transactions
from eddyline.graph.pool_sample import PoolSample

_DAY_S = 86_400.0
KEEP_S = 400 * _DAY_S
"""How long ended instances, with their events, samples and replaced prices are kept."""
_BATCH = 500  # events in one transaction
UNATTRIBUTED_S = _DAY_S
"""How long events about instances of unknown pools are kept: most are of other machines of the account."""


class FleetRecord:
    """The fleet record, each method in one transaction. Safe from any thread and any number of processes."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._database = transactions.database

    def store(self, stored: Sequence[FleetEvent], *, fold: Fold) -> int:
        """Store events and fold all events about their instances; returns how many were new. Idempotent.

        A stored event survives a power failure once this returns.
        """
        if not stored:
            return 0
        now = self._now()
        return self._database.write(lambda c: events.store(c, stored, fold=fold, now=now))

    def store_machines(self, *, fold: Fold) -> int:
        """Store the machines of the workers as events; returns how many were new. Idempotent."""
        return self.store_new(self._database.read(queries.machines_of_workers), fold=fold)

    def store_new(self, found: Sequence[FleetEvent], *, fold: Fold) -> int:
        """As `store`, for events of which most are stored: these cost no write transaction."""
        known = self._database.read(lambda c: events.stored_ids(c, {event.id for event in found}))
        new = [event for event in found if event.id not in known]
        return sum(self.store(new[at : at + _BATCH], fold=fold) for at in range(0, len(new), _BATCH))

    def record_samples(self, recorded: Sequence[PoolSample]) -> None:
        """Store samples; a sample of a pool and minute that is stored already is left out.

        So any number of coordinators may record each minute.
        """
        if recorded:
            self._database.write(lambda c: samples.record(c, recorded), durable=False)

    def take_task(self, name: str, *, every_s: float) -> bool:
        """Whether the caller runs the periodic task `name` now; no other process does for `every_s`."""
        return self._database.write(
            lambda c: periodic_tasks.take(c, name, every_s=every_s, now=self._now()), durable=False
        )

    def lead(self, name: str, owner: str, *, lease_s: float) -> Leadership | None:
        """Lead the task `name` for `lease_s`, or renew that; None while another owner leads it."""
        return self._database.write(
            lambda c: leadership.take(c, name, owner, lease_s=lease_s, now=self._now()), durable=False
        )

    def resign(self, leader: Leadership) -> None:
        """Let another process lead at once; no effect in a later term."""
        self._database.write(lambda c: leadership.release(c, leader), durable=False)

    def record_decisions(self, leader: Leadership, decisions: Sequence[PoolDecision]) -> bool:
        """Store decisions of the scaler; False, and nothing is stored, if another process leads by now."""
        return self._database.write(
            lambda c: scaler_decisions.record(c, leader, decisions, now=self._now()), durable=False
        )

    def prune(self) -> int:
        """Delete what is older than `KEEP_S` and `UNATTRIBUTED_S`; returns how many instances."""
        now = self._now()
        self._database.write(lambda c: prune.prune_samples(c, now - KEEP_S), durable=False)
        self._database.write(lambda c: prices.prune(c, now - KEEP_S), durable=False)
        ended = self._repeat(lambda c: prune.prune_ended(c, now - KEEP_S))
        return ended + self._repeat(lambda c: prune.prune_unattributed(c, now - UNATTRIBUTED_S))

    def _repeat(self, step: Callable[[Connection], int]) -> int:
        """Run short transactions, so that others do not wait, until one deletes nothing."""
        total = 0
        while count := self._database.write(step, durable=False):
            total += count
        return total

    # Queries

    def instance(self, name: str) -> Instance | None:
        """One instance; None if no event about it is stored."""
        return self._database.read(lambda c: queries.by_id(c, name))

    def running(self) -> Collection[Instance]:
        """The instances of all pools that have not ended."""
        return self._database.read(queries.running)

    def instances(self, start: float, stop: float) -> Sequence[Instance]:
        """The instances of all pools that may have run between two times (seconds since 1970)."""
        return self._database.read(lambda c: queries.between(c, start, stop))

    def ended_starts(self, start: float, stop: float) -> Sequence[EndedStarts]:
        """The starts of jobs that ended between two times, by the lifecycle of their machines."""
        return self._database.read(lambda c: queries.ended_starts(c, start, stop))

    def samples(self, start: float, stop: float) -> Sequence[PoolSample]:
        """The samples of the minutes that start at or after `start` and before `stop`, in order."""
        return self._database.read(lambda c: samples.find(c, start, stop))

    def _now(self) -> float:
        return self._transactions.clock.now()

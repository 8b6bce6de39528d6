"""The fleet record of a ledger: what coordinators write about instances and pools, and what commands read."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.graph.ledger.fleet import samples
from eddyline.graph.ledger.transactions import Transactions
from eddyline.graph.pool_sample import PoolSample


class FleetRecord:
    """The fleet record, each method in one transaction. Safe from any thread and any number of processes."""

    def __init__(self, transactions: Transactions) -> None:
        self._database = transactions.database

    def record_samples(self, recorded: Sequence[PoolSample]) -> None:
        """Store samples; a sample of a pool and minute that is stored already is left out.

        So any number of coordinators may record each minute.
        """
        if recorded:
            self._database.write(lambda c: samples.record(c, recorded), durable=False)

    def samples(self, start: float, stop: float) -> list[PoolSample]:
        """The samples of the minutes that start at or after `start` and before `stop`, in order."""
        return self._database.read(lambda c: samples.find(c, start, stop))

"""Repairs and shortens the fleet record: tasks that one coordinator at a time runs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from eddyline.app.fleet.prices import ReadHistory, record_spot_prices
from eddyline.fleet.record.fold import fold
from eddyline.fleet.record.missed_events import missed_events
from eddyline.graph.ledger.ledger import Ledger

if TYPE_CHECKING:
    from eddyline.aws.ec2_instances import Ec2Instances

_MACHINES_S = 60.0
_REPAIR_S = 300.0
_PRUNE_S = 3600.0
_PRICES_S = 3600.0


class FleetUpkeep:
    """Records the machines of workers, what EC2 describes, and deletes old entries.

    `priced` are types whose Spot prices are recorded also while none runs. `on_action` gets what was done,
    and how often.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        prefix: str,
        pools: Collection[str],
        priced: Collection[str] = (),
        on_action: Callable[[str, int], None] = lambda _action, _count: None,
    ) -> None:
        self._ledger = ledger
        self._prefix = prefix
        self._pools = frozenset(pools)
        self._priced = frozenset(priced)
        self._on_action = on_action

    def step(self) -> None:
        """Run what is due and needs only the ledger. Raises `LedgerError`."""
        fleet = self._ledger.fleet
        if fleet.take_task("record machines", every_s=_MACHINES_S):
            self._on_action("machines recorded", fleet.store_machines(fold=fold))
        if fleet.take_task("prune fleet record", every_s=_PRUNE_S):
            self._on_action("instances forgotten", fleet.prune())

    def record_prices(self, open_history: Callable[[], ReadHistory | None]) -> bool:
        """Record the Spot prices of running and `priced` types; False if that is not due, or outside AWS.

        Raises `LedgerError`, `ServiceError` and `AccessError`.
        """
        if not self._ledger.fleet.take_task("record Spot prices", every_s=_PRICES_S):
            return False
        read = open_history()
        if read is None:
            return False
        self._on_action("Spot prices read", record_spot_prices(self._ledger, read, also=self._priced))
        return True

    def repair(self, open_instances: Callable[[], Ec2Instances | None]) -> bool:
        """Compare the record with EC2's description; False if that is not due, or outside AWS.

        Raises `LedgerError`, `ServiceError` and `AccessError`.
        """
        fleet = self._ledger.fleet
        if not fleet.take_task("describe instances", every_s=_REPAIR_S):
            return False
        instances = open_instances()
        if instances is None:
            return False
        # Read before the description: an instance that is recorded during it may not be in it.
        running, now = fleet.running(), self._ledger.now()
        described = instances.of_prefix(self._prefix)
        missing = {each.instance for each in running} - {each.instance for each in described}
        described += instances.by_id(missing)
        events = missed_events(
            described,
            running,
            now=now,
            prefix=self._prefix,
            pools=self._pools,
            region=instances.region,
        )
        self._on_action("missed events recorded", fleet.store_new(events, fold=fold))
        return True

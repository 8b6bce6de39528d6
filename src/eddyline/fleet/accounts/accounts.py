"""Accounts of a range of time: instances one after the other, so that the memory is that of one instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from eddyline.fleet.accounts.instance_cost import Life, cost_of_instance, life_of
from eddyline.fleet.accounts.machine_cost import cost_of_machine
from eddyline.fleet.accounts.money import NOTHING, Cost
from eddyline.fleet.accounts.price_list import Missing, Priced, PriceList, PriceSource
from eddyline.fleet.accounts.slot_time import microseconds
from eddyline.fleet.accounts.started_work import Work
from eddyline.graph.instance import Instance

MACHINE = "machine"
"""The purchase option of machines outside EC2, in price sources."""


class Receiver(Protocol):
    """Gets each start with its cost in nano-dollars; `Tallies` is one."""

    def known(self, work: Sequence[Work], costs: Sequence[int], shares: Sequence[int], *, free: bool) -> None:
        """The starts of one machine, their costs, and their shares of boot, idle time and drain.

        `free`: AWS bills nothing of them.
        """

    def unknown(self, work: Sequence[Work], key: UnknownKey) -> None:
        """The starts of one machine whose cost is not known, and why."""


@dataclass(frozen=True, kw_only=True)
class UnknownKey:
    """Why costs are not known, and of which machines."""

    reason: Missing
    instance_type: str = ""
    zone: str = ""


@dataclass(kw_only=True, slots=True)
class Unknown:
    """Instances and starts whose cost is not known; `life_us` is the known lifetime of the instances."""

    instances: int = 0
    life_us: int = 0
    starts: int = 0
    slot_us: int = 0

    def add_starts(self, work: Sequence[Work]) -> None:
        """Count starts."""
        self.starts += len(work)
        self.slot_us += sum(max(each.end - each.begin, 0) for each in work)


@dataclass(kw_only=True)
class Totals:
    """Sums over all machines, in nano-dollars.

    `instances` ran in this time and have a known cost: `starts + boot + idle + drain == instance_cost`,
    listed and billed.
    `unassigned` is the part of boot, idle time and drain of instances of which no start has a cost.
    `machines` is the cost of the starts outside EC2. `outside` counts starts that lie outside the life of
    their instance: their cost is 0.
    """

    instances: int = 0
    instance_cost: Cost = NOTHING
    starts: Cost = NOTHING
    boot: Cost = NOTHING
    idle: Cost = NOTHING
    drain: Cost = NOTHING
    unassigned: Cost = NOTHING
    machines: Cost = NOTHING
    outside: int = 0
    unknown: dict[UnknownKey, Unknown] = field(default_factory=dict)
    sources: dict[str, PriceSource] = field(default_factory=dict)


class Accounts:
    """Adds up what instances and machines cost from `start` to `stop` (seconds since 1970).

    `machine_price` is the price of a machine outside EC2 in nano-dollars an hour; None: not known.
    """

    def __init__(
        self,
        prices: PriceList,
        *,
        start: float,
        stop: float,
        receiver: Receiver,
        machine_price: int | None = None,
        machine_price_name: str = "",
    ) -> None:
        self.totals = Totals()
        self._prices = prices
        self._start, self._stop = start, stop
        self._receiver = receiver
        self._machine_price, self._machine_price_name = machine_price, machine_price_name

    def add_instance(
        self, instance: Instance, work: Sequence[Work], *, ready: float | None, slots: int | None
    ) -> None:
        """Account one instance with all its starts in the range of time.

        `ready` is when its first worker registered, `slots` how many jobs it runs at a time; None: not known.
        """
        life = life_of(instance, start=self._start, stop=self._stop, ready=ready)
        if isinstance(life, Missing):
            self._unknown(UnknownKey(reason=life), work, instances=1)
            return
        spans = [(each.begin, each.end) for each in work]
        found = cost_of_instance(instance, life, spans, slots=slots, prices=self._prices)
        if isinstance(found, Missing):
            key = UnknownKey(reason=found, instance_type=instance.instance_type, zone=instance.zone)
            self._unknown(key, work, instances=1, life_us=life.end - life.begin)
            return
        totals = self.totals
        # Starts may be recorded after the end of an instance that ended before this time.
        totals.instances += life.ended is None or life.ended >= microseconds(self._start)
        totals.instance_cost += found.cost(found.listed)
        totals.starts += found.cost(sum(found.starts))
        totals.boot += found.cost(found.boot)
        totals.idle += found.cost(found.idle)
        totals.drain += found.cost(found.drain)
        totals.unassigned += found.cost(found.overhead - sum(found.shares))
        totals.outside += _outside(work, life)
        self._use(found.priced)
        self._receiver.known(work, found.starts, found.shares, free=found.free)

    def add_unrecorded(self, work: Sequence[Work]) -> None:
        """Account starts on an instance that the fleet record does not contain: their cost is not known."""
        self._unknown(UnknownKey(reason=Missing.RECORD), work, instances=1)

    def add_machine(self, work: Sequence[Work]) -> None:
        """Account the starts on one machine outside EC2."""
        if self._machine_price is None:
            self._unknown(UnknownKey(reason=Missing.MACHINE), work)
            return
        first, last = microseconds(self._start), microseconds(self._stop)
        spans = [(max(each.begin, first), min(each.end, last)) for each in work]
        costs = cost_of_machine(spans, nanos_per_hour=self._machine_price)
        total = sum(costs)
        self.totals.machines += Cost(total, total)
        self.totals.sources[MACHINE] = PriceSource(
            option=MACHINE, name=self._machine_price_name, first=self._stop, last=self._stop
        )
        self._receiver.known(work, costs, [0] * len(work), free=False)

    def _unknown(
        self, key: UnknownKey, work: Sequence[Work], *, instances: int = 0, life_us: int = 0
    ) -> None:
        found = self.totals.unknown.setdefault(key, Unknown())
        found.instances += instances
        found.life_us += life_us
        found.add_starts(work)
        self._receiver.unknown(work, key)

    def _use(self, priced: Priced) -> None:
        sources = self.totals.sources
        known = sources.get(priced.option)
        if known is None:
            name = self._prices.name_of(priced.option)
            sources[priced.option] = PriceSource(
                option=priced.option, name=name, first=priced.first, last=priced.last
            )
        else:
            sources[priced.option] = known.extended(priced.first, priced.last)


def _outside(work: Sequence[Work], life: Life) -> int:
    """How many starts took no time within the life though they have a length."""
    return sum(
        1 for each in work if each.begin < each.end and (each.end <= life.begin or each.begin >= life.end)
    )


def sources_of(totals: Totals) -> Mapping[str, PriceSource]:
    """The sources of the prices that were used, by purchase option, in order of name."""
    return dict(sorted(totals.sources.items()))

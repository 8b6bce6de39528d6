"""What Spot saved: its share of the work, and its cost against the same hours On-Demand.

Only hours with both prices are compared; hours without one are listed, not estimated. AWS bills nothing for
an instance that it interrupts within the first hour. The main figures count these hours as billed, because
nothing can rely on being interrupted; the difference is shown beside them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eddyline.fleet.record.spot_prices import Covered, SpotPrices
from eddyline.graph.instance import INTERRUPTION, SPOT, Instance

_HOUR_S = 3600.0
_NEGLIGIBLE_H = 1e-6
FREE_S = 3600.0
"""An instance that AWS interrupts within this time of its launch is not billed (EC2 User Guide)."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Instances of one purchase option: hours, vCPU-hours, and of the hours with both prices the dollars.

    `cost` is what they cost, `on_demand_cost` what the same hours cost On-Demand.
    """

    instances: int
    hours: float
    vcpu_hours: float
    priced_hours: float
    cost: float
    on_demand_cost: float


@dataclass(frozen=True, kw_only=True)
class MissingPrice:
    """Hours without a price: of a type (On-Demand, `zone` ""), or of a type in a zone (Spot)."""

    instance_type: str
    zone: str
    hours: float


@dataclass(frozen=True, kw_only=True)
class PoolSavings:
    """The savings of one pool, or of all (`pool` "").

    `free` is the part of the Spot cost that AWS does not bill, because it interrupted the instance within the
    first hour. `vcpu_unknown_hours` are instance-hours of types whose vCPU are not known: the share by
    vCPU-hours lacks them.
    """

    pool: str
    spot: Usage
    on_demand: Usage
    free: float
    vcpu_unknown_hours: float

    @property
    def spot_share(self) -> float | None:
        """The share of Spot in the vCPU-hours, 0 to 1."""
        return _ratio(self.spot.vcpu_hours, self.spot.vcpu_hours + self.on_demand.vcpu_hours)

    @property
    def saved(self) -> float | None:
        """The share saved against running everything On-Demand, 0 to 1 (negative: Spot was dearer)."""
        paid = self.spot.cost + self.on_demand.cost
        return _saved(paid, self.spot.on_demand_cost + self.on_demand.on_demand_cost)

    @property
    def saved_as_billed(self) -> float | None:
        """The same, without the first hours that AWS does not bill."""
        paid = self.spot.cost - self.free + self.on_demand.cost
        return _saved(paid, self.spot.on_demand_cost + self.on_demand.on_demand_cost)


@dataclass(frozen=True, kw_only=True)
class Savings:
    """Savings from `start` to `stop` (seconds since 1970), and the prices that are missing, most hours first.

    `incomplete` instances are left out: no event said whether they are Spot.
    """

    start: float
    stop: float
    total: PoolSavings
    pools: Sequence[PoolSavings]
    missing_on_demand: Sequence[MissingPrice]
    missing_spot: Sequence[MissingPrice]
    incomplete: int


@dataclass(frozen=True, kw_only=True)
class _Priced:
    """One instance within the range of time; of Spot, `priced_s` may be a part of `seconds`."""

    instance: Instance
    seconds: float
    vcpu: int | None
    priced_s: float
    cost: float
    on_demand_cost: float

    @property
    def free(self) -> float:
        """What AWS does not bill of the cost."""
        each = self.instance
        if each.ended_by != INTERRUPTION or each.terminated is None or each.launched is None:
            return 0.0
        return self.cost if each.terminated - each.launched < FREE_S else 0.0


def savings(
    instances: Iterable[Instance],
    start: float,
    stop: float,
    *,
    on_demand_prices: Mapping[str, float],
    spot_prices: SpotPrices,
    vcpu_of_types: Mapping[str, int],
) -> Savings:
    """The savings of instances between two times; `stop` is at most now.

    `on_demand_prices` are dollars an hour by type. `vcpu_of_types` is used where no event says the vCPU.
    """
    ran = [each for each in instances if each.seconds(start, stop) > 0]
    known = [each for each in ran if each.lifecycle]
    types = {**vcpu_of_types, **{each.instance_type: each.vcpu for each in known if each.vcpu}}
    priced = [
        _price(each, start, stop, on_demand_prices=on_demand_prices, spot_prices=spot_prices, types=types)
        for each in known
    ]
    pools = sorted({each.pool for each in known})
    return Savings(
        start=start,
        stop=stop,
        total=_pool_savings("", priced),
        pools=[
            _pool_savings(pool, [each for each in priced if each.instance.pool == pool]) for pool in pools
        ],
        missing_on_demand=_missing(
            (each.instance.instance_type, "", each.seconds)
            for each in priced
            if each.instance.instance_type not in on_demand_prices
        ),
        missing_spot=_missing(
            (each.instance.instance_type, each.instance.zone, each.seconds - each.priced_s)
            for each in priced
            if each.instance.lifecycle == SPOT and each.instance.instance_type in on_demand_prices
        ),
        incomplete=len(ran) - len(known),
    )


def _price(
    instance: Instance,
    start: float,
    stop: float,
    *,
    on_demand_prices: Mapping[str, float],
    spot_prices: SpotPrices,
    types: Mapping[str, int],
) -> _Priced:
    seconds = instance.seconds(start, stop)
    hourly = on_demand_prices.get(instance.instance_type)
    covered = Covered(seconds=0.0, cost=0.0)
    if hourly is not None and instance.lifecycle != SPOT:
        covered = Covered(seconds=seconds, cost=hourly * seconds / _HOUR_S)
    elif hourly is not None and instance.launched is not None:
        begun = max(instance.launched, start)
        covered = spot_prices.cost(instance.instance_type, instance.zone, begun, begun + seconds)
    return _Priced(
        instance=instance,
        seconds=seconds,
        vcpu=instance.vcpu or types.get(instance.instance_type),
        priced_s=covered.seconds,
        cost=covered.cost,
        on_demand_cost=(hourly or 0.0) * covered.seconds / _HOUR_S,
    )


def _pool_savings(pool: str, priced: Sequence[_Priced]) -> PoolSavings:
    return PoolSavings(
        pool=pool,
        spot=_usage([each for each in priced if each.instance.lifecycle == SPOT]),
        on_demand=_usage([each for each in priced if each.instance.lifecycle != SPOT]),
        free=sum(each.free for each in priced),
        vcpu_unknown_hours=sum(each.seconds for each in priced if not each.vcpu) / _HOUR_S,
    )


def _usage(priced: Sequence[_Priced]) -> Usage:
    return Usage(
        instances=len(priced),
        hours=sum(each.seconds for each in priced) / _HOUR_S,
        vcpu_hours=sum((each.vcpu or 0) * each.seconds for each in priced) / _HOUR_S,
        priced_hours=sum(each.priced_s for each in priced) / _HOUR_S,
        cost=sum(each.cost for each in priced),
        on_demand_cost=sum(each.on_demand_cost for each in priced),
    )


def _missing(found: Iterable[tuple[str, str, float]]) -> Sequence[MissingPrice]:
    hours: dict[tuple[str, str], float] = defaultdict(float)
    for instance_type, zone, seconds in found:
        hours[instance_type, zone] += seconds / _HOUR_S
    missing = [
        MissingPrice(instance_type=instance_type, zone=zone, hours=each)
        for (instance_type, zone), each in hours.items()
        if each > _NEGLIGIBLE_H
    ]
    return sorted(missing, key=lambda each: (-each.hours, each.instance_type, each.zone))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _saved(paid: float, on_demand_cost: float) -> float | None:
    share = _ratio(paid, on_demand_cost)
    return None if share is None else 1 - share

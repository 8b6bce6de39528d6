"""What one pool means on AWS: its types, its Spot pools, and warnings with what to do."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from eddyline.core.formatting import format_count
from eddyline.fleet.capacity import Requirements
from eddyline.fleet.catalogue import Catalogue
from eddyline.fleet.catalogue.instance_types import InstanceType
from eddyline.fleet.catalogue.matching import matching_types
from eddyline.fleet.catalogue.price_protection import PriceProtection, protect_price
from eddyline.fleet.catalogue.prices import BANDS
from eddyline.fleet.plan.quotas import GroupNeed, quota_of
from eddyline.fleet.plan.type_plan import TypePlan, Work, plan_type
from eddyline.fleet.pools import Pool

MIN_SPOT_POOLS = 10
"""Below this many Spot pools (type x zone), capacity-optimized has too little to choose from."""
_MIN_ON_DEMAND_TYPES = 3


@dataclass(frozen=True, kw_only=True)
class CostRange:
    """Dollars for 1,000 minutes of output, of the `known` ones of the `types` that a group may use."""

    low: float
    median: float
    high: float
    cheapest: str
    known: int
    types: int


@dataclass(frozen=True, kw_only=True)
class PoolPlan:
    """A pool; `types` is None if the catalogue is needed to know them. Warnings are sentences with a remedy.

    `spot_identified` and `on_demand_identified`: the types whose prices price protection is relative to.
    `placement_score`: AWS' Spot placement score, 1 to 10.
    """

    pool: Pool
    types: tuple[TypePlan, ...] | None
    warnings: tuple[str, ...]
    spot_identified: str = ""
    on_demand_identified: str = ""
    placement_score: int | None = None

    @property
    def spot_pools(self) -> int | None:
        """The number of Spot pools (type x zone) that the Spot group may use."""
        return None if self.types is None else sum(each.spot_pools for each in self.types)

    @property
    def bands(self) -> dict[str, int]:
        """The number of usable Spot types by interruption band, and "unknown"."""
        usable = [each for each in self.types or () if each.spot_pools]
        counts = Counter("unknown" if each.band is None else BANDS[each.band] for each in usable)
        return {band: counts[band] for band in (*BANDS, "unknown") if counts[band]}

    def costs(self, *, spot: bool) -> CostRange | None:
        """The costs of the types that the group may use; None if no cost is known."""
        found = {}
        usable = [each for each in self.types or () if each.is_usable(spot=spot)]
        for each in usable:
            cost = each.spot_cost if spot else each.on_demand_cost
            if cost is not None:
                found[each.name] = cost
        if not found:
            return None
        low = min(found, key=lambda name: found[name])
        values = list(found.values())
        return CostRange(
            low=found[low],
            median=statistics.median(values),
            high=max(values),
            cheapest=low,
            known=len(found),
            types=len(usable),
        )

    def groups(self) -> tuple[GroupNeed, ...]:
        """Its two Auto Scaling groups, as far as quotas are concerned."""
        capacity = self.pool.capacity
        sizes = ((True, capacity.max_vcpu), (False, capacity.on_demand.max_vcpu))
        return tuple(
            GroupNeed(
                pool=self.pool.name,
                spot=spot,
                max_vcpu=most,
                types=tuple((each.name, each.vcpu) for each in self.types or () if each.is_usable(spot=spot)),
            )
            for spot, most in sizes
        )


def plan_pool(pool: Pool, catalogue: Catalogue, *, zones: Collection[str], work: Work) -> PoolPlan:
    """The plan of one pool. `zones` are those of the fleet's subnets; the pool may restrict them."""
    capacity = pool.capacity
    usable = frozenset(capacity.zones or zones)
    if capacity.requirements is None:
        selected = dict(capacity.types)
        spot = on_demand = PriceProtection(identified="", limit=None, kept=(), excluded=())
    elif not catalogue.types:
        return PoolPlan(pool=pool, types=None, warnings=())
    else:
        matched = _matched(pool, capacity.requirements, catalogue)
        selected = {each.name: each.vcpu for each in matched}
        spot = protect_price(
            [each for each in matched if each.spot],
            catalogue.spot,
            max_percent=capacity.spot.max_price_percent,
        )
        on_demand = protect_price(
            [each for each in matched if each.on_demand],
            catalogue.on_demand,
            max_percent=capacity.on_demand.max_price_percent,
        )

    def too_expensive(protection: PriceProtection) -> set[str]:
        return {each.name for each in protection.excluded}

    types = tuple(
        plan_type(
            name,
            vcpu,
            pool=pool,
            catalogue=catalogue,
            zones=len(
                usable if catalogue.offered is None else usable & catalogue.offered.get(name, frozenset())
            ),
            work=work,
            spot_allowed=name not in too_expensive(spot),
            on_demand_allowed=name not in too_expensive(on_demand),
        )
        for name, vcpu in selected.items()
    )
    plan = PoolPlan(
        pool=pool,
        types=types,
        warnings=(),
        spot_identified=spot.identified,
        on_demand_identified=on_demand.identified,
        placement_score=catalogue.scores.get(pool.name),
    )
    return replace(plan, warnings=tuple(_warnings(plan, catalogue)))


def _matched(pool: Pool, requirements: Requirements, catalogue: Catalogue) -> tuple[InstanceType, ...]:
    """The types that AWS itself selected; without its answer, those that match by its documentation."""
    selected = catalogue.selected.get(pool.name)
    if selected is None:
        return matching_types(requirements, pool.arch, catalogue.types.values())
    return tuple(catalogue.types[name] for name in sorted(selected) if name in catalogue.types)


def _warnings(plan: PoolPlan, catalogue: Catalogue) -> Iterable[str]:
    capacity, types = plan.pool.capacity, plan.types or ()
    if not types and capacity.has_machines:
        yield "no instance type matches: relax capacity.requirements"
        return
    if capacity.max_vcpu and (plan.spot_pools or 0) < MIN_SPOT_POOLS:
        yield (
            f"only {format_count(plan.spot_pools or 0, 'Spot pool')} (type x zone), fewer than "
            f"{MIN_SPOT_POOLS}: add types or zones, or expect interruptions and missing capacity"
        )
    allowed = [each for each in types if each.on_demand_allowed]
    if capacity.requirements and capacity.on_demand.max_vcpu and len(allowed) < _MIN_ON_DEMAND_TYPES:
        yield "price protection leaves few types On-Demand: raise capacity.on_demand.max_price_percent"
    if catalogue.types:
        yield from _catalogue_warnings(plan, catalogue)
        yield from _difference_to_aws(plan.pool, catalogue)
    for each in types:
        if quota_of(each.name, spot=True) is None:
            yield f"{each.name}: its vCPU quota is not known here; look it up in Service Quotas"
        if not each.zones:
            yield f"{each.name}: not offered in any of the zones; remove it"


def _difference_to_aws(pool: Pool, catalogue: Catalogue) -> Iterable[str]:
    selected, wanted = catalogue.selected.get(pool.name), pool.capacity.requirements
    if selected is None or wanted is None:
        return
    ours = {each.name for each in matching_types(wanted, pool.arch, catalogue.types.values())}
    for names, who in ((selected - ours, "AWS selects"), (ours - selected, "AWS does not select")):
        if names:
            shown = ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")  # noqa: PLR2004 - examples
            yield f"{who} {format_count(len(names), 'type')} unlike the offline rules ({shown})"


def _catalogue_warnings(plan: PoolPlan, catalogue: Catalogue) -> Iterable[str]:
    """What the file says about its types, compared with the catalogue."""
    pool = plan.pool
    for each in plan.types or ():
        known = catalogue.types.get(each.name)
        if known is None:
            yield f"{each.name}: not in the catalogue; check the name and the region"
            continue
        if known.vcpu != each.vcpu:
            yield f"{each.name}: has {known.vcpu} vCPU, not {each.vcpu}; correct capacity.types"
        if pool.arch not in known.architectures:
            yield f"{each.name}: is of {', '.join(sorted(known.architectures))}, not {pool.arch}; remove it"
        if each.slots == 0:
            yield f"{each.name}: no slot fits into {known.memory_mib} MiB; remove it, or shrink the slot"
        if not known.spot and pool.capacity.max_vcpu and pool.capacity.requirements is None:
            yield f"{each.name}: not available as Spot"
        if known.accelerators and pool.gpu is None:
            yield f"{each.name}: has {known.accelerators[0]}, which the pool does not use; exclude it"

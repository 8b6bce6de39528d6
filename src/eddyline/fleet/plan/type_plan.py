"""One instance type in a pool: slots, interruption band, prices, and what its work costs."""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue import Catalogue
from eddyline.fleet.catalogue.instance_types import InstanceType
from eddyline.fleet.pools import Pool
from eddyline.fleet.slots import Resources, slot_count

_MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Work:
    """What 1,000 minutes of output are: `frame_rate` frames a second, `factor` times the measured job."""

    frame_rate: float = 30.0
    factor: float = 1.0

    @property
    def frames(self) -> float:
        """Frames of the measured job in 1,000 minutes of output."""
        return 1000 * 60 * self.frame_rate * self.factor


@dataclass(frozen=True, kw_only=True)
class TypePlan:
    """A type; None is unknown. Prices in dollars an hour, costs in dollars for 1,000 minutes of output.

    `spot`: EC2 offers it as Spot. `spot_allowed` and `on_demand_allowed`: price protection accepts it, or its
    price is unknown. `zones`: number of Availability Zones that have it.
    """

    name: str
    vcpu: int
    memory_mib: int | None
    slots: int | None
    zones: int
    spot: bool
    spot_allowed: bool
    on_demand_allowed: bool
    band: int | None
    spot_price: float | None
    on_demand_price: float | None
    spot_cost: float | None
    on_demand_cost: float | None

    @property
    def spot_pools(self) -> int:
        """The Spot pools (type x zone) that the Spot group may use of it."""
        return self.zones if self.spot and self.spot_allowed else 0

    def is_usable(self, *, spot: bool) -> bool:
        """Whether the Spot or the On-Demand group may use it."""
        return self.spot_pools > 0 if spot else self.on_demand_allowed and self.zones > 0


def plan_type(
    name: str,
    vcpu: int,
    *,
    pool: Pool,
    catalogue: Catalogue,
    zones: int,
    work: Work,
    spot_allowed: bool,
    on_demand_allowed: bool,
) -> TypePlan:
    """Join what the catalogue has about one type of a pool."""
    known = catalogue.types.get(name)
    fps = None if catalogue.throughput is None else catalogue.throughput.machine_fps(name, vcpu)
    spot, on_demand = catalogue.spot.get(name), catalogue.on_demand.get(name)
    return TypePlan(
        name=name,
        vcpu=vcpu,
        memory_mib=None if known is None else known.memory_mib,
        slots=None if known is None else _slots(known, pool),
        zones=zones,
        spot=known is None or known.spot,
        spot_allowed=spot_allowed,
        on_demand_allowed=on_demand_allowed,
        band=catalogue.bands.get(name),
        spot_price=spot,
        on_demand_price=on_demand,
        spot_cost=_cost(spot, fps, work),
        on_demand_cost=_cost(on_demand, fps, work),
    )


def _slots(known: InstanceType, pool: Pool) -> int:
    """The slots of a machine with the nominal memory of its type; 0 if none fits."""
    try:
        return slot_count(Resources(vcpus=known.vcpu, memory=known.memory_mib * _MIB), pool)
    except UsageError:
        return 0


def _cost(price: float | None, fps: float | None, work: Work) -> float | None:
    return None if price is None or fps is None else price / 3600 / fps * work.frames

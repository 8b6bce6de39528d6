"""Candidates: lists of the types whose work is cheapest on Spot, spread over families."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from eddyline.core.errors import UsageError
from eddyline.fleet.instance_types import family
from eddyline.fleet.pools import Pool, Pools
from eddyline.fleet.slots import Resources, slot_count
from eddyline.sim.engine.instance import Offer
from eddyline.sim.types import TypeFigures

LISTS = ((4, 64), (10, 64), (6, 16))
"""How many types a list has, and the most vCPU of each.

Few types are cheaper, many find Spot capacity more often; small ones follow a small load more closely.
"""

_OF_A_FAMILY = 2
_LEAST_VCPU, _MOST_VCPU = 4, 64
_LEAST_TYPES = 3
_GIB = 1024**3


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A list of instance types for a pool, the cheapest first. `slots`: of a machine of each type."""

    pool: Pool
    types: tuple[TypeFigures, ...]
    slots: tuple[int, ...]

    @property
    def spot_price(self) -> float:
        """Of the first type: Spot dollars an hour for a frame a second; to order lists before a run."""
        each = self.types[0]
        return each.spot_usd_h / (each.fps or 1.0)

    @property
    def largest_vcpu(self) -> int:
        """The vCPU of the largest type."""
        return max(each.vcpu for each in self.types)

    def offers(self, *, zones: Sequence[str], reference_fps: float) -> list[Offer]:
        """Each type on Spot in each zone, named TYPE/ZONE as in generated markets, and On-Demand."""
        pairs = list(zip(self.types, self.slots, strict=True))
        spot = [self._offer(each, slots, reference_fps, zone=zone) for each, slots in pairs for zone in zones]
        return [*spot, *(self._offer(each, slots, reference_fps, zone="") for each, slots in pairs)]

    def _offer(self, each: TypeFigures, slots: int, reference_fps: float, *, zone: str) -> Offer:
        return Offer(
            name=f"{each.name}/{zone or 'on-demand'}",
            type=each.name,
            zone=zone,
            spot=bool(zone),
            vcpu=each.vcpu,
            slots=slots,
            speed=(each.fps_per_vcpu or 0.0) * self.pool.slot.vcpu / reference_fps,
            usd_h=each.spot_usd_h if zone else each.on_demand_usd_h,
            own_usd_h=each.on_demand_usd_h,
        )


def candidates(types: Mapping[str, TypeFigures], pools: Pools, *, pool: str = "") -> list[Candidate]:
    """The lists for `pool`, else for the pool that chunks go to; the cheapest list comes first.

    Raises `UsageError` for a pool that encodes no chunks, and where no type fits.
    """
    able = _able(pools)
    chosen = pools[pool] if pool else able[0]
    if chosen not in able:
        raise UsageError(
            f"pool {pool} does not encode chunks on CPUs, which is what is simulated",
            remedy=f"choose one of {', '.join(each.name for each in able)}",
        )
    found = list(_lists(chosen, [one for one in types.values() if _fits(one, chosen)]))
    if not found:
        raise UsageError(
            f"no instance type of {_LEAST_VCPU} to {_MOST_VCPU} vCPU with known prices and speed fits a slot",
            remedy="pass --throughput with the speed of more types, or a smaller slot in pools.yaml",
        )
    return sorted(found, key=lambda each: (each.spot_price, len(each.types)))


def other_pools(pools: Pools, chosen: str) -> list[str]:
    """The first pool of each other architecture, for comparison."""
    found = {each.arch: each.name for each in reversed(_able(pools))}
    return [name for arch, name in sorted(found.items()) if arch != pools[chosen].arch]


def _able(pools: Pools) -> list[Pool]:
    """The pools whose machines encode chunks on CPUs, in the order in which chunks go to them."""
    able = [each for each in pools.pools.values() if "chunk" in each.kinds and each.gpu is None]
    if not able:
        raise UsageError(
            "no pool encodes chunks on CPUs, which is what is simulated",
            remedy="add a pool of kind chunk without a GPU to pools.yaml",
        )
    return sorted(able, key=lambda each: each.cost)


def _fits(each: TypeFigures, pool: Pool) -> bool:
    return (
        each.fps is not None
        and not each.gpu
        and each.arch == pool.arch
        and _LEAST_VCPU <= each.vcpu <= _MOST_VCPU
        and _slots(each, pool) > 0
    )


def _slots(each: TypeFigures, pool: Pool) -> int:
    """The slots of a machine with the nominal memory of its type (unknown: enough); 0 if none fits."""
    memory = float("inf") if each.memory_gib is None else each.memory_gib * _GIB
    try:
        return slot_count(Resources(vcpus=each.vcpu, memory=int(min(memory, 1 << 50))), pool)
    except UsageError:
        return 0


def _lists(pool: Pool, types: Sequence[TypeFigures]) -> Iterator[Candidate]:
    ordered = sorted(types, key=lambda each: (-(each.frames_per_usd(spot=True) or 0.0), each.name))
    seen: set[tuple[TypeFigures, ...]] = set()
    for size, most_vcpu in LISTS:
        chosen = tuple(_spread(each for each in ordered if each.vcpu <= most_vcpu)[:size])
        if chosen and chosen not in seen and (len(chosen) >= _LEAST_TYPES or not seen):
            seen.add(chosen)
            yield Candidate(pool=pool, types=chosen, slots=tuple(_slots(each, pool) for each in chosen))


def _spread(types: Iterable[TypeFigures]) -> list[TypeFigures]:
    """At most two types of each family: sizes of one family often lack capacity together."""
    families: Counter[str] = Counter()
    found = []
    for each in types:
        families[family(each.name)] += 1
        if families[family(each.name)] <= _OF_A_FAMILY:
            found.append(each)
    return found

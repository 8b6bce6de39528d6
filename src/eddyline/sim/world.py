"""What a scenario is made of for one seed: types, markets, offers and arrivals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue.catalogue import read_catalogue
from eddyline.sim.engine.instance import Offer
from eddyline.sim.market.file import read_market
from eddyline.sim.market.generate import chosen_types, generate
from eddyline.sim.market.market import Market, MarketPool
from eddyline.sim.market.rotate import rotate, scale
from eddyline.sim.offers import instances_per_unit, on_demand_offers, spot_offers
from eddyline.sim.scenario import REMEDY, Scenario, TypeSection
from eddyline.sim.types import TypeFigures, builtin_types, types_from_catalogue
from eddyline.sim.workload.arrivals import arrivals, iter_batches
from eddyline.sim.workload.asset_arrival import AssetArrival
from eddyline.sim.workload.asset_batch import AssetBatch

CLASSIC_ON_DEMAND, ATTRIBUTES_ON_DEMAND = "c4.4xlarge", "m5.8xlarge"
"""The On-Demand types of the published lists that stand for them: docs/explanation/economics.md."""


_MOST_VCPU = 64


@dataclass(frozen=True, kw_only=True)
class Supply:
    """Spot pools and their offers, in the same order."""

    market: Market
    offers: Sequence[Offer]

    @property
    def pools(self) -> Mapping[str, MarketPool]:
        """The pools by the names of their offers."""
        return {pool.name: pool for pool in self.market.pools}


def scenario_types(scenario: Scenario) -> Mapping[str, TypeFigures]:
    """The figures of instance types: the table, or files, and what the scenario says itself."""
    types: Mapping[str, TypeFigures] = builtin_types()
    files = scenario.prices
    if files is not None:
        types = types_from_catalogue(
            read_catalogue(
                region=files.region,
                instance_types=Path(files.instance_types),
                prices=Path(files.on_demand),
                advisor=Path(files.advisor),
                throughput=Path(files.throughput),
            )
        )
    return {**types, **{name: section.figures(name) for name, section in scenario.types.items()}}


class World:
    """The world of one seed. Parts are made when they are first needed."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed
        self.types = scenario_types(scenario)
        self._published: dict[str, Supply] = {}
        self.assumed_types: frozenset[str] = frozenset()
        self.reference_fps = scenario.workload.encode_fps()

    @cached_property
    def recorded(self) -> Market | None:
        """The market of the file, rotated; None for a generated one. It is the same for each seed."""
        section = self.scenario.market
        if section.file is None:
            return None
        market = read_market(Path(section.file))
        unknown = {pool.type for pool in market.pools} - set(self.types)
        if unknown:
            self.assumed_types = frozenset(unknown)
            # A market of a type that nothing is known of: only ratios to its own On-Demand price make sense.
            self.types = {
                **self.types,
                **{name: TypeSection().figures(name) for name in unknown},
            }
        found = rotate(market, section.rotations)
        offers = self._offers(found)
        units = section.units or instances_per_unit(
            market, self._offers(market), self.scenario.workload.slots
        )
        return scale(found, units) if units > 1 and offers else found

    @cached_property
    def end_s(self) -> float:
        """The length of the scenario."""
        return self.scenario.workload.end_s(None if self.recorded is None else self.recorded.end_s)

    def _offers(self, market: Market) -> list[Offer]:
        return spot_offers(
            market, self.types, reference_fps=self.reference_fps, slot_vcpu=self.scenario.slot_vcpu
        )

    @cached_property
    def supply(self) -> Supply:
        """The market of the scenario."""
        market = self.recorded
        if market is None:
            spec = self.scenario.market.spec()
            # A type with fewer vCPU than a slot cannot run a job as it is planned.
            names = [
                name
                for name in chosen_types(spec, self.types)
                if self.types[name].vcpu >= self.scenario.slot_vcpu
            ]
            spec = spec.model_copy(update={"types": tuple(names), "lists": ()})
            market = generate(spec, types=self.types, seed=self.seed, end_s=self.end_s)
        return Supply(market=market, offers=self._offers(market))

    def published(self, name: str) -> Supply:
        """Pools of a published list, in a market generated like that of the scenario."""
        if name not in self._published:
            self._published[name] = self._generate_published(name)
        return self._published[name]

    def _generate_published(self, name: str) -> Supply:
        if self.recorded is not None:
            raise UsageError(
                f"the market of a file has no pools of the published list {name!r}", remedy=REMEDY
            )
        spec = self.scenario.market.spec().model_copy(update={"types": (), "lists": (name,)})
        market = generate(spec, types=self.types, seed=self.seed, end_s=self.end_s)
        return Supply(market=market, offers=self._offers(market))

    def on_demand(self, names: Sequence[str]) -> list[Offer]:
        """On-Demand offers of these types."""
        missing = [name for name in names if name not in self.types]
        if missing:
            raise UsageError(f"nothing is known of the instance type {missing[0]}", remedy=REMEDY)
        return on_demand_offers(
            names, self.types, reference_fps=self.reference_fps, slot_vcpu=self.scenario.slot_vcpu
        )

    @cached_property
    def own_on_demand(self) -> list[Offer]:
        """The types of the market, On-Demand."""
        return self.on_demand([offer.type for offer in self.supply.offers])

    @cached_property
    def best_on_demand(self) -> list[Offer]:
        """The sizes of the family whose frames are cheapest On-Demand, of at most 64 vCPU."""
        rated = [
            (each.frames_per_usd(spot=False) or 0.0, each)
            for each in self.types.values()
            if self.scenario.slot_vcpu <= each.vcpu <= _MOST_VCPU
        ]
        best = max(rated, key=lambda pair: (pair[0], pair[1].name))[1]
        family = best.name.split(".")[0]
        return self.on_demand([each.name for _, each in rated if each.name.split(".")[0] == family])

    def batches(self) -> Iterator[AssetBatch]:
        """The same assets in counts, for the aggregate engine; they are not kept."""
        return iter_batches(self.scenario.workload, seed=self.seed, end_s=self.end_s)

    def sizes(self) -> tuple[int, int, float]:
        """How many assets and chunks arrive, and their work in reference slot-seconds."""
        if self.scenario.engine != "aggregate":
            chunks = [each.chunks for each in self.arrivals]
            return len(chunks), sum(map(len, chunks)), sum(map(sum, chunks))
        sums = [(len(each.at), each.jobs.sum(), each.jobs @ each.weight) for each in self.batches()]
        return (
            sum(assets for assets, _, _ in sums),
            round(float(sum(jobs for _, jobs, _ in sums))),
            float(sum(work for _, _, work in sums)),
        )

    @cached_property
    def arrivals(self) -> list[AssetArrival]:
        """The assets of the workload."""
        return arrivals(self.scenario.workload, seed=self.seed, end_s=self.end_s)

"""Everything known about the instance types of a region; each part may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue.instance_types import InstanceType, read_instance_types
from eddyline.fleet.catalogue.prices import read_on_demand_prices, read_spot_advice
from eddyline.fleet.catalogue.throughput import Throughput, read_throughput


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Attributes, prices in dollars an hour, interruption bands (of `prices.BANDS`) and speed, by type.

    `offered` has the zones that offer each type; None if unknown: then every type is assumed in all zones.
    From AWS itself, by the name of a pool: `selected`, the types that match its requirements, and `scores`,
    the Spot placement score (1 to 10) of its maximum capacity. `quotas`: the vCPU that the account may run,
    by the code of the quota.
    """

    types: Mapping[str, InstanceType] = field(default_factory=dict)
    on_demand: Mapping[str, float] = field(default_factory=dict)
    spot: Mapping[str, float] = field(default_factory=dict)
    spot_source: str = ""
    bands: Mapping[str, int] = field(default_factory=dict)
    throughput: Throughput | None = None
    offered: Mapping[str, frozenset[str]] | None = None
    selected: Mapping[str, frozenset[str]] = field(default_factory=dict)
    scores: Mapping[str, int] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)


def read_catalogue(
    *,
    region: str,
    instance_types: Path | None = None,
    prices: Path | None = None,
    advisor: Path | None = None,
    throughput: Path | None = None,
) -> Catalogue:
    """Read the files that are given; raises `UsageError` for the first that is wrong.

    Spot prices are the On-Demand prices less the saving of the advisor.
    """
    if not region:
        raise UsageError("no region is given", remedy="pass --region, such as --region us-east-1")
    on_demand = {} if prices is None else read_on_demand_prices(prices)
    advice = {} if advisor is None else read_spot_advice(advisor, region)
    return Catalogue(
        types={} if instance_types is None else read_instance_types(instance_types),
        on_demand=on_demand,
        spot={
            name: on_demand[name] * (1 - each.saving) for name, each in advice.items() if name in on_demand
        },
        spot_source="On-Demand less the saving of the Spot Instance advisor",
        bands={name: each.band for name, each in advice.items()},
        throughput=None if throughput is None else read_throughput(throughput),
    )

"""Wires `eddyline fleet plan`: the pools file, and figures from files, from AWS, or both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eddyline.app.shared_services import SharedServices
from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue.catalogue import Catalogue, read_catalogue
from eddyline.fleet.plan.fixed_costs import FixedCostOptions
from eddyline.fleet.plan.fleet_plan import FleetPlan, plan_fleet
from eddyline.fleet.plan.type_plan import Work


@dataclass(frozen=True, kw_only=True)
class CatalogueFiles:
    """The files that are given; None: not given."""

    instance_types: Path | None = None
    prices: Path | None = None
    advisor: Path | None = None
    throughput: Path | None = None


def make_fleet_plan(
    *,
    files: CatalogueFiles,
    region: str,
    zones: tuple[str, ...],
    pool: str,
    work: Work,
    fixed: FixedCostOptions,
) -> FleetPlan:
    """The plan of all pools, or of one. Raises `UsageError` for a wrong file, pool or zone."""
    pools = SharedServices.from_options().pools()
    chosen = (pools[pool],) if pool else tuple(pools.pools.values())
    wrong = [zone for zone in zones if not zone.startswith(region)]
    if wrong:
        raise UsageError(
            f"zone {wrong[0]} is not in region {region}", remedy=f"pass names of zones, such as {region}a"
        )
    catalogue = _catalogue(files, region)
    return plan_fleet(chosen, catalogue, region=region, zones=zones, work=work, fixed=fixed)


def _catalogue(files: CatalogueFiles, region: str) -> Catalogue:
    return read_catalogue(
        region=region,
        instance_types=files.instance_types,
        prices=files.prices,
        advisor=files.advisor,
        throughput=files.throughput,
    )

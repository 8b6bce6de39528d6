"""Wires `eddyline fleet plan`: the pools file, and figures from files, from AWS, or both."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import SharedServices
from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue.catalogue import Catalogue, read_catalogue
from eddyline.fleet.plan.fixed_costs import FixedCostOptions
from eddyline.fleet.plan.fleet_plan import FleetPlan, plan_fleet
from eddyline.fleet.plan.quotas import quota_codes
from eddyline.fleet.plan.type_plan import Work
from eddyline.fleet.pools import Pool

if TYPE_CHECKING:
    from eddyline.aws.ec2_catalogue import Ec2Catalogue


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
    live: bool = False,
    placement_scores: bool = False,
) -> FleetPlan:
    """The plan of all pools, or of one; `live` reads types, zones, Spot prices and quotas from AWS.

    Raises `UsageError` for a wrong file, pool or zone, or without access to AWS, else `TransientError`.
    """
    pools = SharedServices.from_options().pools()
    chosen = (pools[pool],) if pool else tuple(pools.pools.values())
    _check_zones(zones, chosen, region)
    if placement_scores and not live:
        raise UsageError("--placement-scores needs --live", remedy="pass both, or neither")
    catalogue = read_catalogue(
        region=region,
        instance_types=files.instance_types,
        prices=files.prices,
        advisor=files.advisor,
        throughput=files.throughput,
    )
    if live:
        with require_extra("aws", "--live"):
            from eddyline.aws.clients import open_client
            from eddyline.aws.ec2_catalogue import Ec2Catalogue
            from eddyline.aws.service_quotas import granted_vcpu

            source = Ec2Catalogue(open_client("ec2", region=region))
        catalogue = add_live_figures(catalogue, source, chosen, region=region, zones=zones)
        codes = quota_codes(types_of(catalogue, chosen))
        catalogue = replace(
            catalogue, quotas=granted_vcpu(open_client("service-quotas", region=region), codes)
        )
        zones = zones or offered_zones(catalogue, region)
        if placement_scores:
            catalogue = _add_scores(catalogue, source, chosen, region)
    return plan_fleet(chosen, catalogue, region=region, zones=zones, work=work, fixed=fixed)


def _check_zones(zones: Collection[str], pools: Sequence[Pool], region: str) -> None:
    """All zones that are given, and those of the pools, must be in the region."""
    own = re.compile(rf"{re.escape(region)}(-[a-z]{{2,4}}-[0-9]+)?[a-z]")
    for zone in zones:
        if not own.fullmatch(zone):
            raise UsageError(
                f"{zone!r} is not a zone of region {region}", remedy=f"pass names of zones, such as {region}a"
            )
    for pool in pools:
        for zone in pool.capacity.zones:
            if not own.fullmatch(zone):
                raise UsageError(
                    f"pool {pool.name} has zone {zone}, which is not in region {region}",
                    remedy="pass the --region of the pools, or correct capacity.zones",
                )


def add_live_figures(
    catalogue: Catalogue, source: Ec2Catalogue, pools: Sequence[Pool], *, region: str, zones: Collection[str]
) -> Catalogue:
    """The catalogue with types, zones, selections and Spot prices of AWS instead of those of files."""
    found = replace(catalogue, types=source.instance_types(), offered=source.offered())
    wanted = {pool.name: pool.capacity.requirements for pool in pools}
    selected = {
        pool.name: source.selected_types(requirements, pool.arch)
        for pool in pools
        if (requirements := wanted[pool.name]) is not None
    }
    found = replace(found, selected=selected)
    names = types_of(found, pools) & set(found.types)
    return replace(
        found,
        spot=source.spot_prices(names, set(zones or offered_zones(found, region))),
        spot_source="the mean over the zones, from DescribeSpotPriceHistory",
    )


def types_of(catalogue: Catalogue, pools: Sequence[Pool]) -> set[str]:
    """The names of all types that the pools list or that AWS selected for them."""
    return {name for pool in pools for name in (*pool.capacity.types, *catalogue.selected.get(pool.name, ()))}


def offered_zones(catalogue: Catalogue, region: str) -> tuple[str, ...]:
    """The Availability Zones of the region that offer any type; Local Zones are left out."""
    own = re.compile(rf"{re.escape(region)}[a-z]")
    names = {zone for zones in (catalogue.offered or {}).values() for zone in zones}
    return tuple(sorted(zone for zone in names if own.fullmatch(zone)))


def _add_scores(catalogue: Catalogue, source: Ec2Catalogue, pools: Sequence[Pool], region: str) -> Catalogue:
    scores = {}
    for pool in pools:
        capacity = pool.capacity
        if capacity.max_vcpu:
            score = source.placement_score(
                region=region,
                vcpu=capacity.max_vcpu,
                requirements=capacity.requirements,
                types=tuple(capacity.types),
                arch=pool.arch,
            )
            if score is not None:
                scores[pool.name] = score
    return replace(catalogue, scores=scores)

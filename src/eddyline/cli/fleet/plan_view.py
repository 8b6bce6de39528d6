"""The plan of a fleet as text."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eddyline.cli.fleet.plan_tables import TYPES_LEGEND, fixed_costs_table, quotas_table, types_table
from eddyline.core.formatting import format_count, printable
from eddyline.fleet.plan.fixed_costs import PRICES_OF
from eddyline.fleet.plan.fleet_plan import FleetPlan
from eddyline.fleet.plan.pool_plan import CostRange, PoolPlan

_LABEL_WIDTH = 11


def print_plan(screen: Console, plan: FleetPlan, *, with_types: bool = False) -> None:
    """Print the plan; warnings stand below the pool they are about, assumptions at the end."""
    for each in plan.pools:
        _print_pool(screen, each)
        if with_types and each.types:
            screen.print()
            screen.print(types_table(each.types))
            screen.print(Text(TYPES_LEGEND, style="dim"))
        screen.print()
    if plan.quotas:
        screen.print(quotas_table(plan))
        for quota in plan.quotas:
            if quota.granted is not None and quota.granted < quota.vcpu:
                missing = f"request {quota.vcpu:,} vCPU in Service Quotas; the account has {quota.granted:,}"
                _print_row(screen, Text("!", style="bold yellow"), f"{quota.code}: {missing}", width=1)
        screen.print()
    screen.print(fixed_costs_table(plan))
    screen.print()
    for text in _assumptions(plan):
        screen.print(Text(text, style="dim"))
    if plan.missing:
        screen.print()
        screen.print(Text("Pass for more:", style="bold"))
        for text in plan.missing:
            screen.print(Padding(text, (0, 0, 0, 2)))


def _print_pool(screen: Console, plan: PoolPlan) -> None:
    pool, capacity = plan.pool, plan.pool.capacity
    gpu = f", {pool.gpu} GPU" if pool.gpu else ""
    sizes = (
        f"Spot {_vcpu(capacity.min_vcpu, capacity.max_vcpu)}, "
        f"On-Demand {_vcpu(capacity.on_demand.min_vcpu, capacity.on_demand.max_vcpu)}"
    )
    screen.print(
        Text.assemble(
            (pool.name, "bold"), f"  {pool.arch}{gpu}  {sizes if capacity.has_machines else 'no machines'}"
        )
    )
    for label, value in _facts(plan):
        _print_row(screen, Text(label, style="dim"), value, width=_LABEL_WIDTH)
    for text in plan.warnings:
        _print_row(screen, Text("!", style="bold yellow"), text, width=1)


def _print_row(screen: Console, label: Text, value: str, *, width: int) -> None:
    """One row, indented, whose value is wrapped beside the label."""
    row = Table.grid(padding=(0, 1))
    row.add_column(width=width, no_wrap=True)
    row.add_column(overflow="fold")
    row.add_row(label, printable(value))
    screen.print(Padding(row, (0, 0, 0, 2), expand=False))


def _facts(plan: PoolPlan) -> Iterable[tuple[str, str]]:
    capacity, types = plan.pool.capacity, plan.types
    if types is None:
        yield "types", _describe_requirements(plan)
        return
    if not types:
        return
    if capacity.requirements is None:
        yield "types", ", ".join(f"{each.name} ({each.vcpu})" for each in types)
    else:
        yield "types", f"{len(types)} match; {sum(each.spot for each in types)} of them have Spot"
        yield from _price_limits(plan)
    if capacity.max_vcpu:
        yield "Spot pools", f"{plan.spot_pools} (type x zone); {capacity.spot.strategy}"
    if plan.placement_score is not None:
        yield "Spot score", f"{plan.placement_score} of 10, for {capacity.max_vcpu:,} vCPU"
    if any(band != "unknown" for band in plan.bands):
        yield "interrupted", ", ".join(f"{band}: {_types(count)}" for band, count in plan.bands.items())
    slots = [each.slots for each in types if each.slots]
    if slots:
        yield "slots", f"{_span(min(slots), max(slots))} on each machine"
    spot, on_demand = plan.costs(spot=True), plan.costs(spot=False)
    if spot and capacity.max_vcpu:
        yield "Spot", _cost(spot)
    if on_demand and capacity.on_demand.max_vcpu:
        yield "On-Demand", _cost(on_demand)


def _price_limits(plan: PoolPlan) -> Iterable[tuple[str, str]]:
    """What price protection leaves out, of the types with a known price."""
    capacity, types = plan.pool.capacity, plan.types or ()
    groups = (
        (
            "Spot",
            capacity.spot.max_price_percent,
            plan.spot_identified,
            [each.spot_allowed for each in types],
        ),
        (
            "On-Demand",
            capacity.on_demand.max_price_percent,
            plan.on_demand_identified,
            [each.on_demand_allowed for each in types],
        ),
    )
    for name, percent, identified, allowed in groups:
        if identified:
            out = allowed.count(False)
            yield (
                "price limit",
                f"{name} {percent} % above {identified}: leaves out {_types(out) if out else 'none'}",
            )


def _describe_requirements(plan: PoolPlan) -> str:
    wanted = plan.pool.capacity.requirements
    if wanted is None:
        return ""
    makers = " and ".join(wanted.cpu_manufacturers) or "any manufacturer"
    return (
        f"{makers}, {_span(wanted.vcpu.min, wanted.vcpu.max)} vCPU, "
        f"{_span(wanted.memory_mib.min // 1024, wanted.memory_mib.max // 1024)} GiB"
    )


def _types(count: int) -> str:
    return format_count(count, "type")


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _vcpu(low: int, high: int) -> str:
    return f"{low:,} to {high:,} vCPU" if high else "none"


def _cost(found: CostRange) -> str:
    known = "" if found.known == found.types else f" ({found.known} of {_types(found.types)} known)"
    if found.low == found.high:
        return f"${found.low:.2f} for 1,000 minutes{known}"
    return (
        f"${found.low:.2f} ({found.cheapest}) to ${found.high:.2f} for 1,000 minutes, "
        f"median ${found.median:.2f}{known}"
    )


def _assumptions(plan: FleetPlan) -> Iterable[str]:
    zones = format_count(len(plan.zones), "zone")
    assumed = f"{zones} assumed (--zones)" if plan.zones_assumed else f"{zones}: {', '.join(plan.zones)}"
    yield f"Region {plan.region}, {assumed}."
    unknown = [each.pool.name for each in plan.pools if each.types is None]
    without = f", without {', '.join(unknown)}, whose types are unknown" if unknown else ""
    yield f"Quotas: all groups at their maximum, plus one machine each{without}."
    if any(each.costs(spot=False) or each.costs(spot=True) for each in plan.pools):
        yield (
            f"1,000 minutes: output at {plan.work.frame_rate:g} frames/s; each frame is "
            f"{plan.work.factor:g} x the work of the measured FFmpeg job (--work); all slots are busy."
        )
    if plan.spot_prices:
        yield f"Spot prices: {plan.spot_prices}."
    yield f"Fixed costs: prices of {PRICES_OF}; without requests, data transfer, S3 and CloudWatch."

"""Tables of the plan of a fleet: the types of a pool, quotas, fixed costs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from eddyline.fleet.catalogue.prices import BANDS
from eddyline.fleet.plan.fleet_plan import FleetPlan
from eddyline.fleet.plan.type_plan import TypePlan

_UNKNOWN = "?"
TYPES_LEGEND = (
    "Spot and On-D.: $ an hour (! above the price limit). cost: $ for 1,000 minutes. "
    "band: interrupted in a month. ?: unknown."
)


def _table(*headings: str, left: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < left else "right", overflow="fold")
    return table


def types_table(types: Sequence[TypePlan]) -> Table:
    """Types by cost; the number of zones is left out where all types have the same."""
    with_zones = len({each.zones for each in types}) > 1
    table = _table(
        "type",
        "vCPU",
        "GiB",
        "slots",
        *(["zones"] if with_zones else []),
        "band",
        "Spot",
        "cost",
        "On-D.",
        "cost",
    )
    table.columns[0].no_wrap = True
    for each in sorted(types, key=lambda each: (each.spot_cost is None, each.spot_cost or 0.0, each.name)):
        table.add_row(
            each.name,
            str(each.vcpu),
            _UNKNOWN if each.memory_mib is None else f"{each.memory_mib / 1024:g}",
            _UNKNOWN if each.slots is None else str(each.slots),
            *([str(each.zones)] if with_zones else []),
            _UNKNOWN if each.band is None else BANDS[each.band],
            "none" if not each.spot else _money(each.spot_price) + ("" if each.spot_allowed else "!"),
            _money(each.spot_cost),
            _money(each.on_demand_price) + ("" if each.on_demand_allowed else "!"),
            _money(each.on_demand_cost),
        )
    return table


def _money(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.3f}"


def quotas_table(plan: FleetPlan) -> Table:
    """Quotas with what is needed and, where known, what the account has."""
    known = any(each.granted is not None for each in plan.quotas)
    table = _table(
        "quota", "vCPU quotas (Service Quotas, ec2)", "needed", *(["granted"] if known else []), left=2
    )
    for each in plan.quotas:
        granted = _UNKNOWN if each.granted is None else f"{each.granted:,}"
        style = "bold yellow" if each.granted is not None and each.granted < each.vcpu else ""
        table.add_row(
            each.code, each.name, f"{each.vcpu:,}", *([Text(granted, style=style)] if known else [])
        )
    return table


def fixed_costs_table(plan: FleetPlan) -> Table:
    """The items of a month and their total."""
    table = _table("fixed costs", "basis", "$ a month", left=2)
    for each in plan.fixed:
        table.add_row(each.item, each.basis, f"{each.dollars:,.2f}")
    table.add_row(
        Text("total", style="bold"),
        "",
        Text(f"{sum(each.dollars for each in plan.fixed):,.2f}", style="bold"),
    )
    return table

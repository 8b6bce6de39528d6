"""`eddyline fleet plan`: shows the machines that the pools may have on AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from eddyline.cli.terminal import console

if TYPE_CHECKING:
    from eddyline.fleet.pools import Pool, Pools


def plan(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the machines that the pools may have on AWS."""
    from eddyline.app.shared_services import SharedServices

    pools = SharedServices.from_options().pools()
    if as_json:
        typer.echo(json.dumps(pools.model_dump(mode="json"), indent=2))
        return
    _print(console(), pools)


def _print(screen: Console, pools: Pools) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("pool", "arch", "Spot vCPU", "On-Demand vCPU", "types"):
        table.add_column(heading, justify="right" if heading.endswith("vCPU") else "left")
    for pool in pools.pools.values():
        spot, on_demand = pool.capacity, pool.capacity.on_demand
        table.add_row(
            pool.name,
            pool.arch,
            f"{spot.min_vcpu:,}-{spot.max_vcpu:,}",
            f"{on_demand.min_vcpu:,}-{on_demand.max_vcpu:,}",
            _types(pool),
        )
    screen.print(table)


def _types(pool: Pool) -> str:
    wanted = pool.capacity.requirements
    if wanted is None:
        return ", ".join(pool.capacity.types)
    return (
        f"all of {', '.join(wanted.cpu_manufacturers) or 'any manufacturer'} with "
        f"{wanted.vcpu.min}-{wanted.vcpu.max} vCPU and "
        f"{wanted.memory_mib.min // 1024}-{wanted.memory_mib.max // 1024} GiB, "
        f"except {len(wanted.excluded_types)} patterns"
    )

"""`eddyline fleet savings`: the share of Spot, and what it saved against On-Demand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from eddyline.cli import options
from eddyline.cli.fleet.durations import describe, parse_duration
from eddyline.cli.fleet.interruptions import LONGEST_S
from eddyline.cli.terminal import console
from eddyline.core.formatting import format_count, printable

if TYPE_CHECKING:
    from eddyline.app.fleet.reports import SavingsReport
    from eddyline.fleet.record.savings import MissingPrice, PoolSavings

_MAX_MISSING = 10


def savings(
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="The time to look back: 24h, 30d.")
    ] = "30d",
    prices: Annotated[
        Path | None,
        typer.Option(
            "--prices",
            metavar="FILE",
            help="On-Demand prices: a JSON mapping of type to dollars an hour. Without it: only shares.",
            show_default=False,
        ),
    ] = None,
    spot_prices: Annotated[
        Path | None,
        typer.Option(
            "--spot-prices",
            metavar="FILE",
            help="Spot prices: the output of `aws ec2 describe-spot-price-history`. Default: ask Amazon EC2.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the share of Spot by vCPU-hours and by jobs, and what Spot saved against On-Demand.

    Hours without a price are listed and not compared.
    """
    from eddyline.app.fleet.reports import read_savings
    from eddyline.app.shared_services import SharedServices

    since_s = parse_duration(since, "--since", longest_s=LONGEST_S)
    shared = SharedServices.from_options(ledger=ledger, queues=queues)
    with shared.open_ledger() as opened:
        found = read_savings(
            opened, shared, shared.pools(), since_s=since_s, prices=prices, spot_prices=spot_prices
        )
    if as_json:
        typer.echo(json.dumps(savings_json(found), indent=2))
    else:
        print_savings(console(), found)


def savings_json(found: SavingsReport) -> dict[str, Any]:
    """The report as JSON values."""
    return {
        **asdict(found.savings),
        "total": _pool_json(found.savings.total),
        "pools": [_pool_json(each) for each in found.savings.pools],
        "jobs": {
            "spot": found.spot_jobs,
            "on_demand": found.on_demand_jobs,
            "unknown": found.unknown_jobs,
            "spot_share": found.spot_share_of_jobs,
        },
        "spot_prices": found.spot_prices,
    }


def _pool_json(pool: PoolSavings) -> dict[str, Any]:
    return {
        **asdict(pool),
        "spot_share": pool.spot_share,
        "saved": pool.saved,
        "saved_as_billed": pool.saved_as_billed,
    }


def print_savings(screen: Console, found: SavingsReport) -> None:
    """Print the report: the saving first, then the table of the pools, and what could not be compared."""
    savings, total = found.savings, found.savings.total
    period = describe(round(savings.stop - savings.start))
    if total.saved is not None:
        paid = total.spot.cost + total.on_demand.cost
        full = total.spot.on_demand_cost + total.on_demand.on_demand_cost
        screen.print(
            Text.assemble(
                f"Saved in the last {period}: ",
                (f"{total.saved:.1%}", "bold"),
                f", ${paid:,.2f} instead of ${full:,.2f} On-Demand",
            ),
            soft_wrap=True,
        )
    if total.free and total.saved_as_billed is not None:
        screen.print(
            f"{total.saved_as_billed:.1%} as billed: AWS bills nothing for instances that it interrupts "
            f"within their first hour (${total.free:,.2f})",
            soft_wrap=True,
        )
    if not savings.pools:
        screen.print(f"No instance ran in the last {period}.")
    else:
        screen.print(_table([*savings.pools, *([total] if len(savings.pools) > 1 else [])]))
    _print_jobs(screen, found)
    _print_missing(screen, found)


def _table(pools: Sequence[PoolSavings]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("pool", no_wrap=True)
    for heading in ("Spot vCPU-h", "all vCPU-h", "Spot", "cost $", "On-Demand $", "saved"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in pools:
        vcpu_hours = each.spot.vcpu_hours + each.on_demand.vcpu_hours
        full = each.spot.on_demand_cost + each.on_demand.on_demand_cost
        table.add_row(
            printable(each.pool) or "all",
            f"{each.spot.vcpu_hours:,.0f}",
            f"{vcpu_hours:,.0f}",
            _percent(each.spot_share),
            f"{each.spot.cost + each.on_demand.cost:,.2f}" if full else "",
            f"{full:,.2f}" if full else "",
            _percent(each.saved),
            style=None if each.pool else "bold",
        )
    return table


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _print_jobs(screen: Console, found: SavingsReport) -> None:
    share = found.spot_share_of_jobs
    if share is not None:
        known = format_count(found.spot_jobs + found.on_demand_jobs, "job")
        screen.print(f"{share:.1%} of {known} ran on Spot")
    if found.unknown_jobs:
        line = f"{format_count(found.unknown_jobs, 'job')} ran on machines whose purchase option is not known"
        screen.print(line, style="dim")


def _print_missing(screen: Console, found: SavingsReport) -> None:
    savings = found.savings
    if not found.spot_prices and savings.missing_on_demand:
        screen.print("Only shares are shown without On-Demand prices: pass --prices FILE.", style="dim")
    else:
        _print_hours(screen, "On-Demand", savings.missing_on_demand)
        _print_hours(screen, "Spot", savings.missing_spot)
    if savings.total.vcpu_unknown_hours >= 1:
        hours = savings.total.vcpu_unknown_hours
        screen.print(f"{hours:,.0f} instance-hours of types whose vCPU are not known", style="dim")
    if savings.incomplete:
        line = f"{format_count(savings.incomplete, 'instance')} left out: purchase option not known"
        screen.print(line, style="dim")


def _print_hours(screen: Console, option: str, missing: Sequence[MissingPrice]) -> None:
    for each in missing[:_MAX_MISSING]:
        where = f" in {each.zone}" if each.zone else ""
        line = f"no {option} price of {each.instance_type or 'an unknown type'}{where}: "
        line += f"{each.hours:,.1f} instance-hours are not compared"
        screen.print(Text.assemble(("! ", "bold yellow"), printable(line)), soft_wrap=True)
    if missing[_MAX_MISSING:]:
        screen.print(f"and {len(missing) - _MAX_MISSING:,} more types without a price", style="dim")

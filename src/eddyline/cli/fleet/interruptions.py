"""`eddyline fleet interruptions`: how often Spot Instances were interrupted."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from eddyline.cli import options
from eddyline.cli.fleet.durations import describe, parse_duration
from eddyline.cli.terminal import console
from eddyline.core.formatting import format_count, printable

if TYPE_CHECKING:
    from eddyline.fleet.record.rates import InterruptionRate, InterruptionRates

LONGEST_S = 400 * 86_400.0
"""How long the fleet record keeps instances."""
_PER_HOURS = 1000


class Grouping(StrEnum):
    """What the rates are grouped by."""

    POOL = "pool"
    TYPE = "type"
    ZONE = "zone"


def interruptions(
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="The time to look back: 24h, 30d.")
    ] = "30d",
    by: Annotated[Grouping, typer.Option("--by", help="Group the rates by this.")] = Grouping.TYPE,
    confidence: Annotated[
        float,
        typer.Option("--confidence", min=50, max=99.9, metavar="%", help="Of the interval of each rate."),
    ] = 95.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show interruptions per Spot instance-hour with exact intervals, and the share of launches.

    An interruption is a termination that followed an interruption warning, or for which Amazon EC2 names Spot
    as the reason. Scale-ins and other voluntary ends do not count.
    """
    from eddyline.app.fleet.reports import read_interruptions
    from eddyline.app.shared_services import SharedServices

    since_s = parse_duration(since, "--since", longest_s=LONGEST_S)
    shared = SharedServices.from_options(ledger=ledger, queues=queues)
    with shared.open_ledger() as opened:
        found = read_interruptions(opened, since_s=since_s, by=by.value, confidence=confidence / 100)
    if as_json:
        typer.echo(json.dumps(interruptions_json(found), indent=2))
    else:
        print_interruptions(console(), found, by=by.value)


def interruptions_json(found: InterruptionRates) -> dict[str, Any]:
    """The rates as JSON values."""
    return {
        **asdict(found),
        "total": _rate_json(found.total),
        "groups": [_rate_json(each) for each in found.groups],
    }


def _rate_json(rate: InterruptionRate) -> dict[str, Any]:
    return {**asdict(rate), "share_of_launches": rate.share_of_launches}


def print_interruptions(screen: Console, found: InterruptionRates, *, by: str) -> None:
    """Print the rates as a table."""
    period = describe(round(found.stop - found.start))
    screen.print(f"Spot interruptions of the last {period}")
    if not found.groups:
        screen.print("No Spot Instance ran in this time.")
    else:
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column(by, no_wrap=True)
        percent = f"{found.confidence:.1%}".replace(".0%", "%")
        for heading in (
            "hours",
            "interrupted",
            f"per {_PER_HOURS:,} h",
            f"{percent} interval",
            "of launches",
        ):
            table.add_column(heading, justify="right", no_wrap=True)
        for rate in found.groups:
            table.add_row(*_cells(rate, printable(rate.key) or "not known"))
        if len(found.groups) > 1:
            table.add_row(*_cells(found.total, "all"), style="bold")
        screen.print(table)
    if found.unfollowed:
        running = format_count(found.unfollowed, "running instance")
        line = f"{running} with a warning that no termination followed"
        screen.print(line, style="dim")
    if found.incomplete:
        line = f"{format_count(found.incomplete, 'instance')} left out: launch or purchase option not known"
        screen.print(line, style="dim")


def _cells(rate: InterruptionRate, name: str) -> list[str]:
    per_hour, interval = "", ""
    if rate.per_hour is not None and rate.low is not None and rate.high is not None:
        per_hour = _per_thousand(rate.per_hour)
        interval = f"{_per_thousand(rate.low)} - {_per_thousand(rate.high)}"
    share = rate.share_of_launches
    launches = "" if share is None else f"{rate.launches_interrupted:,} of {rate.launches:,} ({share:.0%})"
    return [name, f"{rate.hours:,.0f}", f"{rate.interruptions:,}", per_hour, interval, launches]


def _per_thousand(per_hour: float) -> str:
    return f"{per_hour * _PER_HOURS:,.2f}"

"""`eddyline simulate import`: a recorded trace of Spot capacity becomes a market file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from eddyline.cli.terminal import console
from eddyline.core.formatting import printable

if TYPE_CHECKING:
    from eddyline.sim.market.figures import PoolFigures
    from eddyline.sim.market.market import Market

_HOUR_S = 3600


def import_market(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="CSV lines milliseconds,add|remove,node or t_s,count; or a JSON list of availability.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Path, typer.Option("--to", metavar="FILE", help="The market file to write.", show_default=False)
    ],
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="NAME", help="Of the market. Default: the file's name.", show_default=False
        ),
    ] = "",
    kind: Annotated[str, typer.Option("--type", metavar="TYPE", help="The instance type.")] = "unknown",
    zone: Annotated[str, typer.Option("--zone", metavar="ZONE", help="The Availability Zone.")] = "unknown",
    units: Annotated[
        int | None,
        typer.Option(
            "--units",
            min=1,
            max=1_000_000,
            help="The most units that were probed. Default: the most that were available.",
            show_default=False,
        ),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(
            "--interval",
            metavar="SECONDS",
            min=0.001,
            max=1e8,
            help="Seconds between two samples. Default: as the file says.",
            show_default=False,
        ),
    ] = None,
    preempted: Annotated[
        bool,
        typer.Option("--preempted", help="The values of the list count preempted units: 1 is not available."),
    ] = False,
    origin: Annotated[
        str,
        typer.Option("--source", metavar="TEXT", help="Where the trace is from.", show_default=False),
    ] = "",
    licence: Annotated[
        str, typer.Option("--licence", metavar="TEXT", help="Its licence.", show_default=False)
    ] = "",
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="What users should know of it.", show_default=False)
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Import a recorded trace of Spot capacity as a market file, and show its figures.

    The format, and what is read: docs/reference/spot-market-format.md.
    """
    from eddyline.app.import_market import import_market_file
    from eddyline.sim.market.importers import ImportOptions

    market, figures = import_market_file(
        source,
        to,
        ImportOptions(
            name=name,
            type=kind,
            zone=zone,
            units=units,
            licence=licence,
            source=origin,
            note=note,
            interval_s=interval,
            preempted=preempted,
        ),
    )
    if as_json:
        pools = [asdict(each) for each in figures]
        typer.echo(json.dumps({"name": market.name, "end_s": market.end_s, "pools": pools}, indent=2))
    else:
        print_market(console(), market, figures, to)


def print_market(screen: Console, market: Market, figures: Sequence[PoolFigures], to: Path) -> None:
    """Print the figures of a market and where it was written."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("pool", overflow="fold")
    for heading in ("probed", "mean", "least", "most", "added", "reclaimed", "an hour", "dark"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in figures:
        table.add_row(
            printable(each.name),
            f"{each.units:,}",
            f"{each.mean:,.2f}",
            f"{each.least:,}",
            f"{each.most:,}",
            f"{each.added:,}",
            f"{each.reclaimed:,}",
            f"{each.reclaims_per_unit_hour:.3g}",
            f"{each.dark:.1%}",
        )
    screen.print(table)
    screen.print(
        f"{printable(str(to))}: {market.end_s / _HOUR_S:,.1f} h; an hour: reclaims of one available unit",
        soft_wrap=True,
    )

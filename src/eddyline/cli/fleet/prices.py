"""`eddyline fleet prices`: records the prices of machines, for the savings on the Spot dashboard."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli import options
from eddyline.core.formatting import format_count


def prices(
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    on_demand: options.OnDemandPrices = None,
    spot: Annotated[
        Path | None,
        typer.Option(
            "--spot-prices",
            metavar="FILE",
            help="Spot prices: the output of `aws ec2 describe-spot-price-history`.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Record the prices of machines in the ledger: the Spot dashboard computes savings from them.

    Coordinators record Spot prices each hour. On-Demand prices come from a file only.
    """
    from eddyline.app.fleet.prices import import_prices
    from eddyline.app.shared_services import SharedServices

    shared = SharedServices.from_options(ledger=ledger, queues=queues)
    with shared.open_ledger() as opened:
        found = import_prices(opened, on_demand=on_demand, spot=spot)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        on_demand_text = format_count(found.on_demand, "On-Demand price")
        typer.echo(f"recorded {on_demand_text} and {format_count(found.spot, 'Spot price')}")

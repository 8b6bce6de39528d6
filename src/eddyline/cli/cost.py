"""`eddyline cost`: what the work of a range of time, or of one asset, cost."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eddyline.cli import options
from eddyline.cli.cost_tables import print_asset, print_costs
from eddyline.cli.fleet.durations import parse_duration
from eddyline.cli.fleet.interruptions import LONGEST_S
from eddyline.cli.terminal import console
from eddyline.core.errors import UsageError

if TYPE_CHECKING:
    from eddyline.app.accounts.prices import PriceOptions
    from eddyline.app.shared_services import SharedServices

_GROUPINGS = ("asset", "owner", "kind", "pool")


def cost(
    asset: Annotated[
        str,
        typer.Argument(
            metavar="[ASSET]",
            help="The id of an asset: show what it cost, with all its starts.",
            show_default=False,
        ),
    ] = "",
    out: options.LibraryOut = None,
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    store: options.Store = "",
    owner: Annotated[
        str | None,
        typer.Option("--owner", metavar="NAME", help="Only the assets of this owner.", show_default=False),
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="The time to look back: 24h, 30d.")
    ] = "30d",
    by: Annotated[
        str, typer.Option("--by", metavar="|".join(_GROUPINGS), help="What the rows stand for.")
    ] = "asset",
    prices: Annotated[
        Path | None,
        typer.Option(
            "--prices",
            metavar="FILE",
            help="On-Demand prices: a JSON mapping of type to dollars an hour. Default: those of the ledger.",
            show_default=False,
        ),
    ] = None,
    spot_prices: Annotated[
        Path | None,
        typer.Option(
            "--spot-prices",
            metavar="FILE",
            help="Spot prices: the output of `aws ec2 describe-spot-price-history`. Default: as --prices.",
            show_default=False,
        ),
    ] = None,
    machine_price: Annotated[
        float | None,
        typer.Option(
            "--machine-price",
            metavar="USD",
            help="Dollars an hour of a machine outside EC2. Without it: unknown. [EDDYLINE_MACHINE_PRICE]",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with exact nano-dollars.")] = False,
) -> None:
    """Show what work cost: by asset, owner, kind of job or pool, or one asset in detail.

    Amounts are by the price list and as billed: AWS bills nothing for Spot Instances that it interrupts
    within their first hour. Work whose price is not known is counted, never shown as free.
    """
    from eddyline.app.accounts.prices import PriceOptions
    from eddyline.app.shared_services import SharedServices

    if by not in _GROUPINGS:
        raise UsageError(f"--by {by[:40]!r} is not known", remedy=f"pass one of {', '.join(_GROUPINGS)}")
    since_s = parse_duration(since, "--since", longest_s=LONGEST_S)
    shared = SharedServices.from_options(ledger=ledger, queues=queues, store=store, out=out)
    chosen = PriceOptions(
        on_demand=prices,
        spot=spot_prices,
        machine_usd_per_hour=machine_price,
        machine_name="--machine-price",
    ).with_settings(shared.settings)
    if asset:
        if owner is not None:
            raise UsageError("ASSET and --owner are mutually exclusive", remedy="pass only one of them")
        _show_asset(asset, out, shared, chosen, as_json=as_json)
    else:
        _show_costs(out, shared, chosen, since_s=since_s, by=by, owner=owner, as_json=as_json)


def _show_costs(
    out: Path | None,
    shared: SharedServices,
    prices: PriceOptions,
    *,
    since_s: float,
    by: str,
    owner: str | None,
    as_json: bool,
) -> None:
    from eddyline.app.accounts.answers import fleet_costs
    from eddyline.app.accounts.fleet_costs import By, read_costs
    from eddyline.cli.jobs import open_ledger

    with open_ledger(out, shared.ledger if out is None else "", "") as opened:
        now = opened.now()
        report = read_costs(
            opened, shared.pools(), prices, start=now - since_s, stop=now, by=By(by), owner=owner
        )
    found = fleet_costs(report)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        print_costs(console(), found)


def _show_asset(
    asset: str, out: Path | None, shared: SharedServices, prices: PriceOptions, *, as_json: bool
) -> None:
    from eddyline.app.accounts.answers import asset_costs
    from eddyline.app.accounts.asset_report import read_asset_costs
    from eddyline.app.accounts.rendition_weights import read_encode_weights
    from eddyline.app.library import open_library
    from eddyline.cli.jobs import open_ledger

    with ExitStack() as stack:
        if out is None and shared.ledger and not shared.store:
            opened, weights = stack.enter_context(open_ledger(None, shared.ledger, "")), {}
        else:
            library = stack.enter_context(open_library(out, shared))
            opened, weights = library.ledger, read_encode_weights(library.store, asset)
        report = read_asset_costs(opened, shared.pools(), prices, asset, weights=weights)
    if report is None:
        raise UsageError(f"unknown asset {asset[:80]!r}", remedy="list the assets with `eddyline cost`")
    found = asset_costs(report)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        print_asset(console(), found)

"""`eddyline fleet demo`: fills a ledger with a made-up fleet, to see the Spot dashboard with data."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli import options
from eddyline.core.errors import UsageError
from eddyline.core.formatting import format_count, printable

_LONGEST_DAYS = 366


def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="The directory of `eddyline serve --out DIR`; it is created.",
            show_default=False,
        ),
    ] = None,
    ledger: options.Ledger = "",
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds give equal fleets.")] = 1,
    days: Annotated[
        float, typer.Option("--days", min=0.1, max=_LONGEST_DAYS, help="How long the fleet has run.")
    ] = 30.0,
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace",
            metavar="FILE",
            help="Replay a recorded trace instead: lines milliseconds,add|remove,node.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fill an empty ledger with a demonstration of the Spot dashboard: machines, interruptions, prices, jobs.

    The dashboard says that its data are a demonstration. A ledger with any data is refused.
    """
    from eddyline.app.fleet.demo import write_demo
    from eddyline.app.shared_services import SharedServices
    from eddyline.pipeline.runs.run_directory import RunDirectory

    if (out is None) == (not ledger):
        raise UsageError(
            "one place for the demonstration is needed", remedy="pass either --out DIR or --ledger URL"
        )
    address = ledger
    if out is not None:
        directory = RunDirectory(out)
        directory.ledger.parent.mkdir(parents=True, exist_ok=True)
        address = str(directory.ledger)
    shared = SharedServices.from_options(ledger=address)
    with shared.open_plain_ledger() as opened:
        found = write_demo(opened, seed=seed, days=days, trace=trace)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    machines = format_count(found.machines, "machine")
    typer.echo(f"wrote {printable(found.description)}: {machines}, {found.interruptions:,} interrupted")
    if out is not None:
        typer.echo(f"see it with: eddyline serve --out {printable(str(out))} and open /fleet")

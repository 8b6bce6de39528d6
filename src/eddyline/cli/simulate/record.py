"""`eddyline simulate record`: the history of a ledger becomes a workload that simulations replay."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli import options
from eddyline.cli.fleet.durations import parse_duration
from eddyline.core.formatting import format_count, printable

_LONGEST_S = 400 * 86_400.0


def record(
    to: Annotated[
        Path,
        typer.Option("--to", metavar="FILE", help="The .jsonl file to write.", show_default=False),
    ],
    ledger: options.Ledger = "",
    since: Annotated[
        str, typer.Option("--since", metavar="DURATION", help="The time to look back: 24h, 30d.")
    ] = "24h",
    speed: Annotated[
        float,
        typer.Option(
            "--speed", min=0.001, max=1000, help="The speed of the measured slots; a reference slot has 1."
        ),
    ] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Record when assets were submitted and how long their chunks ran, for `recorded` in a scenario.

    The file has the names of owners, and neither names nor addresses of sources. See
    docs/reference/scenarios.md.
    """
    from eddyline.app.record_workload import record_workload
    from eddyline.app.shared_services import SharedServices

    since_s = parse_duration(since, "--since", longest_s=_LONGEST_S)
    with SharedServices.from_options(ledger=ledger).open_plain_ledger() as opened:
        found = record_workload(opened, to, since_s=since_s, speed=speed)
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        typer.echo(
            f"{printable(str(to))}: {format_count(found.assets, 'asset')}, "
            f"{format_count(found.chunks, 'chunk')}, {found.slot_seconds / 3600:,.1f} slot-hours"
        )

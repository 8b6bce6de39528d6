"""`eddyline fleet drain`: drains all workers of an EC2 instance."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from eddyline.cli import options
from eddyline.cli.fleet.durations import describe, parse_duration
from eddyline.core.formatting import format_count, printable

_LONGEST_S = 48 * 3600.0


def drain(
    instance: Annotated[
        str, typer.Argument(metavar="INSTANCE", help="The id of an EC2 instance.", show_default=False)
    ],
    ledger: options.Ledger = "",
    queues: options.Queues = "",
    deadline: Annotated[
        str,
        typer.Option(
            "--deadline",
            metavar="DURATION",
            help="When the workers must have ended: 10m. Default: their running jobs may finish.",
            show_default=False,
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Drain all workers of an EC2 instance: they start no new jobs and exit, by the deadline at the latest.

    The instance keeps running. To replace it, terminate it in its Auto Scaling group.
    """
    from eddyline.app.fleet.reports import drain_instance
    from eddyline.app.shared_services import SharedServices

    within_s = parse_duration(deadline, "--deadline", longest_s=_LONGEST_S) if deadline else None
    shared = SharedServices.from_options(ledger=ledger, queues=queues)
    with shared.open_ledger() as opened:
        found = drain_instance(opened, instance, within_s=within_s)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
        return
    by = f", to end within {describe(within_s)}" if within_s is not None else ""
    typer.echo(f"draining {format_count(len(found.workers), 'worker')} of {instance}{by}:")
    for name in found.workers:
        typer.echo(f"  {printable(name)}")

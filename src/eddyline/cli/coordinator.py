"""`eddyline coordinator`: between the ledger and workers that see only queues; any number, side by side."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from eddyline.cli.options import Lease, Ledger, LogLevel, Metrics, Queues
from eddyline.cli.signals import Interruption
from eddyline.cli.worker import exit_code_of
from eddyline.core.stop import Stop

_DAY_S = 86_400.0


def coordinator(
    ledger: Ledger = "",
    queues: Queues = "",
    lease: Lease = 30.0,
    archive_after: Annotated[
        float | None,
        typer.Option(
            "--archive-after", metavar="DAYS", min=0, help="Archive jobs of assets ended so long ago."
        ),
    ] = None,
    metrics: Metrics = "",
    log_level: LogLevel = "info",
) -> None:
    """Publish what is ready, record what workers answer, sweep after what was lost, until told to stop."""
    from eddyline.app.coordinator import CoordinatorRequest, run_coordinator
    from eddyline.app.shared_services import SharedServices

    request = CoordinatorRequest(
        shared=SharedServices.of(ledger=ledger, queues=queues),
        lease_s=lease,
        archive_after_s=None if archive_after is None else archive_after * _DAY_S,
        metrics=metrics,
        log_level=log_level,
    )
    stop = Stop()
    with Interruption(stop) as interruption:
        run_coordinator(request, stop=stop, stream=sys.stdout)
    raise typer.Exit(exit_code_of(interruption))

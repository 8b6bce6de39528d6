"""`eddyline coordinator`: connects the ledger to workers that use only queues."""

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
            "--archive-after",
            metavar="DAYS",
            min=0,
            help="Archive the jobs of assets that ended DAYS days ago.",
        ),
    ] = None,
    metrics: Metrics = "",
    log_level: LogLevel = "info",
) -> None:
    """Run a coordinator: it publishes ready jobs to the queues, records results and recovers lost jobs.

    Several coordinators may run at the same time.
    """
    from eddyline.app.coordinator import CoordinatorRequest, run_coordinator
    from eddyline.app.shared_services import SharedServices

    request = CoordinatorRequest(
        shared=SharedServices.from_options(ledger=ledger, queues=queues),
        lease_s=lease,
        archive_after_s=None if archive_after is None else archive_after * _DAY_S,
        metrics=metrics,
        log_level=log_level,
    )
    stop = Stop()
    with Interruption(stop, ends_process=True) as interruption:
        run_coordinator(request, stop=stop, stream=sys.stdout)
    raise typer.Exit(exit_code_of(interruption))

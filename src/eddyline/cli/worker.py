"""`eddyline worker`: executes the jobs of one pool on this machine."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli.options import Lease, Ledger, LogLevel, Metrics, Queues, Store
from eddyline.cli.signals import Interruption
from eddyline.core.stop import Stop


def worker(
    pool: Annotated[
        str,
        typer.Option(
            "--pool", metavar="NAME", help="The worker pool: light, cpu, gpu, or one of the pools file."
        ),
    ],
    store: Store = "",
    ledger: Ledger = "",
    queues: Queues = "",
    slots: Annotated[
        int | None,
        typer.Option(
            "--slots", min=1, max=1024, help="The number of concurrent jobs. Default: as many as fit."
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option("--work", metavar="DIR", help="The directory for temporary files. [EDDYLINE_WORK]"),
    ] = None,
    lease: Lease = 30.0,
    metrics: Metrics = "",
    log_level: LogLevel = "info",
) -> None:
    """Run a worker until its machine is terminated. SIGTERM drains it; Ctrl-C hands back all jobs at once."""
    from eddyline.app.shared_services import SharedServices
    from eddyline.app.worker import WorkerRequest, run_worker

    request = WorkerRequest(
        pool=pool,
        shared=SharedServices.from_options(store=store, ledger=ledger, queues=queues),
        slots=slots,
        work=work,
        lease_s=lease,
        metrics=metrics,
        log_level=log_level,
    )
    requested_stop = Stop()
    with Interruption(requested_stop, ends_process=True) as interruption:
        run_worker(request, requested_stop=requested_stop, stream=sys.stdout)
    raise typer.Exit(exit_code_of(interruption))


def exit_code_of(interruption: Interruption) -> int:
    """The exit code of a service process: 0 for SIGTERM, its regular end."""
    by_hand = interruption.signal is not None and interruption.signal != signal.SIGTERM
    return interruption.exit_code or 0 if by_hand else 0

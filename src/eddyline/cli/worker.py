"""`eddyline worker`: does the jobs of one class, on this machine, for all who share the store."""

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
        typer.Option("--pool", metavar="NAME", help="The worker class: light, cpu, gpu, or one of yours."),
    ],
    store: Store = "",
    ledger: Ledger = "",
    queues: Queues = "",
    slots: Annotated[
        int | None, typer.Option("--slots", min=1, max=1024, help="Jobs at a time. [default: what fits]")
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option("--work", metavar="DIR", help="Scratch space on this machine. [EDDYLINE_WORK]"),
    ] = None,
    lease: Lease = 30.0,
    metrics: Metrics = "",
    log_level: LogLevel = "info",
) -> None:
    """Do jobs until this machine is taken away. SIGTERM drains; Ctrl-C hands everything back at once."""
    from eddyline.app.shared_services import SharedServices
    from eddyline.app.worker import WorkerRequest
    from eddyline.app.worker import run_worker as perform

    request = WorkerRequest(
        pool=pool,
        shared=SharedServices.of(store=store, ledger=ledger, queues=queues),
        slots=slots,
        work=work,
        lease_s=lease,
        metrics=metrics,
        log_level=log_level,
    )
    asked = Stop()
    with Interruption(asked) as interruption:
        perform(request, asked=asked, stream=sys.stdout)
    raise typer.Exit(exit_code_of(interruption))


def exit_code_of(interruption: Interruption) -> int:
    """The exit code of a process that runs until told to stop: SIGTERM is how it is meant to end."""
    by_hand = interruption.signal is not None and interruption.signal != signal.SIGTERM
    return interruption.exit_code or 0 if by_hand else 0

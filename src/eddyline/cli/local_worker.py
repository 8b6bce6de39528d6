"""`eddyline local-worker`: the worker process of `eddyline serve`, which starts it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli.options import LogLevel, ResultStore
from eddyline.cli.signals import Interruption, exit_immediately
from eddyline.cli.worker import exit_code_of
from eddyline.core.stop import Stop


def local_worker(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The directory of the library.")],
    store: ResultStore = "",
    slots: Annotated[
        int | None,
        typer.Option(
            "--slots", min=1, max=1024, help="The number of concurrent jobs. Default: one per core."
        ),
    ] = None,
    log_level: LogLevel = "info",
) -> None:
    """Run the jobs of a directory until standard input ends: `eddyline serve` starts this."""
    from eddyline import config
    from eddyline.app.local_worker import LocalWorkerRequest, run_local_worker
    from eddyline.app.shared_services import SharedServices

    request = LocalWorkerRequest(
        out=out,
        shared=SharedServices(store=store, ledger="", queues="", settings=config.read()),
        slots=slots,
        log_level=log_level,
    )
    stop = Stop()
    with Interruption(stop, ends_process=True) as interruption:
        run_local_worker(request, stop=stop, stdin=sys.stdin.buffer, stream=sys.stdout)
    exit_immediately(exit_code_of(interruption))

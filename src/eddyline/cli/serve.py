"""`eddyline serve`: the web application, with a worker process on this machine."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli.options import Ledger, Queues, Slots, Store
from eddyline.cli.signals import exit_immediately

_SIGNAL_BASE = 128  # a shell reports a process ended by signal N as 128 + N


def serve(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The directory of the library.")] = Path(
        "out"
    ),
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port; 0 for any free one.")
    ] = 8080,
    store: Store = "",
    ledger: Ledger = "",
    queues: Queues = "",
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Start no worker process: other processes run the jobs.")
    ] = False,
    slots: Slots = None,
    log_level: Annotated[
        str,
        typer.Option(
            "--log-level",
            metavar="LEVEL",
            help="debug, info, warning or error. Default: info, on a terminal warning.",
        ),
    ] = "",
) -> None:
    """Serve the API and the web pages until Ctrl-C or SIGTERM.

    Without --ledger, everything is in the directory, and a worker process runs its jobs. With --ledger
    postgresql://... the server stands in front of a fleet and starts no worker.
    """
    from eddyline.app.optional_dependencies import require_extra
    from eddyline.app.shared_services import SharedServices

    with require_extra("web", "eddyline serve"):
        from eddyline.web.server import ServeRequest
        from eddyline.web.server import serve as run
    request = ServeRequest(
        out=out,
        shared=SharedServices.from_options(store=store, ledger=ledger, queues=queues),
        host=host,
        port=port,
        worker=not no_worker,
        slots=slots,
        log_level=log_level or ("warning" if sys.stdout.isatty() else "info"),
    )
    ended_by = run(request, stream=sys.stdout, announce=_announce)
    exit_immediately(0 if ended_by == signal.SIGTERM else _SIGNAL_BASE + ended_by)


def _announce(message: str) -> None:
    sys.stderr.write(message)
    sys.stderr.flush()

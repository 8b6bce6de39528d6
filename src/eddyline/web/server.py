"""The process of `eddyline serve`: opens the ledger and the store, and serves until a signal."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from eddyline.app.shared_services import SharedServices
from eddyline.core.clock import SystemClock
from eddyline.pipeline.runs.run_directory import RunDirectory
from eddyline.web.application import create_app
from eddyline.web.background_work import run_background_work
from eddyline.web.services import Services, WebSettings


@dataclass(frozen=True, kw_only=True)
class ServeRequest:
    """The options of a server. Without an address of a ledger, everything is in the directory `out`."""

    out: Path
    shared: SharedServices
    host: str = "127.0.0.1"
    port: int = 8080


def serve(request: ServeRequest) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises `UsageError` for an invalid setting."""
    directory = RunDirectory(request.out)
    with ExitStack() as stack:
        stack.enter_context(directory.lock())
        shared = SharedServices(
            store=str(request.out), ledger=str(directory.ledger), queues="", settings=request.shared.settings
        )
        ledger = stack.enter_context(shared.open_plain_ledger())
        services = Services(
            ledger=ledger,
            store=shared.open_store(),
            shared=shared,
            settings=WebSettings(local=True, data=directory.state),
            clock=SystemClock(),
        )
        stack.enter_context(run_background_work(services))
        uvicorn.run(create_app(services), host=request.host, port=request.port, log_level="warning")

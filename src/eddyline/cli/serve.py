"""`eddyline serve`: the web application, with a worker on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli.options import Ledger, Queues, Store


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
) -> None:
    """Serve the API and the web pages until Ctrl-C or SIGTERM."""
    from eddyline.app.optional_dependencies import require_extra
    from eddyline.app.shared_services import SharedServices

    with require_extra("web", "eddyline serve"):
        from eddyline.web.server import ServeRequest
        from eddyline.web.server import serve as run
    run(
        ServeRequest(
            out=out,
            shared=SharedServices.from_options(store=store, ledger=ledger, queues=queues),
            host=host,
            port=port,
        )
    )

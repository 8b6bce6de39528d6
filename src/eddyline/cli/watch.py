"""`eddyline watch`: what appears in a folder becomes playable and proven assets, by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli import options
from eddyline.cli.run import DEFAULT_OUT, run_with_display

SETTLE_S = 5.0


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where footage appears.", show_default=False)],
    out: options.Out = DEFAULT_OUT,
    store: options.ResultStore = "",
    rules: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help="What to make of which files.")
    ] = None,
    profile: options.DefaultProfile = "default",
    slots: options.Slots = None,
    settle: Annotated[
        float,
        typer.Option("--settle", metavar="S", min=0, max=3600, help="A file unchanged for so long is whole."),
    ] = SETTLE_S,
    once: Annotated[bool, typer.Option("--once", help="End when all that is there is done.")] = False,
    as_json: options.JsonLines = False,
) -> None:
    """Process footage as it appears in a folder. Stop it at any time; started again, it goes on."""
    from eddyline.app.ingest import WatchRequest
    from eddyline.app.ingest import watch_folder as keep_watching

    request = WatchRequest(
        folder=folder,
        out=out,
        rules=rules,
        profile=profile,
        slots=slots,
        settle_s=settle,
        once=once,
        store=store,
    )
    raise typer.Exit(
        run_with_display(
            lambda stop, on_event: keep_watching(request, stop=stop, on_event=on_event),
            as_json=as_json,
            out=out,
        )
    )

"""`eddyline watch`: processes new files of a directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eddyline.cli import options
from eddyline.cli.run import DEFAULT_OUT, run_with_display

SETTLE_S = 5.0


def watch(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The directory to watch.", show_default=False)
    ],
    out: options.Out = DEFAULT_OUT,
    store: options.ResultStore = "",
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="FILE", help="A file of rules: the profile of each file."),
    ] = None,
    profile: options.DefaultProfile = "default",
    slots: options.Slots = None,
    settle: Annotated[
        float,
        typer.Option(
            "--settle",
            metavar="S",
            min=0,
            max=3600,
            help="Seconds without a change after which a file is complete.",
        ),
    ] = SETTLE_S,
    once: Annotated[bool, typer.Option("--once", help="Exit when all files are processed.")] = False,
    as_json: options.JsonLines = False,
) -> None:
    """Process new video files of a directory. Can be stopped at any time and resumed."""
    from eddyline.app.ingest import WatchRequest, watch_folder

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
            lambda stop, on_event: watch_folder(request, stop=stop, on_event=on_event),
            as_json=as_json,
            out=out,
        )
    )

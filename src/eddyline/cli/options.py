"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Video files, folders, camera cards, or s3://bucket/key.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where results go.")]
ResultStore = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="URL",
        help="Put results there instead: s3://bucket/prefix, gs://, az://, or a folder.",
        show_default=False,
    ),
]
Profile = Annotated[str, typer.Option("--profile", "-p", metavar="NAME|FILE", help="What to make of it.")]
DefaultProfile = Annotated[
    str,
    typer.Option("--profile", "-p", metavar="NAME|FILE", help="What to make of all that no rule names."),
]
Slots = Annotated[int | None, typer.Option("--slots", min=1, help="Jobs at a time. [default: one per core]")]
NoMerge = Annotated[
    bool, typer.Option("--no-merge", help="Every chapter of a recording is an asset of its own.")
]
JsonLines = Annotated[bool, typer.Option("--json", help="One JSON event a line.")]
Store = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="URL",
        help="The media store: s3://bucket/prefix, gs://, az://, or a shared folder. [EDDYLINE_STORE]",
        show_default=False,
    ),
]
Ledger = Annotated[
    str,
    typer.Option(
        "--ledger",
        metavar="URL",
        help="The ledger: postgresql://user@host/database, or the path of a file. [EDDYLINE_LEDGER]",
        show_default=False,
    ),
]
Queues = Annotated[
    str,
    typer.Option(
        "--queues",
        metavar="PREFIX",
        help="The prefix of the queues on SQS, where jobs go by queues. [EDDYLINE_QUEUES]",
        show_default=False,
    ),
]
Lease = Annotated[
    float,
    typer.Option(
        "--lease", metavar="S", min=1, max=3600, help="After so many silent seconds a worker is given up."
    ),
]
Metrics = Annotated[
    str,
    typer.Option(
        "--metrics", metavar="[HOST:]PORT", help="Show metrics for Prometheus there.", show_default=False
    ),
]
LogLevel = Annotated[str, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")]

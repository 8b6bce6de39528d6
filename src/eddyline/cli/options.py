"""Arguments and options shared by several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="Video files, directories, camera cards, or s3://bucket/key.",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The directory for the results.")]
LibraryOut = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="DIR", help="The output directory. Default: out.", show_default=False
    ),
]
ResultStore = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="URL",
        help="Write the results to this store instead: s3://bucket/prefix, gs://, az://, or a directory.",
        show_default=False,
    ),
]
Profile = Annotated[
    str, typer.Option("--profile", "-p", metavar="NAME|FILE", help="The profile: which renditions to create.")
]
DefaultProfile = Annotated[
    str,
    typer.Option("--profile", "-p", metavar="NAME|FILE", help="The profile of objects that no rule matches."),
]
Slots = Annotated[
    int | None, typer.Option("--slots", min=1, help="The number of concurrent jobs. Default: one per core.")
]
NoMerge = Annotated[
    bool, typer.Option("--no-merge", help="Create a separate asset for each chapter of a recording.")
]
JsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON event per line.")]
Store = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="URL",
        help="The media store: s3://bucket/prefix, gs://, az://, or a shared directory. [EDDYLINE_STORE]",
        show_default=False,
    ),
]
Ledger = Annotated[
    str,
    typer.Option(
        "--ledger",
        metavar="URL",
        help="The ledger: postgresql://user@host/database, or a file. [EDDYLINE_LEDGER]",
        show_default=False,
    ),
]
Queues = Annotated[
    str,
    typer.Option(
        "--queues",
        metavar="PREFIX",
        help="The prefix of the SQS queue names, for a fleet that uses queues. [EDDYLINE_QUEUES]",
        show_default=False,
    ),
]
Lease = Annotated[
    float,
    typer.Option(
        "--lease",
        metavar="S",
        min=1,
        max=3600,
        help="Seconds without a heartbeat after which a worker is lost.",
    ),
]
Metrics = Annotated[
    str,
    typer.Option(
        "--metrics",
        metavar="[HOST:]PORT",
        help="Serve Prometheus metrics at this address.",
        show_default=False,
    ),
]
LogLevel = Annotated[
    str, typer.Option("--log-level", metavar="LEVEL", help="The log level: debug, info, warning or error.")
]
OnDemandPrices = Annotated[
    Path | None,
    typer.Option(
        "--prices",
        metavar="FILE",
        help="On-Demand prices: a JSON mapping of type to dollars an hour.",
        show_default=False,
    ),
]

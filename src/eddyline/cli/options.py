"""Options that several commands of a fleet have."""

from __future__ import annotations

from typing import Annotated

import typer

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

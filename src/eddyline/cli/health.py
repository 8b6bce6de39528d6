"""`eddyline health`: whether the process that runs in this container makes progress."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from eddyline import config
from eddyline.core.errors import UsageError
from eddyline.core.health import WITHIN_S, find_problem


def health(
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="The file that the process writes. [EDDYLINE_HEALTH]"),
    ] = None,
    within: Annotated[
        float, typer.Option("--within", metavar="S", min=1, help="The age up to which a loop is healthy.")
    ] = WITHIN_S,
) -> None:
    """Check a worker, a coordinator or an ingest on this machine: exit 0 if all of its loops run, else 1.

    It runs as the health check of containers. An outage of a queue, the ledger or the store is not a failure.
    """
    path = file or config.read().health
    if path is None:
        raise UsageError(
            "no health file is specified",
            remedy="set EDDYLINE_HEALTH to a path for both the process and its check, or pass --file",
        )
    problem = find_problem(path, now=time.time(), within_s=within)
    typer.echo(problem or "healthy")
    raise typer.Exit(1 if problem else 0)

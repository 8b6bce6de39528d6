"""The group of the commands of `eddyline fleet`."""

from __future__ import annotations

import typer

commands = typer.Typer(help="Plan and operate the machines of a fleet on AWS.", no_args_is_help=True)

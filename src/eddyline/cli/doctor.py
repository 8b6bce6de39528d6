"""`eddyline doctor`: checks the requirements of a run on this machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from eddyline.cli.terminal import console
from eddyline.core.formatting import printable

if TYPE_CHECKING:
    from eddyline.app import Check


def doctor(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="The directory for the results.")
    ] = Path("out"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Check the toolchain, encoders, disk space and limits. Exits with 1 if a check fails."""
    from eddyline import app

    raise typer.Exit(show_checks(app.doctor(out), as_json=as_json))


def show_checks(checks: Sequence[Check], *, as_json: bool) -> int:
    """Print the checks; returns the exit code."""
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        _print(checks)
    return 0 if all(check.ok for check in checks) else 1


def _print(checks: Sequence[Check]) -> None:

    screen = console()
    width = max((len(check.name) for check in checks), default=0)
    for check in checks:
        mark = ("✓ ", "green") if check.ok else ("✗ ", "bold red")
        screen.print(Text.assemble(mark, f"{check.name:<{width}}  ", printable(check.value)), soft_wrap=True)
        if not check.ok and check.remedy:
            screen.print(Text(f"  {'':<{width}}  what to do: {printable(check.remedy)}"), soft_wrap=True)
    failed = sum(not check.ok for check in checks)
    screen.print(f"\n{failed} of {len(checks)} checks failed." if failed else "\nAll checks passed.")

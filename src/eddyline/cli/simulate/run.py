"""`eddyline simulate SCENARIO.yaml`: policies side by side in a simulated Spot market."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from eddyline.cli.terminal import console
from eddyline.core.formatting import format_count, printable

if TYPE_CHECKING:
    from eddyline.sim.comparison.figures import Comparison, DeadlineFigures


def run(
    scenario: Annotated[
        Path,
        typer.Argument(metavar="SCENARIO.yaml", help="See docs/reference/scenarios.md.", show_default=False),
    ],
    seed: Annotated[int, typer.Option("--seed", min=0, max=10**9, help="The first seed.")] = 1,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds",
            min=1,
            max=1000,
            help="How many seeds. Default: as the scenario says.",
            show_default=False,
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes", min=1, max=256, help="Default: one for each processor.", show_default=False
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", metavar="DIR", help="Write an HTML report and CSV files.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare what policies cost in a simulated Spot market, at equal times to ready.

    Every policy is tuned for the same deadline. The result is the same for the same scenario and seeds.
    """
    from eddyline.app.simulate import SimulateOptions, simulate_scenario
    from eddyline.sim.comparison.json_figures import comparison_json

    screen = Console(stderr=True)

    def progress(line: str) -> None:
        if screen.is_terminal:
            screen.print(f"[dim]{line}[/]", soft_wrap=True)

    options = SimulateOptions(seed=seed, seeds=seeds, processes=processes, report=report)
    found, written = simulate_scenario(scenario, options, progress)
    if as_json:
        typer.echo(json.dumps(comparison_json(found), indent=2))
    else:
        print_comparison(console(), found)
        for path in written[:1]:
            console().print(f"report: {printable(str(path))}", soft_wrap=True)


def print_comparison(screen: Console, found: Comparison) -> None:
    """Print a table for each deadline."""
    screen.print(
        f"{printable(found.name)}: {format_count(len(found.seeds), 'seed')}", style="bold", soft_wrap=True
    )
    for key, value in found.facts.items():
        screen.print(f"{key}: {printable(value)}", style="dim", soft_wrap=True)
    for deadline in found.deadlines:
        _print_deadline(screen, deadline)


def _print_deadline(screen: Console, found: DeadlineFigures) -> None:
    from eddyline.sim.comparison.tables import COLUMNS, notes_of, rows_of, title_of

    screen.print()
    screen.print(title_of(found), style="bold", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, column in enumerate(COLUMNS):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows_of(found):
        table.add_row(*row, style="bold" if row[0].startswith("Eddyline, own") else None)
    screen.print(table)
    for note in notes_of(found):
        screen.print(f"! {printable(note)}", style="yellow", soft_wrap=True)

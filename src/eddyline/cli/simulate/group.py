"""The group of `eddyline simulate`: an argument that is not a subcommand is a scenario, given to `run`."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

RUN = "run"
"""The subcommand that `eddyline simulate SCENARIO.yaml` calls."""
_HELP = ("-h", "--help")


class ScenarioGroup(TyperGroup):
    """Inserts `run` before arguments that do not begin with a subcommand or ask for help.

    A scenario in a file that has the name of a subcommand is given as ./NAME.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - a class of click
        """The arguments of the subcommand."""
        is_scenario = bool(args) and args[0] not in self.commands and args[0] not in _HELP
        return super().parse_args(ctx, [RUN, *args] if is_scenario and RUN in self.commands else args)


commands = typer.Typer(
    cls=ScenarioGroup,
    help="Simulate a fleet on Spot capacity: `eddyline simulate SCENARIO.yaml` compares policies "
    "(options: `eddyline simulate run --help`). Import markets and record workloads for it.",
    no_args_is_help=True,
)

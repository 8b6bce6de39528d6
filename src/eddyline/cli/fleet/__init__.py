"""`eddyline fleet`: plans and shows the machines of a fleet on AWS, one module for each command."""

from eddyline.cli.fleet.group import commands
from eddyline.cli.fleet.plan import plan

__all__ = ["commands", "plan"]

commands.command("plan")(plan)

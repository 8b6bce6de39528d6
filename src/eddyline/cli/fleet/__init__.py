"""`eddyline fleet`: plans and shows the machines of a fleet on AWS, one module for each command."""

from eddyline.cli.fleet.group import commands
from eddyline.cli.fleet.plan import plan
from eddyline.cli.fleet.rollout import rollout

__all__ = ["commands", "plan", "rollout"]

commands.command("plan")(plan)
commands.command("rollout")(rollout)

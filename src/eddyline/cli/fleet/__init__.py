"""`eddyline fleet`: plans and shows the machines of a fleet on AWS, one module for each command."""

from eddyline.cli.fleet.demo import demo
from eddyline.cli.fleet.drain import drain
from eddyline.cli.fleet.group import commands
from eddyline.cli.fleet.interruptions import interruptions
from eddyline.cli.fleet.plan import plan
from eddyline.cli.fleet.prices import prices
from eddyline.cli.fleet.rollout import rollout
from eddyline.cli.fleet.savings import savings
from eddyline.cli.fleet.status import status

__all__ = ["commands", "demo", "drain", "interruptions", "plan", "prices", "rollout", "savings", "status"]

commands.command("plan")(plan)
commands.command("rollout")(rollout)
commands.command("status")(status)
commands.command("interruptions")(interruptions)
commands.command("savings")(savings)
commands.command("prices")(prices)
commands.command("drain")(drain)
commands.command("demo")(demo)

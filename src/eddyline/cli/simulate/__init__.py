"""`eddyline simulate`: the simulator and its markets, one module for each command."""

from eddyline.cli.simulate.group import commands
from eddyline.cli.simulate.import_market import import_market
from eddyline.cli.simulate.record import record
from eddyline.cli.simulate.run import run

__all__ = ["commands", "import_market", "record", "run"]

commands.command("import")(import_market)
commands.command("record")(record)
commands.command("run")(run)

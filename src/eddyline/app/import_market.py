"""Imports a recorded trace into a market file of the simulator."""

from __future__ import annotations

from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.sim.market.figures import PoolFigures, summary
from eddyline.sim.market.file import write_market
from eddyline.sim.market.importers import ImportOptions, import_market
from eddyline.sim.market.market import Market


def import_market_file(
    source: Path, to: Path, options: ImportOptions
) -> tuple[Market, tuple[PoolFigures, ...]]:
    """Write the market of a trace to `to`; returns it with the figures of its pools."""
    if to.exists() and source.exists() and to.samefile(source):
        raise UsageError(f"{to} is the trace itself", remedy="pass another file as --to")
    market = import_market(source, options)
    write_market(to, market)
    return market, summary(market)

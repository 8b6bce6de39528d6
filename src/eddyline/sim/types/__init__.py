"""Figures of instance types for the simulator: size, prices, interruption band and encoding speed."""

from eddyline.sim.types.figures import TypeFigures
from eddyline.sim.types.from_catalogue import types_from_catalogue
from eddyline.sim.types.table import builtin_types

__all__ = ["TypeFigures", "builtin_types", "types_from_catalogue"]

"""What a policy sees of a fleet and does with it, in counts: the same for each engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from eddyline.fleet.scaler.rules import PoolReading, WorkReading
from eddyline.sim.engine.instance import Offer


class FleetControl(Protocol):
    """The fleet at the time of a decision."""

    @property
    def offers(self) -> Sequence[Offer]:
        """Where instances can be launched; pools are numbered in this order."""
        ...

    def work(self) -> WorkReading:
        """The work now; arrivals are those since the last call."""
        ...

    def pools(self) -> Sequence[PoolReading]:
        """The instances of each offer."""
        ...

    def launch(self, pool: int, count: int) -> int:
        """Launch up to `count` instances; returns how many there was capacity for."""
        ...

    def drain(self, power: float, *, spot: bool) -> float:
        """Drain instances of at most this power (reference slots); returns the power of those it drains."""
        ...


class Policy(Protocol):
    """Decides about capacity every `every_s` seconds."""

    every_s: float

    def tick(self, fleet: FleetControl, now: float) -> None:
        """Look at the fleet, launch and drain."""
        ...

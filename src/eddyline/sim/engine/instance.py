"""One simulated instance, and the pool in which it was launched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eddyline.sim.engine.job import SimJob


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A pool in which instances can be launched: one type in one zone, on Spot or On-Demand.

    `slots` are the jobs that an instance runs at a time, each at `speed` times the reference slot. `usd_h` is
    its price, `own_usd_h` the On-Demand price of the same type.
    """

    name: str
    type: str
    zone: str
    spot: bool
    vcpu: int
    slots: int
    speed: float
    usd_h: float
    own_usd_h: float

    @property
    def power(self) -> float:
        """The reference slot-seconds of work that an instance does in a second."""
        return self.slots * self.speed


class SimInstance:
    """A launched instance. Times are in seconds.

    `free` slots run no job; `running` has the jobs that run and their ends, by the number of their start.
    `ends_at` is set once its interruption is certain, `stop_by` once its worker knows of it: jobs must end by
    then. A `draining` instance takes no job and is terminated when its jobs have ended.
    """

    __slots__ = (
        "accepts",
        "dead",
        "draining",
        "ends_at",
        "free",
        "free_place",
        "idle_since",
        "launched",
        "node",
        "offer",
        "place",
        "pool",
        "ready",
        "running",
        "slots",
        "speed",
        "stop_by",
    )

    def __init__(self, pool: SimPool, launched: float) -> None:
        offer = pool.offer
        self.pool = pool
        self.offer = offer
        self.slots = self.free = offer.slots
        self.speed = offer.speed
        self.launched = launched
        self.idle_since = launched
        self.running: dict[int, tuple[SimJob, float]] = {}
        self.ready = self.accepts = self.dead = self.draining = False
        self.ends_at: float | None = None
        self.stop_by: float | None = None
        self.node = -1
        self.place = self.free_place = -1


@dataclass(kw_only=True, eq=False)
class SimPool:
    """The instances of an offer.

    `alive` hold capacity of the market: those whose reclaim is not certain, drained ones included. `booting`,

    `ready`: the number of those, as the scaler knows, that boot or whose worker takes jobs; drained ones count in
    neither. `failed_at`: the last launch that found no capacity. `interrupted` and `seconds` (of all instances)
    give the observed rate of interruptions.
    """

    index: int
    offer: Offer
    alive: list[SimInstance] = field(default_factory=list)
    booting: int = 0
    ready: int = 0
    busy: int = 0
    failed_at: float = -1e18
    launched: int = 0
    interrupted: int = 0
    interrupted_at: float = -1e18
    seconds: float = 0.0

    def add(self, instance: SimInstance) -> None:
        """Count an instance as alive."""
        instance.place = len(self.alive)
        self.alive.append(instance)

    def remove(self, instance: SimInstance) -> None:
        """Take an instance out of the alive ones, in constant time."""
        last = self.alive.pop()
        if last is not instance:
            self.alive[instance.place] = last
            last.place = instance.place
        instance.place = -1

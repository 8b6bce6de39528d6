"""A simulated instance, the offer of which it is, and the instances of each offer."""

from __future__ import annotations

from dataclasses import dataclass, field

from eddyline.sim.queued_job import QueuedJob


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Where instances can be launched: one type in one zone, on Spot or On-Demand.

    `slots` are the jobs that an instance runs at a time, each at `speed` times the reference slot. `usd_h` is
    its price, `own_usd_h` the On-Demand price of the same type, both in dollars an hour.
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
    `ends_at` is set once the market will reclaim it, `stop_by` once its worker knows: jobs must end by
    then. A `draining` instance takes no job and is terminated when its jobs have ended. `drain_began` is the
    time of its notice or scale-in, `last_end` that of the last end of a job since the notice.
    `knows_rates`: its worker has done a job, and so can tell how long others take. `place` and `free_place`
    are its positions in the lists that have it, -1: in none.
    """

    __slots__ = (
        "accepts",
        "dead",
        "drain_began",
        "draining",
        "ends_at",
        "free",
        "free_place",
        "knows_rates",
        "last_end",
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
        self.pool = pool
        self.offer = pool.offer
        self.slots = self.free = pool.offer.slots
        self.speed = pool.offer.speed
        self.launched = launched
        self.running: dict[int, tuple[QueuedJob, float]] = {}
        self.ready = self.accepts = self.dead = self.draining = self.knows_rates = False
        self.ends_at: float | None = None
        self.stop_by: float | None = None
        self.drain_began: float | None = None
        self.last_end = launched
        self.node = self.place = self.free_place = -1


@dataclass(kw_only=True, eq=False)
class SimPool:
    """The instances of an offer.

    `holding` are the instances that hold capacity of the market: all but those it will reclaim. `booting` and
    `ready` count the ones that the scaler counts on: not drained, and without a notice.
    `interrupted` in `ended_s` seconds of ended instances is its history.
    """

    index: int
    offer: Offer
    holding: list[SimInstance] = field(default_factory=list)
    booting: int = 0
    ready: int = 0
    launched_at_sum: float = 0.0
    interrupted: int = 0
    ended_s: float = 0.0

    def add(self, instance: SimInstance) -> None:
        """Let an instance hold capacity."""
        instance.place = len(self.holding)
        self.holding.append(instance)
        self.launched_at_sum += instance.launched

    def remove(self, instance: SimInstance) -> None:
        """Let an instance hold capacity no more; in constant time."""
        last = self.holding.pop()
        if last is not instance:
            self.holding[instance.place] = last
            last.place = instance.place
        instance.place = -1
        self.launched_at_sum -= instance.launched

    def hours(self, now: float) -> float:
        """The instance-hours of its history."""
        return (self.ended_s + len(self.holding) * now - self.launched_at_sum) / 3600

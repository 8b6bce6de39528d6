"""A job of the simulator, and where it is."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from eddyline.graph.states import IllegalTransition

if TYPE_CHECKING:
    from eddyline.sim.fair_shares import Share


class Place(IntEnum):
    """Where a job is. A `DELAYED` job waits for its next attempt."""

    NEW = 0
    WAITING = 1
    DELAYED = 2
    RUNNING = 3
    DONE = 4


class QueuedJob:
    """A job of the simulator. Ids are all numbers or all texts; their order breaks ties, as in the ledger.

    `weight` is in reference slot-seconds. `ready_at` (seconds) and `start_tag` are set by the queue whenever
    the job becomes ready, and kept when it is claimed. `starts` counts its claims. `place` is a `Place`.
    For the queue alone: `order` numbers the submissions, as the rows of the ledger are in this order; `share`
    has the job while it waits; `listed` is whether the heap of deadlines has it.
    """

    __slots__ = (
        "asset",
        "deadline",
        "id",
        "listed",
        "order",
        "owner",
        "place",
        "priority",
        "ready_at",
        "share",
        "start_tag",
        "starts",
        "weight",
    )

    def __init__(
        self,
        id: int | str,  # noqa: A002 - the field's name
        *,
        asset: int = 0,
        owner: int | str = "",
        priority: int = 0,
        weight: float = 1.0,
        deadline: float | None = None,
    ) -> None:
        self.id = id
        self.asset = asset
        self.owner = owner
        self.priority = priority
        self.weight = weight
        self.deadline = deadline
        self.ready_at = 0.0
        self.start_tag = 0.0
        self.starts = 0
        self.place = 0
        self.order = 0
        self.listed = False
        self.share: Share | None = None

    @property
    def job_id(self) -> int | str:
        """The id, by the name that the ledger's rows have."""
        return self.id


def illegal(job: QueuedJob, change: str) -> IllegalTransition:
    """The error for a change of a job that is not where it must be."""
    place = Place(job.place).name.lower()
    return IllegalTransition(
        f"job {job.id} is {place}: it cannot be {change}", remedy="report it: this is a bug of the simulator"
    )

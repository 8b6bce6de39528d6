"""One chunk of an asset in the simulator."""

from __future__ import annotations


class SimJob:
    """A job: `weight` is its work in reference slot-seconds. The fields are those of the ledger's queue."""

    __slots__ = ("asset", "deadline", "id", "owner", "priority", "ready_at", "start_tag", "starts", "weight")

    def __init__(self, job_id: int, asset: int, owner: str, priority: int, weight: float) -> None:
        self.id = job_id
        self.asset = asset
        self.owner = owner
        self.priority = priority
        self.weight = weight
        self.ready_at = 0.0
        self.start_tag: float | None = None
        self.deadline: float | None = None
        self.starts = 0

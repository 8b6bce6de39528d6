"""One EC2 instance of the fleet: one row of the table `instances`."""

from __future__ import annotations

from dataclasses import dataclass

SPOT, ON_DEMAND = "spot", "on-demand"
"""The lifecycles."""
INTERRUPTION, SCALE_IN, OTHER = "interruption", "scale-in", "other"
"""Why an instance ended."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """What the events say about one instance; empty or None where none says it.

    `launched`, `terminated` and the first rebalance recommendation, interruption warning and scale-in
    lifecycle action are in seconds since 1970. `ended_by` is empty while it runs.
    """

    instance: str
    pool: str = ""
    auto_scaling_group: str = ""
    instance_type: str = ""
    zone: str = ""
    lifecycle: str = ""
    vcpu: int | None = None
    account: str = ""
    region: str = ""
    launched: float | None = None
    rebalance_at: float | None = None
    warned_at: float | None = None
    scale_in_at: float | None = None
    terminated: float | None = None
    ended_by: str = ""

    def seconds(self, start: float, stop: float) -> float:
        """The seconds for which it ran between `start` and `stop`; 0 where the launch is unknown."""
        if self.launched is None:
            return 0.0
        end = stop if self.terminated is None else min(self.terminated, stop)
        return max(end - max(self.launched, start), 0.0)

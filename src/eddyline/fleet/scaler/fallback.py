"""When On-Demand replaces Spot that is missing: only once the slack of the deadline is gone. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from eddyline.fleet.scaler.rules import ScalerRules


@dataclass(slots=True, kw_only=True)
class Backlog:
    """Work and capacity: `arrival` in reference slots, `waiting` in reference slot-seconds, powers in slots.

    `missing_s`: for how long Spot has lacked capacity.
    """

    arrival: float
    waiting: float
    oldest_s: float
    spot_ready: float
    spot_booting: float
    on_demand: float
    missing_s: float


def on_demand_power(backlog: Backlog, rules: ScalerRules) -> float:
    """The reference slots of On-Demand that are needed beside Spot.

    The queue is in order of arrival: the work that will wait when On-Demand has booted, divided by the rate
    of arrivals, is the time that its oldest job will have waited. While this is within the deadline,
    waiting for Spot costs nothing. Then On-Demand does what Spot does not, and once it runs it stays until
    Spot is back or most of the queue is done: a new instance pays for its boot again.
    """
    if backlog.missing_s < rules.on_demand_after_s and not backlog.on_demand:
        return 0.0
    slack_s = max(rules.deadline_s - rules.margin_s, rules.job_s)
    limit = backlog.arrival * slack_s * rules.patience
    growth = backlog.arrival - backlog.spot_ready - backlog.spot_booting / 2
    late = max(backlog.waiting + growth * rules.boot_s, 0.0) - limit
    if late <= 0 and backlog.oldest_s + rules.boot_s <= slack_s:
        is_done = backlog.waiting < rules.release * limit
        if not backlog.on_demand or is_done or backlog.spot_ready >= backlog.arrival:
            return 0.0
    replaced = max(backlog.arrival - backlog.spot_ready, 0.0)
    return replaced + max(late, 0.0) / max(slack_s * rules.late_share, rules.boot_s)

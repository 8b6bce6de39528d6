"""When On-Demand replaces Spot that is missing: only once the slack of the deadline is gone."""

from __future__ import annotations

from eddyline.fleet.scaler.rules import ScalerRules, WorkReading


def on_demand_power(work: WorkReading, spot_power: float, missing_s: float, rules: ScalerRules) -> float:
    """The reference slots of On-Demand that are needed beside `spot_power`.

    `missing_s`: how long Spot has lacked capacity. The work that will wait once On-Demand has booted, divided
    by the rate of arrivals, is the time that its oldest job will have waited (the queue is in order of
    arrival). As long as that stays within the deadline, less a job's own time, patience costs nothing.
    """
    if missing_s < rules.on_demand_after_s:
        return 0.0
    slack_s = max(rules.deadline_s - 2 * rules.job_s, rules.job_s)
    ahead_s = rules.boot_s
    waiting = max(work.waiting + (work.arrival - spot_power) * ahead_s, 0.0)
    if waiting <= work.arrival * slack_s and work.oldest_s + ahead_s <= slack_s:
        return 0.0
    rate = max(work.arrival, 1e-9)
    late = max(waiting - rate * slack_s * 0.8, 0.0)
    return max(work.arrival + late / max(rules.boot_s, slack_s / 4) - spot_power, 0.0)

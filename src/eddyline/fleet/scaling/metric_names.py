"""The metrics that coordinators publish to CloudWatch, once a minute and pool. Terraform uses these names.

Every coordinator publishes, so that no other one has to take over when one ends. Their values of a minute
describe the same ledger and are nearly equal: policies and alarms must use the statistic of this table
(`Average`, or `Maximum`), never `Sum`, which would grow with the number of coordinators.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NAMESPACE: Final = "Eddyline"
FLEET_NAMESPACE: Final = "Eddyline/Fleet"
"""The namespace of the metrics that the Lambda function for fleet events emits."""
DIMENSIONS: Final = ("Prefix", "Pool")
PERIOD_S: Final = 60
"""Seconds between two values of a metric."""


@dataclass(frozen=True, kw_only=True)
class PoolMetric:
    """One metric: its CloudWatch name and unit, and the statistic by which policies and alarms read it.

    `gauge` is its name in Prometheus; empty if another metric there has the same value.
    """

    name: str
    unit: str
    statistic: str
    meaning: str
    gauge: str = ""


BACKLOG = PoolMetric(
    name="BacklogSecondsPerVcpu",
    gauge="backlog_seconds_per_vcpu",
    unit="Seconds",
    statistic="Average",
    meaning=(
        "work that Spot has to do within the pool's target time, in vCPU seconds, divided by the Spot vCPU "
        "in service; not published while no Spot vCPU is in service"
    ),
)
OLDEST_DUE_JOB = PoolMetric(
    name="OldestDueJobAge",
    unit="Seconds",
    statistic="Maximum",
    meaning="how long the oldest due job has been due; 0 without due jobs",
)
WANTED = PoolMetric(
    name="WantedVcpu",
    gauge="vcpu_wanted",
    unit="Count",
    statistic="Average",
    meaning="vCPU that do the work within the pool's target time, Spot and on-demand",
)
SPOT_SHORTFALL = PoolMetric(
    name="SpotShortfallVcpu",
    gauge="spot_shortfall_vcpu",
    unit="Count",
    statistic="Average",
    meaning="vCPU that Spot has not provided for `on_demand.after_s` and that no on-demand instance replaces",
)
IN_SERVICE = PoolMetric(
    name="InServiceVcpu",
    gauge="vcpu_in_service",
    unit="Count",
    statistic="Average",
    meaning="vCPU of workers with a valid lease whose instance is not about to end",
)
SPOT_IN_SERVICE = PoolMetric(
    name="SpotInServiceVcpu",
    gauge="spot_vcpu_in_service",
    unit="Count",
    statistic="Average",
    meaning="the part of InServiceVcpu that runs on Spot Instances",
)
BUSY_SLOTS = PoolMetric(
    name="BusySlots",
    gauge="pool_slots_busy",
    unit="Count",
    statistic="Average",
    meaning="running jobs, each of which occupies one of these slots",
)
SLOTS = PoolMetric(
    name="Slots", gauge="pool_slots", unit="Count", statistic="Average", meaning="slots of these workers"
)
SPOT_SHARE = PoolMetric(
    name="SpotShare",
    gauge="spot_share_percent",
    unit="Percent",
    statistic="Average",
    meaning="SpotInServiceVcpu in percent of InServiceVcpu; not published while that is 0",
)

DECISION_AGE = PoolMetric(
    name="ScalerDecisionAge",
    gauge="scaler_decision_age_seconds",
    unit="Seconds",
    statistic="Maximum",
    meaning=(
        "seconds since the scaler of coordinators last decided about the pool and applied it; only for pools "
        "with `scaling: eddyline`, and not published before the first decision"
    ),
)

METRICS: Final = (
    BACKLOG,
    OLDEST_DUE_JOB,
    WANTED,
    SPOT_SHORTFALL,
    IN_SERVICE,
    SPOT_IN_SERVICE,
    BUSY_SLOTS,
    SLOTS,
    SPOT_SHARE,
    DECISION_AGE,
)
"""Every metric, in the order in which they are published."""

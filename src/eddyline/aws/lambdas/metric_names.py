"""The CloudWatch metrics that the Spot metrics function emits: names, unit and dimensions.

Terraform's dashboard and alarms use these names; a test compares them.
"""

from __future__ import annotations

from enum import StrEnum

NAMESPACE = "Eddyline/Fleet"
UNIT = "Count"

PREFIX = "Prefix"
POOL = "Pool"
INSTANCE_TYPE = "InstanceType"
ZONE = "AvailabilityZone"
LIFECYCLE = "Lifecycle"
"""The names of the dimensions; the values of `Lifecycle` are `spot` and `on-demand`."""

DIMENSION_SETS: tuple[tuple[str, ...], ...] = (
    (PREFIX, POOL),
    (PREFIX, POOL, INSTANCE_TYPE),
    (PREFIX, POOL, ZONE),
    (PREFIX, POOL, LIFECYCLE),
)
"""Each metric has these sets of dimensions, except those with a dimension whose value is unknown."""


class Metric(StrEnum):
    """The metrics; each counts events.

    `INTERRUPTION_WARNINGS`: notices of two minutes. `INTERRUPTIONS`: Spot Instances that EC2 terminated,
    with or without a notice. `LAUNCHES`, `LAUNCH_FAILURES` and `TERMINATIONS`: activities of the Auto
    Scaling groups; terminations have any cause. `SCALE_INS`: terminations that wait for the drain.
    """

    INTERRUPTION_WARNINGS = "InterruptionWarnings"
    INTERRUPTIONS = "Interruptions"
    REBALANCE_RECOMMENDATIONS = "RebalanceRecommendations"
    LAUNCHES = "Launches"
    LAUNCH_FAILURES = "LaunchFailures"
    TERMINATIONS = "Terminations"
    SCALE_INS = "ScaleIns"

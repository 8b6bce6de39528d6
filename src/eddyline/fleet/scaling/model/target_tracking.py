"""Target tracking: the alarms that AWS creates for a policy, and the capacity that it computes. Pure.

"The Auto Scaling group scales out proportionally to the metric as fast as it can, but scales in more
gradually"; "we act conservatively by rounding up or down when determining how many instances to add or
remove" (Amazon EC2 Auto Scaling User Guide, "Target tracking scaling policies"). The guide does not state the
alarms' settings: those of created alarms are 3 periods of one minute above the target, and 15 periods below
90 % of it.
"""

from __future__ import annotations

import math

from eddyline.fleet.scaling.alarms import Alarm
from eddyline.fleet.scaling.policies import TargetTracking

OUT_PERIODS = 3
IN_PERIODS = 15
IN_FRACTION = 0.9


def tracking_alarms(policy: TargetTracking) -> tuple[Alarm, Alarm]:
    """The alarm that scales out, and the one that scales in."""
    metrics = (("value", policy.metric),)
    high = Alarm(
        name=f"{policy.name}-AlarmHigh",
        metrics=metrics,
        threshold=policy.target,
        periods=OUT_PERIODS,
        datapoints=OUT_PERIODS,
        missing="missing",
        scaling=policy.name,
    )
    low = Alarm(
        name=f"{policy.name}-AlarmLow",
        metrics=metrics,
        above=False,
        threshold=IN_FRACTION * policy.target,
        periods=IN_PERIODS,
        datapoints=IN_PERIODS,
        missing="missing",
        scaling=policy.name,
    )
    return high, low


def tracked_capacity(capacity: int, value: float, target: float) -> int:
    """The capacity at which `value`, which is inversely proportional to it, is at `target`; rounded up."""
    # The quotient of floats may be a little more than an integer.
    return math.ceil(capacity * value / target - 1e-9)

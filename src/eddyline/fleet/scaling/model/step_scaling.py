"""Step scaling: the adjustment for the size of a breach. Pure.

Amazon EC2 Auto Scaling User Guide, "Step and simple scaling policies".
"""

from __future__ import annotations

from eddyline.fleet.scaling.policies import Step, StepScaling


def step_for(policy: StepScaling, value: float) -> Step:
    """The step whose bounds, relative to the threshold, contain the value.

    "If the metric value is above the breach threshold, the lower bound is inclusive and the upper bound is
    exclusive." All policies here act above a threshold. Raises `ValueError` for a value below it.
    """
    above = value - policy.alarm.threshold
    for step in policy.steps:
        if step.lower <= above and (step.upper is None or above < step.upper):
            return step
    raise ValueError(f"no step of {policy.name} is for {value:g}")


def stepped_capacity(policy: StepScaling, value: float, capacity: int) -> int:
    """The capacity that the policy asks for, given the present one; not below 0."""
    adjustment = step_for(policy, value).adjustment
    return adjustment if policy.adjustment_type == "ExactCapacity" else max(capacity + adjustment, 0)

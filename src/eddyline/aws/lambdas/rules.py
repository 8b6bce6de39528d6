"""The EventBridge rules of the Lambda functions: which events each one receives, and through which target.

Terraform's rules are compared with these patterns. A pattern only reduces the number of invocations: the
functions ignore foreign events too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from eddyline.fleet import names


class Target(StrEnum):
    """The target of a rule: the function itself, or the queue from which it receives batches."""

    FUNCTION = "function"
    QUEUE = "queue"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule: events of `source` with one of `detail_types` whose detail matches the pattern `detail`."""

    function: str
    target: Target
    source: str
    detail_types: tuple[str, ...]
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pattern(self) -> dict[str, Any]:
        """The event pattern of the rule."""
        detail = {"detail": dict(self.detail)} if self.detail else {}
        return {"source": [self.source], "detail-type": list(self.detail_types), **detail}


def rules(prefix: str) -> tuple[Rule, ...]:
    """The rules of a fleet with this prefix."""
    groups = {"AutoScalingGroupName": [{"prefix": f"{prefix}-"}]}
    drain, metrics = names.SPOT_DRAIN, names.SPOT_METRICS
    spot_events = ("EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation")
    return (
        Rule(
            function=names.GENERAL_DRAIN,
            target=Target.FUNCTION,
            source="aws.autoscaling",
            detail_types=("EC2 Instance-terminate Lifecycle Action",),
            detail={
                **groups,
                "LifecycleHookName": [names.hook_name(prefix)],
                "LifecycleTransition": ["autoscaling:EC2_INSTANCE_TERMINATING"],
            },
        ),
        Rule(function=drain, target=Target.QUEUE, source="aws.ec2", detail_types=spot_events),
        Rule(function=metrics, target=Target.QUEUE, source="aws.ec2", detail_types=spot_events),
        Rule(
            function=metrics,
            target=Target.QUEUE,
            source="aws.ec2",
            detail_types=("EC2 Instance State-change Notification",),
            detail={"state": ["running", "terminated"]},
        ),
        Rule(
            function=metrics,
            target=Target.QUEUE,
            source="aws.ec2",
            detail_types=("AWS API Call via CloudTrail",),
            detail={"eventSource": ["ec2.amazonaws.com"], "eventName": ["RunInstances"]},
        ),
        Rule(
            function=metrics,
            target=Target.QUEUE,
            source="aws.ec2",
            detail_types=("EC2 Spot Instance Request Fulfillment",),
        ),
        Rule(
            function=metrics,
            target=Target.QUEUE,
            source="aws.autoscaling",
            detail_types=(
                "EC2 Instance-terminate Lifecycle Action",
                "EC2 Instance Launch Successful",
                "EC2 Instance Launch Unsuccessful",
                "EC2 Instance Terminate Successful",
                "EC2 Instance Terminate Unsuccessful",
            ),
            detail=groups,
        ),
        Rule(
            function=metrics,
            target=Target.QUEUE,
            source="aws.health",
            detail_types=("AWS Health Event",),
            detail={"service": ["EC2"], "eventTypeCategory": ["scheduledChange"]},
        ),
    )

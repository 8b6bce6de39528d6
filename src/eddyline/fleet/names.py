"""The names of the AWS resources of a fleet, and the tags of its machines. Terraform uses the same names.

`prefix` starts all names of one installation (the setting EDDYLINE_QUEUES, `var.prefix` in Terraform).
"""

from __future__ import annotations

import re

TAG_PREFIX = "eddyline:prefix"
TAG_POOL = "eddyline:pool"
TAG_PURCHASE = "eddyline:purchase"
"""Tags of instances, groups and volumes; their values are the prefix, the pool, and `spot` or `od`."""

TAG_GROUP = "aws:autoscaling:groupName"
"""The tag with the group's name, which EC2 Auto Scaling adds to each instance that it launches."""

GENERAL_DRAIN = "general-drain"
SPOT_DRAIN = "spot-drain"
SPOT_METRICS = "spot-metrics"
"""The Lambda functions, without the prefix."""

_SPOT = "-spot"
_ON_DEMAND = "-od"
_POOL = re.compile(r"[a-z][a-z0-9-]{0,19}", re.ASCII)


def cluster_name(prefix: str, pool: str) -> str:
    """The ECS cluster of a pool; its service and its task family have the same name."""
    return f"{prefix}-{pool}"


def service_name(prefix: str, pool: str) -> str:
    """The ECS service of a pool."""
    return cluster_name(prefix, pool)


def group_name(prefix: str, pool: str, *, spot: bool) -> str:
    """The Auto Scaling group, and the launch template, of a pool's Spot or On-Demand Instances."""
    return f"{cluster_name(prefix, pool)}{_SPOT if spot else _ON_DEMAND}"


def parse_group(name: str, prefix: str) -> tuple[str, bool] | None:
    """The pool of an Auto Scaling group and whether it is the Spot group; None: not a group of `prefix`.

    With the prefixes `a` and `a-b` in one account, the group `a-b-cpu-spot` can be read with either: callers
    also check that the pool is one of theirs.
    """
    for suffix in (_SPOT, _ON_DEMAND):
        if name.startswith(f"{prefix}-") and name.endswith(suffix):
            pool = name[len(prefix) + 1 : -len(suffix)]
            return (pool, suffix == _SPOT) if _POOL.fullmatch(pool) else None
    return None


def hook_name(prefix: str) -> str:
    """The lifecycle hook that delays the termination of an instance until it is drained."""
    return f"{prefix}-drain"


def fleet_queue(prefix: str) -> str:
    """The SQS queue of fleet events, which coordinators consume."""
    return f"{prefix}-fleet"


def drain_queue(prefix: str) -> str:
    """The SQS queue of the delayed checks of the general drain function."""
    return f"{prefix}-drain"


def function_name(prefix: str, function: str) -> str:
    """The name of a Lambda function, such as `GENERAL_DRAIN`."""
    return f"{prefix}-{function}"


def function_queue(prefix: str, function: str) -> str:
    """The SQS queue from which a function receives events in batches (`SPOT_DRAIN`, `SPOT_METRICS`).

    A mass interruption is one event for each instance: API calls for batches stay within the rates of ECS.
    """
    return function_name(prefix, function)

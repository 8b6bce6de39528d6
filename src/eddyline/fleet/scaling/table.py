"""The scaling policies as a JSON document in Terraform's terms, with which the tests compare its plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eddyline.fleet.names import cluster_name
from eddyline.fleet.scaling.alarms import Alarm
from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.metric_names import DIMENSIONS, NAMESPACE, PoolMetric
from eddyline.fleet.scaling.policies import (
    Group,
    PredictiveScaling,
    StepScaling,
    TargetTracking,
    pool_scaling,
)


def scaling_table(pools: Mapping[str, Bounds], prefix: str) -> dict[str, Any]:
    """Groups, policies and alarms of each pool, with the names and attributes of Terraform's AWS provider."""
    return {pool: _pool(cluster_name(prefix, pool), prefix, pool, bounds) for pool, bounds in pools.items()}


def _pool(base: str, prefix: str, pool: str, bounds: Bounds) -> dict[str, Any]:
    scaling = pool_scaling(bounds)
    dimensions = dict(zip(DIMENSIONS, (prefix, pool), strict=True))
    policies = [
        *(_step_scaling(base, policy) for policy in scaling.steps),
    ]
    if scaling.has_tracking:
        policies.insert(0, _target_tracking(base, dimensions, scaling.target_tracking))
    if scaling.predictive is not None:
        policies.append(_predictive(base, dimensions, scaling.predictive))
    running = (policy.alarm for policy in scaling.steps)
    return {
        "groups": {group.purchase: _group(base, group) for group in scaling.groups},
        "policies": policies,
        "alarms": [_alarm(base, dimensions, alarm) for alarm in (*running, *scaling.notifications)],
    }


def _group(base: str, group: Group) -> dict[str, Any]:
    return {
        "name": f"{base}-{group.purchase}",
        "min_size": group.min_size,
        "max_size": group.max_size,
        "default_instance_warmup": group.default_instance_warmup,
        "suspended_processes": list(group.suspended_processes),
        "enabled_metrics": list(group.enabled_metrics),
        "metrics_granularity": "1Minute",
        "capacity_rebalance": group.capacity_rebalance,
        "protect_from_scale_in": group.protect_from_scale_in,
    }


def _target_tracking(base: str, dimensions: dict[str, str], policy: TargetTracking) -> dict[str, Any]:
    return {
        "name": f"{base}-{policy.name}",
        "autoscaling_group_name": f"{base}-{policy.purchase}",
        "policy_type": "TargetTrackingScaling",
        "estimated_instance_warmup": policy.warmup_s,
        "target_tracking_configuration": {
            "target_value": policy.target,
            "disable_scale_in": policy.disable_scale_in,
            "customized_metric_specification": {
                "metric_name": policy.metric.name,
                "namespace": NAMESPACE,
                "statistic": policy.metric.statistic,
                "unit": policy.metric.unit,
                "metric_dimension": dimensions,
            },
        },
    }


def _step_scaling(base: str, policy: StepScaling) -> dict[str, Any]:
    return {
        "name": f"{base}-{policy.name}",
        "autoscaling_group_name": f"{base}-{policy.purchase}",
        "policy_type": "StepScaling",
        "adjustment_type": policy.adjustment_type,
        "metric_aggregation_type": "Average",
        "estimated_instance_warmup": policy.warmup_s,
        "step_adjustment": [
            {
                "metric_interval_lower_bound": step.lower,
                "metric_interval_upper_bound": step.upper,
                "scaling_adjustment": step.adjustment,
            }
            for step in policy.steps
        ],
    }


def _predictive(base: str, dimensions: dict[str, str], policy: PredictiveScaling) -> dict[str, Any]:
    return {
        "name": f"{base}-{policy.name}",
        "autoscaling_group_name": f"{base}-{policy.purchase}",
        "policy_type": "PredictiveScaling",
        "predictive_scaling_configuration": {
            "mode": policy.mode,
            "max_capacity_breach_behavior": policy.max_capacity_breach_behavior,
            "scheduling_buffer_time": policy.scheduling_buffer_time,
            "metric_specification": {
                "target_value": policy.target,
                "customized_load_metric_specification": _query("load", dimensions, policy.load),
                "customized_scaling_metric_specification": _query("scaling", dimensions, policy.scaling),
                "customized_capacity_metric_specification": _query("capacity", dimensions, policy.capacity),
            },
        },
    }


def _alarm(base: str, dimensions: dict[str, str], alarm: Alarm) -> dict[str, Any]:
    """With an expression: `metric_query` blocks, else the attributes of one metric."""
    common = {
        "alarm_name": f"{base}-{alarm.name}",
        "comparison_operator": alarm.comparison,
        "threshold": alarm.threshold,
        "evaluation_periods": alarm.periods,
        "datapoints_to_alarm": alarm.datapoints,
        "treat_missing_data": alarm.missing,
        # The policy whose ARN is the only action of the alarm; null: the topic for notifications.
        "scaling_policy": f"{base}-{alarm.scaling}" if alarm.scaling else None,
    }
    if not alarm.expression:
        ((_, metric),) = alarm.metrics
        single = {
            "metric_name": metric.name,
            "namespace": alarm.namespace,
            "dimensions": dimensions,
            "statistic": metric.statistic,
            "period": alarm.period_s,
        }
        return common | single
    queries = [
        _query(name, dimensions, metric, period=alarm.period_s) | {"return_data": False}
        for name, metric in alarm.metrics
    ]
    return common | {
        "metric_query": [*queries, {"id": "value", "expression": alarm.expression, "return_data": True}]
    }


def _query(
    name: str, dimensions: dict[str, str], metric: PoolMetric, *, period: int | None = None
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "metric_name": metric.name,
        "namespace": NAMESPACE,
        "dimensions": dimensions,
        "stat": metric.statistic,
    }
    return {"id": name, "metric": described | ({"period": period} if period else {})}

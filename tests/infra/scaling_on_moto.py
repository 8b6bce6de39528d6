"""Scaling policies and alarms that AWS' API returns, in the form of the scaling table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any


def policy_in_table_form(policy: Mapping[str, Any]) -> dict[str, Any]:
    """One of `ScalingPolicies` of DescribePolicies."""
    found = {
        "name": policy["PolicyName"],
        "autoscaling_group_name": policy["AutoScalingGroupName"],
        "policy_type": policy["PolicyType"],
    }
    if policy["PolicyType"] == "PredictiveScaling":
        configuration = policy["PredictiveScalingConfiguration"]
        (metrics,) = configuration["MetricSpecifications"]
        specification = {"target_value": metrics["TargetValue"]}
        for key in ("Load", "Scaling", "Capacity"):
            (query,) = metrics[f"Customized{key}MetricSpecification"]["MetricDataQueries"]
            specification[f"customized_{key.lower()}_metric_specification"] = _query(query)
        return found | {
            "predictive_scaling_configuration": {
                "mode": configuration["Mode"],
                "max_capacity_breach_behavior": configuration["MaxCapacityBreachBehavior"],
                "scheduling_buffer_time": configuration["SchedulingBufferTime"],
                "metric_specification": specification,
            }
        }
    found["estimated_instance_warmup"] = policy["EstimatedInstanceWarmup"]
    if policy["PolicyType"] == "StepScaling":
        steps = sorted(policy["StepAdjustments"], key=lambda step: step["MetricIntervalLowerBound"])
        return found | {
            "adjustment_type": policy["AdjustmentType"],
            "metric_aggregation_type": policy["MetricAggregationType"],
            "step_adjustment": [
                {
                    "metric_interval_lower_bound": step["MetricIntervalLowerBound"],
                    "metric_interval_upper_bound": step.get("MetricIntervalUpperBound"),
                    "scaling_adjustment": step["ScalingAdjustment"],
                }
                for step in steps
            ],
        }
    configuration = policy["TargetTrackingConfiguration"]
    metric = configuration["CustomizedMetricSpecification"]
    return found | {
        "target_tracking_configuration": {
            "target_value": configuration["TargetValue"],
            "disable_scale_in": configuration["DisableScaleIn"],
            "customized_metric_specification": {
                **_snake_case(metric, ("MetricName", "Namespace", "Statistic", "Unit")),
                "metric_dimension": _dimensions(metric),
            },
        }
    }


def alarm_in_table_form(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """One of `MetricAlarms` of DescribeAlarms, without its actions; queries by their identifiers."""
    common = (
        "AlarmName",
        "ComparisonOperator",
        "Threshold",
        "EvaluationPeriods",
        "DatapointsToAlarm",
        "TreatMissingData",
    )
    found = _snake_case(alarm, common)
    if alarm.get("MetricName"):
        single = _snake_case(alarm, ("MetricName", "Namespace", "Statistic", "Period"))
        return found | single | {"dimensions": _dimensions(alarm)}
    queries = {each["Id"]: _query(each) | {"return_data": each["ReturnData"]} for each in alarm["Metrics"]}
    return found | {"metric_query": queries}


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    if "Expression" in query:
        return {"id": query["Id"], "expression": query["Expression"]}
    stat = query["MetricStat"]
    metric = _snake_case(stat["Metric"], ("MetricName", "Namespace"))
    metric |= {"dimensions": _dimensions(stat["Metric"]), "stat": stat["Stat"]}
    return {"id": query["Id"], "metric": metric | ({"period": stat["Period"]} if "Period" in stat else {})}


def _dimensions(metric: Mapping[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in metric["Dimensions"]}


def _snake_case(values: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower(): values[key] for key in keys}

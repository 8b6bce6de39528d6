"""The tables of docs/reference/fleet-events.md: events, and rules, metrics, permissions of the functions."""

from __future__ import annotations

import json
from collections.abc import Iterable

from eddyline.aws.lambdas.metric_names import DIMENSION_SETS, NAMESPACE, Metric
from eddyline.aws.lambdas.permissions import PERMISSIONS
from eddyline.aws.lambdas.rules import Target, rules
from eddyline.fleet.eventbridge_events import EVENT_KINDS
from eddyline.fleet.names import function_name, function_queue

_PREFIX = "PREFIX"
_METRICS = {
    Metric.INTERRUPTION_WARNINGS: "Spot interruption warnings",
    Metric.INTERRUPTIONS: "Spot Instances that EC2 ended, with or without a warning",
    Metric.REBALANCE_RECOMMENDATIONS: "rebalance recommendations",
    Metric.LAUNCHES: "instances that a group launched",
    Metric.LAUNCH_FAILURES: "launches of a group that failed",
    Metric.TERMINATIONS: "instances that a group terminated, or found terminated, for any reason",
    Metric.SCALE_INS: "terminations by a group that wait for the drain, without those after an interruption",
}


def events_table() -> str:
    """Every kind of event that is parsed."""
    rows = (f"| `{each.source}` | {each.detail_type} | {each.meaning} |" for each in EVENT_KINDS)
    return _table("| source | detail type | meaning |", rows)


def rules_table() -> str:
    """The rule of each kind of event, with its target."""
    rows = []
    for rule in rules(_PREFIX):
        name = function_name(_PREFIX, rule.function)
        target = f"queue `{function_queue(_PREFIX, rule.function)}`"
        if rule.target is Target.FUNCTION:
            target = "the function"
        detail = f"`{json.dumps(dict(rule.detail))}`" if rule.detail else ""
        rows.append(f"| `{name}` | {target} | `{rule.source}`: {', '.join(rule.detail_types)} | {detail} |")
    return _table("| function | target | events | detail pattern |", rows)


def metrics_table() -> str:
    """The metrics with their sets of dimensions."""
    sets = ", ".join(" + ".join(each) for each in DIMENSION_SETS)
    rows = (f"| `{metric}` | {_METRICS[metric]} |" for metric in Metric)
    head = f"Namespace `{NAMESPACE}`, unit Count, each with the dimensions {sets}.\n\n"
    return head + _table("| metric | counts |", rows)


def permissions_table() -> str:
    """The actions of each function's role."""
    rows = [
        f"| `{function_name(_PREFIX, function)}` | `{each.action}` | `{each.resource}` |"
        for function, permissions in PERMISSIONS.items()
        for each in permissions
    ]
    return _table("| function | action | resource (end of the ARN) |", rows)


def _table(head: str, rows: Iterable[str]) -> str:
    line = "|---" * (head.count("|") - 1) + "|"
    return "\n".join([head, line, *rows, ""])

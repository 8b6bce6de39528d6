"""The plan of the module `watch`: the alarms of the scaling table, and a dashboard of existing metrics."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.infra.plans import Plan, read_plans

from eddyline.aws.lambdas import metric_names as lambda_metrics
from eddyline.fleet.capacity import Capacity
from eddyline.fleet.pools import load_pools
from eddyline.fleet.scaling import metric_names
from eddyline.fleet.scaling.pool_bounds import bounds_of, scaled_pools
from eddyline.fleet.scaling.table import scaling_table

pytestmark = pytest.mark.slow

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
POOLS = sorted(scaled_pools(load_pools()))
POOL_DIMENSIONS = frozenset(metric_names.DIMENSIONS)
PUBLISHED = {
    **{(metric_names.NAMESPACE, each.name): {POOL_DIMENSIONS} for each in metric_names.METRICS},
    **{
        (lambda_metrics.NAMESPACE, each.value): {frozenset(each) for each in lambda_metrics.DIMENSION_SETS}
        for each in lambda_metrics.Metric
    },
}
"""The metrics that exist, by namespace and name, with their sets of dimensions."""
STATISTICS = {each.name: each.statistic for each in metric_names.METRICS}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return read_plans(tmp_path_factory, "watch")["plan"]


def alarms(plan: Plan) -> dict[str, dict[str, Any]]:
    return {each["alarm_name"]: each for each in plan.all("aws_cloudwatch_metric_alarm").values()}


@pytest.mark.parametrize("pool", POOLS)
def test_the_alarms_of_a_pool_equal_the_scaling_table(plan: Plan, pool: str) -> None:
    table = scaling_table(scaled_pools(load_pools()), "eddyline")[pool]["alarms"]
    notifying = [each for each in table if each.pop("scaling_policy") is None]
    assert notifying
    planned = alarms(plan)
    for wanted in notifying:
        alarm = planned[wanted["alarm_name"]]
        assert {key: alarm[key] for key in wanted} == wanted
        assert alarm["alarm_actions"] == alarm["ok_actions"] == [TOPIC]


def test_the_alarms_of_a_pool_that_coordinators_scale_equal_the_scaling_table(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    plan = read_plans(tmp_path_factory, "watch")["a_pool_that_coordinators_scale"]
    capacity = Capacity(max_vcpu=64, types={"c7i.4xlarge": 16}, scaling="eddyline")
    table = scaling_table({"cpu": bounds_of(capacity)}, "eddyline")["cpu"]["alarms"]
    assert len(table) == 7
    for wanted in table:
        assert wanted.pop("scaling_policy") is None
        alarm = alarms(plan)[wanted["alarm_name"]]
        assert {key: alarm[key] for key in wanted} == wanted


def test_no_pool_without_machines_has_alarms(plan: Plan) -> None:
    names = {
        each["dimensions"]["Pool"] for each in alarms(plan).values() if "Pool" in (each["dimensions"] or {})
    }
    assert names == set(POOLS)


def test_missing_metrics_of_coordinators_are_an_alarm(plan: Plan) -> None:
    for pool in POOLS:
        alarm = alarms(plan)[f"eddyline-{pool}-metrics-missing"]
        assert alarm["treat_missing_data"] == "breaching"
        assert (alarm["comparison_operator"], alarm["threshold"]) == ("LessThanThreshold", 0)


def queries(plan: Plan) -> list[dict[str, Any]]:
    """Every metric that an alarm reads, of this product: namespace, name, dimensions, statistic."""
    found = []
    for alarm in alarms(plan).values():
        if alarm["metric_name"]:
            found.append({**alarm, "stat": alarm["statistic"]})
        for query in alarm["metric_query"] or ():
            found += query["metric"]
    return [each for each in found if not each["namespace"].startswith("AWS/")]


def test_alarms_read_metrics_that_exist(plan: Plan) -> None:
    found = queries(plan)
    assert len(found) > 6 * len(POOLS)
    for each in found:
        name = each["metric_name"]
        assert frozenset(each["dimensions"]) in PUBLISHED[each["namespace"], name]
        assert each["stat"] == STATISTICS.get(name, "Sum")


# The dashboard


def widgets(plan: Plan) -> list[dict[str, Any]]:
    body = json.loads(plan.one("aws_cloudwatch_dashboard")["dashboard_body"])
    found: list[dict[str, Any]] = body["widgets"]
    return found


def test_every_metric_on_the_dashboard_exists(plan: Plan) -> None:
    shown = set()
    for widget in widgets(plan):
        for metric in widget["properties"]["metrics"]:
            if isinstance(metric[0], dict):
                namespace, name, dimensions = _search(metric[0]["expression"])
            else:
                *words, options = metric
                namespace, name = words[:2]
                if namespace.startswith("AWS/"):
                    continue
                dimensions = frozenset(words[2::2])
                assert words[3] == "eddyline"
                assert words[5] in POOLS
                assert options == {"stat": STATISTICS.get(name, "Sum")}
            assert dimensions in PUBLISHED[namespace, name]
            shown.add((namespace, name))
    assert shown == set(PUBLISHED), "and every metric is on the dashboard"


def _search(expression: str) -> tuple[str, str, frozenset[str]]:
    found = re.fullmatch(
        r"SEARCH\('\{([^,]+),([\w,]+)\} MetricName=\"(\w+)\" Prefix=\"eddyline\" Pool=\"([\w-]+)\"', "
        r"'Sum', 3600\)",
        expression,
    )
    assert found, expression
    assert found[4] in POOLS
    return found[1], found[3], frozenset(found[2].split(","))


def test_interruptions_are_shown_by_instance_type(plan: Plan) -> None:
    titles = {widget["properties"]["title"] for widget in widgets(plan)}
    for pool in POOLS:
        assert {f"{pool}: interruptions by instance type", f"{pool}: interruptions"} <= titles


def test_widgets_fit_the_grid_and_do_not_overlap(plan: Plan) -> None:
    cells: set[tuple[int, int]] = set()
    for widget in widgets(plan):
        covered = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert max(x for x, _ in covered) < 24, "the grid of a dashboard has 24 columns"
        assert not covered & cells
        cells |= covered


def test_the_dashboard_is_within_the_limits_of_cloudwatch(plan: Plan) -> None:
    found = widgets(plan)
    assert len(found) <= 500
    assert sum(len(widget["properties"]["metrics"]) for widget in found) <= 2500


def test_every_alarm_notifies_in_both_directions(plan: Plan) -> None:
    for alarm in alarms(plan).values():
        assert alarm["alarm_actions"] == alarm["ok_actions"] == [TOPIC]
        assert len(alarm["alarm_description"]) > 10


def test_dead_letters_late_events_functions_and_quotas_have_alarms(plan: Plan) -> None:
    read = {
        (each["namespace"], each["metric_name"], *sorted(each["dimensions"].values()))
        for each in alarms(plan).values()
        if each["namespace"] and each["namespace"].startswith("AWS/")
    }
    for queue in ("eddyline-dead", "eddyline-events-dead"):
        assert ("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue) in read
    for queue in ("fleet", "drain", "spot-drain", "spot-metrics"):
        assert ("AWS/SQS", "ApproximateAgeOfOldestMessage", f"eddyline-{queue}") in read
    for function in ("general-drain", "spot-drain", "spot-metrics"):
        for metric in ("Errors", "Throttles"):
            assert ("AWS/Lambda", metric, f"eddyline-{function}") in read
    quotas = [each for name, each in alarms(plan).items() if name.startswith("eddyline-quota-")]
    assert len(quotas) == 4
    for each in quotas:
        expressions = [query["expression"] for query in each["metric_query"] if query["expression"]]
        assert expressions == ["100 * used / SERVICE_QUOTA(used)"]

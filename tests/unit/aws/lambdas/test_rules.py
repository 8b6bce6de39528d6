"""The EventBridge rules send each function the events that it handles."""

from __future__ import annotations

from typing import Any

import pytest
from tests.servers.lambda_runtime import event_matches
from tests.unit.fleet.events import recorded_events as recorded

from eddyline.aws.lambdas.rules import Target, rules
from eddyline.fleet.eventbridge_events import EVENT_KINDS, parse_event
from eddyline.fleet.names import GENERAL_DRAIN, SPOT_DRAIN, SPOT_METRICS
from eddyline.fleet.notices import Parsed

RULES = rules("eddyline")


def _functions(event: dict[str, Any]) -> set[str]:
    return {rule.function for rule in RULES if event_matches(rule.pattern, event)}


@pytest.mark.parametrize(
    ("event", "functions"),
    [
        (recorded.lifecycle(), {GENERAL_DRAIN, SPOT_METRICS}),
        (recorded.warning(), {SPOT_DRAIN, SPOT_METRICS}),
        (recorded.rebalance(), {SPOT_DRAIN, SPOT_METRICS}),
        (recorded.state_change("terminated"), {SPOT_METRICS}),
        (recorded.state_change("running"), {SPOT_METRICS}),
        (recorded.run_instances(), {SPOT_METRICS}),
        (recorded.fulfillment(), {SPOT_METRICS}),
        (recorded.group_activity("Launch Successful"), {SPOT_METRICS}),
        (recorded.group_activity("Launch Unsuccessful"), {SPOT_METRICS}),
        (recorded.group_activity("Terminate Successful"), {SPOT_METRICS}),
        (recorded.group_activity("Terminate Unsuccessful"), {SPOT_METRICS}),
        (recorded.health(), {SPOT_METRICS}),
        (recorded.state_change("pending"), set()),
        (recorded.lifecycle(group="another-group"), set()),
        (recorded.lifecycle(LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING"), {SPOT_METRICS}),
        (recorded.group_activity("Launch Successful", group="another-group"), set()),
        (recorded.health(eventTypeCategory="issue"), set()),
    ],
)
def test_an_event_reaches_the_functions_that_handle_it(event: dict[str, Any], functions: set[str]) -> None:
    assert _functions(event) == functions


def test_every_kind_of_event_in_a_rule_is_parsed() -> None:
    known = {(kind.source, kind.detail_type) for kind in EVENT_KINDS}
    for rule in RULES:
        assert {(rule.source, each) for each in rule.detail_types} <= known


def test_every_event_that_is_parsed_to_a_notice_reaches_the_metrics() -> None:
    for event in recorded.ALL:
        result = parse_event(event)
        if isinstance(result, Parsed) and result.notices:
            assert SPOT_METRICS in _functions(event), event["detail-type"]


def test_events_of_mass_interruptions_go_through_queues() -> None:
    assert {rule.function for rule in RULES if rule.target is Target.QUEUE} == {SPOT_DRAIN, SPOT_METRICS}
    assert all(rule.target is Target.FUNCTION for rule in RULES if rule.function == GENERAL_DRAIN)

"""Spot metrics: events of the fleet go to the coordinators and become metrics, once each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.servers.fleet_model.resources import REGION, Instance
from tests.unit.aws.lambdas.lambda_fleet import AT, FLEET_URL, SETTINGS, LambdaFleet, batch
from tests.unit.fleet.events import recorded_events as recorded

from eddyline.aws.lambdas.calls import CallError
from eddyline.aws.lambdas.spot_metrics import SpotMetrics

ZONE = f"{REGION}a"
SUCCESS: dict[str, Any] = {"batchItemFailures": []}


class Metrics(SpotMetrics):
    """The function with its printed lines."""

    def __init__(self, fleet: LambdaFleet) -> None:
        self.lines: list[str] = []
        super().__init__(
            settings=SETTINGS, clients=fleet.clients, now=fleet.clock.now, emit=self.lines.append
        )

    def counted(self) -> list[tuple[str, dict[str, Any]]]:
        """The metric and the dimensions of each line."""
        found = []
        for line in map(json.loads, self.lines):
            (directive,) = line["_aws"]["CloudWatchMetrics"]
            (metric,) = directive["Metrics"]
            assert line[metric["Name"]] == 1
            fields = {key: value for key, value in line.items() if key not in {"_aws", metric["Name"]}}
            assert {name for each in directive["Dimensions"] for name in each} == set(fields)
            found.append((metric["Name"], fields))
        return found

    def names(self) -> list[str]:
        return [name for name, _ in self.counted()]


def _cpu(**more: str) -> dict[str, str]:
    return {"Prefix": "eddyline", "Pool": "cpu", **more}


def _all(**more: str) -> dict[str, str]:
    found = {"InstanceType": "c5.9xlarge", "AvailabilityZone": ZONE, "Lifecycle": "spot"}
    return _cpu(**{**found, **more})


def _events(fleet: LambdaFleet) -> list[dict[str, Any]]:
    """The events so far that the rules of the function match."""
    found, fleet.effects.events = fleet.effects.events, []
    wanted = {"pending", "shutting-down"}
    return [event for event in found if event["detail"].get("state") not in wanted]


def test_a_launch_is_counted_once_although_several_events_report_it(fleet: LambdaFleet) -> None:
    fleet.launch(registered=False)
    events = _events(fleet)
    assert len(events) == 4
    function = Metrics(fleet)
    assert function.run(batch(*events), fleet.calls()) == SUCCESS
    assert function.counted() == [("Launches", _all())]
    assert fleet.queues.bodies(FLEET_URL) == events


def test_an_interruption_is_a_warning_and_an_end(fleet: LambdaFleet) -> None:
    instance = fleet.launch(registered=False)
    _events(fleet)
    fleet.model.warn(instance.id, fleet.clock.now())
    function = Metrics(fleet)
    function.run(batch(*_events(fleet)), fleet.calls())
    assert function.counted() == [("InterruptionWarnings", _all())]
    fleet.clock.advance(120.0)
    fleet.model.advance(fleet.clock.now())
    function.run(batch(*_events(fleet)), fleet.calls())
    # The group's hook for the ended instance is not a scale-in.
    assert function.names() == ["InterruptionWarnings", "Interruptions"]


def test_a_scale_in_is_counted_and_is_not_an_interruption(fleet: LambdaFleet) -> None:
    instance = fleet.launch(spot=False, registered=False)
    _events(fleet)
    fleet.model.scale_in(instance.id, fleet.clock.now())
    function = Metrics(fleet)
    function.run(batch(*_events(fleet)), fleet.calls())
    (action,) = fleet.model.actions.values()
    fleet.model.complete(instance.id, action.token, action.hook.name, "CONTINUE", fleet.clock.now())
    function.run(batch(*_events(fleet)), fleet.calls())
    assert function.names() == ["ScaleIns", "Terminations"]
    assert {fields["Lifecycle"] for _, fields in function.counted()} == {"on-demand"}


def test_a_launch_failure_has_its_pool_and_zone(fleet: LambdaFleet) -> None:
    function = Metrics(fleet)
    event = recorded.group_activity("Launch Unsuccessful", instance="")
    assert function.run(event, fleet.calls()) == SUCCESS
    assert function.counted() == [
        ("LaunchFailures", _cpu(AvailabilityZone="eu-central-1b", Lifecycle="spot"))
    ]
    assert fleet.calls_made() == []


def test_a_rebalance_recommendation_is_counted(fleet: LambdaFleet) -> None:
    instance = fleet.launch(registered=False)
    _events(fleet)
    fleet.model.rebalance(instance.id, fleet.clock.now())
    function = Metrics(fleet)
    function.run(batch(*_events(fleet)), fleet.calls())
    assert function.counted() == [("RebalanceRecommendations", _all())]


def test_duplicates_are_forwarded_and_counted_once(fleet: LambdaFleet) -> None:
    instance = fleet.launch(registered=False)
    _events(fleet)
    fleet.model.warn(instance.id, fleet.clock.now())
    (event,) = _events(fleet)
    function = Metrics(fleet)
    for _ in range(151):
        function.run(event, fleet.calls())
    assert function.names() == ["InterruptionWarnings"]


def test_events_of_foreign_instances_are_ignored(fleet: LambdaFleet) -> None:
    alone = fleet.model.launch(AT)
    foreign = fleet.model.launch(AT, group="another-fleet-spot")
    other_prefix = fleet.model.launch(AT, tags={"eddyline:prefix": "other", "eddyline:pool": "cpu"})
    for instance in (alone, foreign, other_prefix):
        fleet.model.warn(instance.id, fleet.clock.now())
    function = Metrics(fleet)
    assert function.run(batch(*_events(fleet)), fleet.calls()) == SUCCESS
    assert not function.lines
    assert not fleet.queues.sent


def test_an_event_about_a_vanished_instance_is_forwarded_without_a_metric(fleet: LambdaFleet) -> None:
    """The record may know the instance; the tags that say whose it was are gone."""
    function = Metrics(fleet)
    event = recorded.state_change("terminated")
    assert function.run(batch(event), fleet.calls()) == SUCCESS
    assert fleet.queues.bodies(FLEET_URL) == [event]
    assert not function.lines


def test_an_instance_with_tags_but_without_a_group_belongs_to_its_pool(fleet: LambdaFleet) -> None:
    instance: Instance = fleet.model.launch(AT, tags={"eddyline:prefix": "eddyline", "eddyline:pool": "cpu"})
    _events(fleet)
    fleet.model.warn(instance.id, AT)
    function = Metrics(fleet)
    function.run(batch(*_events(fleet)), fleet.calls())
    assert function.counted() == [("InterruptionWarnings", _all())]


def test_a_scheduled_change_of_own_instances_is_forwarded(fleet: LambdaFleet) -> None:
    instance = fleet.launch(registered=False)
    function = Metrics(fleet)
    event = recorded.health(instance.id)
    function.run(batch(event), fleet.calls())
    assert fleet.queues.bodies(FLEET_URL) == [event]
    assert not function.lines


def test_a_hundred_events_cost_one_call_of_ec2(fleet: LambdaFleet) -> None:
    for _ in range(100):
        fleet.model.warn(fleet.launch(registered=False).id, fleet.clock.now())
    events = [event for event in _events(fleet) if event["detail-type"].endswith("Warning")]
    function = Metrics(fleet)
    function.run(batch(*events), fleet.calls())
    assert fleet.calls_made() == ["ec2:DescribeInstances"]
    assert function.names() == ["InterruptionWarnings"] * 100


def test_while_ec2_is_throttled_the_messages_are_received_again_and_nothing_is_counted(
    fleet: LambdaFleet,
) -> None:
    event = recorded.warning(fleet.launch(registered=False).id)
    function = Metrics(fleet)
    fleet.plane.fail("ec2", "*", "RequestLimitExceeded", times=1000, status=503)
    assert function.run(batch(event), fleet.calls()) == {
        "batchItemFailures": [{"itemIdentifier": "message-0"}]
    }
    with pytest.raises(CallError, match="RequestLimitExceeded"):
        function.run(event, fleet.calls())
    fleet.plane._failures.clear()
    function.run(batch(event), fleet.calls())
    assert function.names() == ["InterruptionWarnings"]


def test_what_sqs_does_not_accept_is_not_counted_and_is_received_again(fleet: LambdaFleet) -> None:
    events = [recorded.warning(fleet.launch(registered=False).id) for _ in range(2)]
    refused = events[1]["detail"]["instance-id"]
    fleet.queues.refuse = lambda entry: refused in entry["MessageBody"]
    function = Metrics(fleet)
    assert function.run(batch(*events), fleet.calls()) == {
        "batchItemFailures": [{"itemIdentifier": "message-1"}]
    }
    assert function.names() == ["InterruptionWarnings"]


@pytest.mark.parametrize("event", [None, 7, [], "text", {"Records": [{}]}, *recorded.ALL])
def test_any_event_is_accepted(fleet: LambdaFleet, event: Any) -> None:
    assert Metrics(fleet).run(event, fleet.calls()) == SUCCESS

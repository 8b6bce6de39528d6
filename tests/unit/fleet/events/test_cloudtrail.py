"""Launches by RunInstances: type, zone, lifecycle, and the pool and group from the tags."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.fleet.events.reading import only
from tests.unit.fleet.events.recorded_events import GROUP, ID, run_instances

from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.events.cloudtrail import parse_api_call
from eddyline.fleet.events.envelope import parse_envelope
from eddyline.fleet.notices import Ignored, Launch, Malformed


def _items(event: dict[str, Any]) -> list[Any]:
    found: list[Any] = event["detail"]["responseElements"]["instancesSet"]["items"]
    return found


def test_a_launch_has_the_group_and_the_pool_of_the_requested_tags() -> None:
    notice = only(run_instances())
    assert (notice.instance, notice.group) == (ID, GROUP)
    assert notice.launch == Launch(
        type="c7a.8xlarge", zone="eu-central-1b", spot=True, pool="cpu", prefix="eddyline"
    )


def test_the_tags_of_the_instance_come_before_the_requested_ones() -> None:
    event = run_instances()
    _items(event)[0]["tagSet"] = {
        "items": [{"key": "aws:autoscaling:groupName", "value": "eddyline-gpu-spot"}]
    }
    assert only(event).group == "eddyline-gpu-spot"


@pytest.mark.parametrize("tags", [None, [], {"items": "all"}, {"items": [7, {"resourceType": "instance"}]}])
def test_a_launch_without_usable_tags_belongs_to_no_group(tags: object) -> None:
    event = run_instances()
    event["detail"]["requestParameters"] = {"tagSpecificationSet": tags}
    assert only(event).group == ""


def test_other_calls_and_failed_calls_are_ignored() -> None:
    for change in ({"eventName": "StopInstances"}, {"errorCode": "Server.InsufficientInstanceCapacity"}):
        event = run_instances()
        event["detail"] |= change
        assert isinstance(parse_api_call(parse_envelope(event)), Ignored)


def test_a_thousand_instances_are_accepted_and_more_are_refused() -> None:
    event = run_instances()
    _items(event).extend(_items(event)[:1] * 1000)
    assert isinstance(parse_event(event), Malformed)

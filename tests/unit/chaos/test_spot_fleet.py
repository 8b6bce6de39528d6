"""The instances of the workers in a chaos test."""

from __future__ import annotations

import json

from tests.chaos.spot_fleet import SpotFleet
from tests.servers.imds import FakeMachine

from eddyline.core.clock import ManualClock
from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.notices import Malformed


def fleet() -> tuple[SpotFleet, ManualClock]:
    clock = ManualClock()
    found = SpotFleet(
        prefix="chaos",
        pools=("cpu", "cpu", "light"),
        machines=[FakeMachine() for _ in range(3)],
        clock=clock.now,
    )
    for number in range(3):
        found.replace(number)
    return found, clock


def test_a_worker_keeps_its_instance_until_it_is_interrupted() -> None:
    spot, clock = fleet()
    first = spot.instances[0].id
    spot.replace(0)
    assert spot.instances[0].id == first
    spot.warn(0, 25.0)
    assert spot.is_warned(0)
    assert not spot.is_warned(1)
    assert json.loads(spot.machines[0].responses["spot/instance-action"])["action"] == "terminate"
    clock.advance(26)
    spot.reclaim(0)
    spot.reclaim(0)
    spot.replace(0)
    assert spot.instances[0].id != first
    assert spot.machines[0].responses["instance-id"] == spot.instances[0].id
    assert "spot/instance-action" not in spot.machines[0].responses
    assert spot.interrupted == [first]


def test_the_events_of_a_storm_can_be_parsed_and_name_every_instance_of_the_pool() -> None:
    spot, _ = fleet()
    assert spot.members("cpu") == [0, 1]
    for number in spot.members("cpu"):
        spot.warn(number, 25.0)
        spot.reclaim(number)
    assert not [event for event in spot.events if isinstance(parse_event(event), Malformed)]
    warned = {
        event["detail"]["instance-id"]
        for event in spot.events
        if event["detail-type"] == "EC2 Spot Instance Interruption Warning"
    }
    assert warned == set(spot.interrupted)
    assert len(warned) == 2

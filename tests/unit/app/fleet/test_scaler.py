"""The production scaler on a real ledger and a modelled AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.servers.aws_control_plane import KEYS
from tests.unit.app.fleet.scaled_fleet import (
    ON_DEMAND,
    SPOT,
    ScaledFleet,
    scaled_fleet,
    scaled_pools,
)

from eddyline.aws.client_errors import AccessError, ServiceError

NewFleet = Callable[..., ScaledFleet]


@pytest.fixture
def new_fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewFleet]:
    for name in ("aws_access_key_id", "aws_secret_access_key"):
        monkeypatch.setenv(name.upper(), KEYS[name])
    with ExitStack() as stack:
        yield lambda **capacity: stack.enter_context(scaled_fleet(tmp_path, scaled_pools(**capacity)))


@pytest.fixture
def fleet(new_fleet: NewFleet) -> ScaledFleet:
    found = new_fleet()
    found.measure()
    return found


def calls(fleet: ScaledFleet) -> list[tuple[str, Any]]:
    """All changes that were asked of AWS."""
    return [
        (call.operation, call.params.get("DesiredCapacity") or call.params.get("InstanceId"))
        for call in fleet.plane.calls
        if not call.operation.startswith("Describe") and call.operation != "UpdateAutoScalingGroup"
    ]


def test_capacity_follows_the_work_and_returns_to_zero(fleet: ScaledFleet) -> None:
    fleet.per_minute = 60.0  # 30 slots
    fleet.run(1200.0)
    assert 24 <= fleet.model.capacity(SPOT) / 2 <= 48
    assert fleet.model.capacity(ON_DEMAND) == 0
    decision = fleet.decision()
    assert (decision.problem, decision.decided, decision.owner) == ("", fleet.clock.now() - 30.0, "first")
    assert decision.spot_vcpu == fleet.group().desired
    fleet.per_minute = 0.0
    fleet.run(1800.0)
    assert fleet.members() == []
    assert fleet.group().desired == 0


def test_idle_instances_are_ended_first(fleet: ScaledFleet) -> None:
    fleet.per_minute = 60.0
    fleet.run(900.0)
    fleet.per_minute = 10.0
    ended: list[int] = []
    seen = 0

    def note() -> None:
        nonlocal seen
        new = [
            call
            for call in fleet.plane.calls[seen:]
            if call.operation == "TerminateInstanceInAutoScalingGroup"
        ]
        seen = len(fleet.plane.calls)
        ended.extend(fleet.busy_of(call.params["InstanceId"]) for call in new)
        assert all(call.params["ShouldDecrementDesiredCapacity"] for call in new)

    fleet.run(1200.0, each_step=note)
    assert len(ended) >= 2
    assert fleet.model.capacity(SPOT) < 64
    assert not [each for each in fleet.model.instances.values() if each.end_reason not in ("", "scale-in")]


def test_the_bounds_of_the_pool_always_hold(new_fleet: NewFleet) -> None:
    fleet = new_fleet(min_vcpu=32, max_vcpu=64, on_demand={"max_vcpu": 0})
    fleet.measure()
    seen: set[int] = set()

    def note() -> None:
        seen.update((fleet.group().desired, fleet.model.capacity(SPOT)))

    fleet.submit(320)
    fleet.run(2100.0, each_step=note)
    assert (min(seen), max(seen)) == (32, 64)
    assert fleet.group().desired == 32


def test_on_demand_replaces_missing_spot_once_the_slack_is_gone_and_is_given_back(fleet: ScaledFleet) -> None:
    fleet.group().launch_failure = "Spot capacity is not available."
    fleet.per_minute = 30.0  # 15 slots
    fleet.run(300.0)
    assert fleet.model.capacity(ON_DEMAND) == 0  # work may wait
    assert fleet.group().desired > 0
    fleet.run(900.0)
    assert fleet.model.capacity(ON_DEMAND) > 0
    fleet.group().launch_failure = ""
    fleet.run(1500.0)
    assert fleet.model.capacity(ON_DEMAND) == 0
    assert fleet.model.capacity(SPOT) >= 24


def test_an_interrupted_instance_is_replaced_once(fleet: ScaledFleet) -> None:
    fleet.per_minute = 60.0
    fleet.run(900.0)
    before = len(fleet.model.instances)
    desired = fleet.group().desired
    fleet.model.warn(fleet.members()[0].id, fleet.clock.now())
    fleet.run(420.0)
    assert len(fleet.model.instances) - before <= 2
    assert abs(fleet.group().desired - desired) <= 16


@pytest.mark.parametrize(
    ("operation", "code"),
    [("DescribeAutoScalingGroups", "Throttling"), ("DescribeAutoScalingGroups", "AccessDenied")],
)
def test_capacity_is_kept_when_the_groups_cannot_be_read(
    fleet: ScaledFleet, operation: str, code: str
) -> None:
    fleet.per_minute = 60.0
    fleet.run(240.0)
    before, desired, decided = calls(fleet), fleet.group().desired, fleet.decision().decided
    fleet.plane.fail("autoscaling", operation, code, times=20)
    with pytest.raises((ServiceError, AccessError)):
        fleet.scalers[0].step()
    assert (calls(fleet), fleet.group().desired, fleet.decision().decided) == (before, desired, decided)


def test_a_change_that_is_refused_is_recorded_and_tried_again(fleet: ScaledFleet) -> None:
    fleet.submit(100)
    fleet.plane.fail("autoscaling", "SetDesiredCapacity", "AccessDenied", times=1)
    fleet.run(30.0)
    assert "AccessDenied" in fleet.decision().problem
    assert fleet.decision().decided is None
    assert fleet.group().desired == 0
    fleet.run(30.0)
    assert fleet.decision().problem == ""
    assert fleet.group().desired > 0


def test_a_refused_order_of_types_does_not_count_as_a_late_decision(fleet: ScaledFleet) -> None:
    fleet.submit(100)
    fleet.plane.fail("autoscaling", "UpdateAutoScalingGroup", "AccessDenied", times=1)
    fleet.run(30.0)
    assert "ordering the types" in fleet.decision().problem
    assert fleet.decision().decided == fleet.clock.now() - 30.0
    assert fleet.group().desired > 0


def test_without_measured_rates_a_pool_gets_its_first_machine_only(new_fleet: NewFleet) -> None:
    fleet = new_fleet()
    fleet.submit(500)
    fleet.run(120.0)
    assert fleet.group().desired == 16
    assert "no rate" in fleet.decision().problem
    fleet.run(600.0)
    assert fleet.group().desired > 16
    assert fleet.decision().problem == ""


def test_a_pool_whose_groups_do_not_exist_is_reported(fleet: ScaledFleet) -> None:
    del fleet.model.groups[ON_DEMAND]
    fleet.submit(100)
    fleet.run(30.0)
    assert "does not exist" in fleet.decision().problem
    assert fleet.group().desired == 0


def test_the_on_demand_base_does_its_part(new_fleet: NewFleet) -> None:
    fleet = new_fleet(on_demand={"min_vcpu": 48, "max_vcpu": 160})
    fleet.measure()
    fleet.per_minute = 40.0  # 20 slots of the 24 of the base
    fleet.run(1200.0)
    assert fleet.model.capacity(ON_DEMAND) == 48
    assert fleet.model.capacity(SPOT) <= 16


def test_the_cheapest_type_gets_the_first_priority(fleet: ScaledFleet) -> None:
    from eddyline.graph.ledger.fleet import prices
    from eddyline.graph.ledger.fleet.prices import Price

    def price(name: str, usd: float) -> Price:
        return Price(instance_type=name, zone="us-east-1a", at=fleet.clock.now(), usd_per_hour=usd)

    fleet.ledger.write(lambda c: prices.add(c, [price("c6a.4xlarge", 0.30), price("c7a.4xlarge", 0.20)]))
    fleet.per_minute = 60.0
    fleet.run(60.0)
    assert fleet.group().types == ("c7a.4xlarge", "c6a.4xlarge")
    assert fleet.group().strategy == "capacity-optimized-prioritized"
    fleet.ledger.write(lambda c: prices.add(c, [price("c6a.4xlarge", 0.10)]))
    fleet.run(120.0)
    assert fleet.group().types[0] == "c7a.4xlarge"  # at most once an hour
    fleet.scalers[0]._scalers["cpu"]._ordered_at -= 3600.0
    fleet.run(30.0)
    assert fleet.group().types[0] == "c6a.4xlarge"


# Leaders


def test_one_of_two_coordinators_scales_and_the_other_takes_over(fleet: ScaledFleet) -> None:
    second = fleet.add_scaler("second")
    fleet.per_minute = 60.0
    fleet.run(900.0)
    assert (fleet.decision().owner, fleet.decision().term) == ("first", 1)
    desired = fleet.group().desired
    fleet.scalers.remove(fleet.scalers[0])  # it died
    fleet.run(60.0)
    assert (fleet.decision().owner, fleet.group().desired) == ("first", desired)
    fleet.run(120.0)
    assert (fleet.decision().owner, fleet.decision().term) == ("second", 2)
    # Its rate of arrivals comes from the samples; here there are none, so that the busy slots count.
    assert fleet.group().desired >= desired / 2
    second.resign()
    assert fleet.add_scaler("third").step()


def test_a_stalled_leader_changes_nothing_when_it_continues(fleet: ScaledFleet) -> None:
    first, second = fleet.scalers[0], fleet.add_scaler("second")
    fleet.submit(400)
    describe = first._open_groups

    class Stalled:
        def __getattr__(self, name: str) -> Any:
            found = getattr(describe(), name)
            if name != "describe":
                return found

            def slow(*arguments: Any) -> Any:
                result = found(*arguments)
                fleet.clock.advance(200.0)  # as SIGSTOP would
                assert second.step()
                return result

            return slow

    first._open_groups = Stalled  # type: ignore[assignment]
    assert not first.step()
    assert fleet.decision().owner == "second"
    assert len(calls(fleet)) == 1


def test_a_leader_whose_lease_ends_before_a_call_does_not_make_it(fleet: ScaledFleet) -> None:
    first = fleet.scalers[0]
    fleet.submit(400)
    record = fleet.ledger.fleet.record_decisions

    def slow(*arguments: Any) -> bool:
        done = record(*arguments)
        fleet.clock.advance(87.0)
        return done

    fleet.ledger.fleet.record_decisions = slow  # type: ignore[assignment,method-assign]
    first.step()
    assert calls(fleet) == []

"""What events missed, found in EC2's description of the instances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from eddyline.fleet.record.fold import fold
from eddyline.fleet.record.missed_events import SETTLE_S, DescribedInstance, missed_events
from eddyline.graph.fleet_event import FleetEvent
from eddyline.graph.instance import Instance

_NAME = "i-0123456789abcdef0"
_NOW = 1_800_000_000.0


def _described(**more: Any) -> DescribedInstance:
    values = {
        "instance": _NAME,
        "state": "running",
        "launched": _NOW - 5000,
        "instance_type": "c7i.8xlarge",
        "zone": "us-east-1a",
        "spot": True,
        "vcpu": 32,
        "account": "123456789012",
        "prefix": "eddyline",
        "pool": "cpu",
        "group": "eddyline-cpu-spot",
    }
    return DescribedInstance(**{**values, **more})


def _missed(described: Sequence[DescribedInstance], *running: Instance) -> list[FleetEvent]:
    return missed_events(described, running, now=_NOW, prefix="eddyline", pools={"cpu"}, region="us-east-1")


def _running(**more: Any) -> Instance:
    values = {"instance": _NAME, "pool": "cpu", "region": "us-east-1", "launched": _NOW - 5000}
    return Instance(**{**values, **more})


def test_an_instance_without_events_is_launched() -> None:
    found = fold(_missed([_described()]))
    assert found == Instance(
        instance=_NAME,
        pool="cpu",
        auto_scaling_group="eddyline-cpu-spot",
        instance_type="c7i.8xlarge",
        zone="us-east-1a",
        lifecycle="spot",
        vcpu=32,
        account="123456789012",
        region="us-east-1",
        launched=_NOW - 5000,
    )


def test_the_same_description_gives_events_with_the_same_ids() -> None:
    described = [_described(state="terminated")]
    assert [event.id for event in _missed(described)] == [event.id for event in _missed(described)]


@pytest.mark.parametrize("more", [{"prefix": "other"}, {"prefix": ""}, {"pool": "removed"}, {"pool": ""}])
def test_untagged_instances_and_those_of_others_are_left_out(more: dict[str, Any]) -> None:
    assert _missed([_described(state="terminated", **more)]) == []


def test_an_untagged_instance_of_the_record_ends() -> None:
    (end,) = _missed([_described(prefix="", state="terminated", changed_at=_NOW - 60)], _running())
    assert (end.kind, end.at, end.cause) == ("missed-end", _NOW - 60, "")


@pytest.mark.parametrize("reason", ["Server.SpotInstanceTermination", "Server.SpotInstanceShutdown"])
def test_the_reason_of_the_end_is_read_while_ec2_shows_it(reason: str) -> None:
    found = fold(_missed([_described(state="terminated", reason=reason)]))
    assert (found.terminated, found.ended_by) == (_NOW, "interruption")
    found = fold(_missed([_described(state="terminated", reason="Client.UserInitiatedShutdown")]))
    assert found.ended_by == "other"


def test_a_stopped_instance_has_ended_only_if_spot_stopped_it() -> None:
    # A stopped instance of a warm pool runs again.
    assert fold(_missed([_described(state="stopped", reason="Client.UserInitiatedShutdown")])).ended_by == ""
    stopped = _described(state="stopped", reason="Server.SpotInstanceShutdown")
    assert fold(_missed([stopped])).ended_by == "interruption"


def test_an_instance_that_ec2_does_not_know_has_ended() -> None:
    (end,) = _missed([], _running())
    assert (end.instance, end.kind, end.at) == (_NAME, "missed-end", _NOW)


def test_an_instance_launched_just_before_may_still_be_missing() -> None:
    assert _missed([], _running(launched=_NOW - SETTLE_S)) == []
    assert len(_missed([], _running(launched=None))) == 1


def test_a_list_of_one_region_says_nothing_about_another() -> None:
    assert _missed([], _running(region="eu-west-1")) == []
    assert _missed([], _running(region="", zone="eu-west-1a")) == []
    assert len(_missed([], _running(region="", zone="us-east-1f"))) == 1


def test_an_on_demand_instance_and_a_group_name_are_read() -> None:
    assert fold(_missed([_described(group="eddyline-cpu-od")])).lifecycle == "on-demand"
    assert fold(_missed([_described(group="", spot=False)])).lifecycle == "on-demand"
    assert fold(_missed([_described(group="", spot=True)])).lifecycle == "spot"

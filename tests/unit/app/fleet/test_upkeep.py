"""The upkeep of the fleet record, against a fake of EC2 over HTTP."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.aws_control_plane import KEYS, ControlPlane, control_plane
from tests.servers.fleet_model.effects import Recorded
from tests.servers.fleet_model.fleet import FleetModel
from tests.servers.fleet_model.resources import REGION, Group

from eddyline.app.fleet.upkeep import FleetUpkeep
from eddyline.aws.clients import open_client
from eddyline.aws.ec2_instances import Ec2Instances
from eddyline.core.clock import ManualClock
from eddyline.fleet.eventbridge_events import parse_event
from eddyline.fleet.notices import Parsed
from eddyline.fleet.record.attribution import fleet_event
from eddyline.fleet.record.fold import fold
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine

_AT = 1_800_000_000.0
_TAGS = {"eddyline:prefix": "eddyline", "eddyline:pool": "cpu"}
_POOLS = ("cpu",)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(_AT)


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> Iterator[ControlPlane]:
    for name in ("aws_access_key_id", "aws_secret_access_key"):
        monkeypatch.setenv(name.upper(), KEYS[name])
    fleet = FleetModel(effects=Recorded())
    fleet.add_group(Group(name="eddyline-cpu-spot", tags=_TAGS))
    with control_plane(fleet, clock=clock.now) as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", clock=clock) as opened:
        yield opened


def _upkeep(ledger: Ledger) -> FleetUpkeep:
    return FleetUpkeep(ledger, prefix="eddyline", pools=_POOLS)


def _instances(plane: ControlPlane) -> Ec2Instances:
    return Ec2Instances(open_client("ec2", endpoint=plane.url, region=REGION))


def _deliver(ledger: Ledger, plane: ControlPlane, rng: random.Random, lost: float) -> None:
    """Record the events of the model so far in any order, some twice, without a share of lost ones."""
    effects = plane.fleet.effects
    assert isinstance(effects, Recorded)
    kept = [event for event in effects.events if rng.random() >= lost]
    kept += rng.choices(kept, k=len(kept) // 2)
    rng.shuffle(kept)
    for event in kept:
        found = parse_event(event)
        notices = found.notices if isinstance(found, Parsed) else ()
        recorded = [fleet_event(each, prefix="eddyline", pools=_POOLS) for each in notices]
        ledger.fleet.store([each for each in recorded if each is not None], fold=fold)


@pytest.mark.parametrize("lost", [0.0, 0.5, 1.0])
def test_lost_events_are_repaired(
    ledger: Ledger, plane: ControlPlane, clock: ManualClock, lost: float
) -> None:
    fleet = plane.fleet
    running = [fleet.launch(clock.now(), group="eddyline-cpu-spot").id for _ in range(20)]
    clock.advance(1200)
    interrupted, ended = running[:5], running[5:10]
    for each in interrupted:
        fleet.warn(each, clock.now())
    for each in ended:
        fleet.terminate(each, clock.now())
    clock.advance(300)
    fleet.advance(clock.now())
    _deliver(ledger, plane, random.Random(3), lost)
    _upkeep(ledger).repair(lambda: _instances(plane))
    found = {each.instance: each for each in ledger.fleet.instances(0, 4e9)}
    assert set(found) == set(running)
    assert {name for name, each in found.items() if each.ended_by == "interruption"} == set(interrupted)
    assert {name for name, each in found.items() if each.ended_by == "other"} == set(ended)
    assert all(each.launched == _AT and each.lifecycle == "spot" for each in found.values())


def test_an_instance_that_ec2_forgot_has_ended(
    ledger: Ledger, plane: ControlPlane, clock: ManualClock
) -> None:
    name = plane.fleet.launch(clock.now(), group="eddyline-cpu-spot").id
    _upkeep(ledger).repair(lambda: _instances(plane))
    plane.fleet.terminate(name, clock.now() + 60)
    clock.advance(3 * 3600)
    plane.fleet.advance(clock.now())
    _upkeep(ledger).repair(lambda: _instances(plane))
    found = ledger.fleet.instance(name)
    assert found is not None
    assert (found.terminated, found.ended_by) == (clock.now(), "other")


def test_an_instance_without_tags_has_not_ended(
    ledger: Ledger, plane: ControlPlane, clock: ManualClock
) -> None:
    name = plane.fleet.launch(clock.now(), group="eddyline-cpu-spot").id
    _deliver(ledger, plane, random.Random(3), lost=0.0)
    plane.fleet.instances[name].tags.clear()
    clock.advance(3600)
    _upkeep(ledger).repair(lambda: _instances(plane))
    assert [each.instance for each in ledger.fleet.running()] == [name]


def test_the_record_is_compared_every_five_minutes(
    ledger: Ledger, plane: ControlPlane, clock: ManualClock
) -> None:
    calls = []
    upkeeps = [_upkeep(ledger), _upkeep(ledger)]  # two coordinators

    def repair() -> int:
        for upkeep in upkeeps:
            upkeep.repair(lambda: calls.append(1) or _instances(plane))  # type: ignore[func-returns-value]
        return len(calls)

    assert repair() == 1
    clock.advance(299)
    assert repair() == 1
    clock.advance(1)
    assert repair() == 2


def test_outside_aws_nothing_is_compared(ledger: Ledger) -> None:
    assert not _upkeep(ledger).repair(lambda: None)
    assert list(ledger.fleet.running()) == []


def test_the_machines_of_workers_are_recorded(ledger: Ledger, clock: ManualClock) -> None:
    actions: list[tuple[str, int]] = []
    upkeep = FleetUpkeep(
        ledger, prefix="eddyline", pools=_POOLS, on_action=lambda *action: actions.append(action)
    )
    ledger.register("ada", "host", 1, machine=Machine(pool="cpu", instance="i-0123456789abcdef0", vcpu=8))
    upkeep.step()
    assert [each.vcpu for each in ledger.fleet.running()] == [8]
    assert actions == [("machines recorded", 1), ("instances forgotten", 0)]
    clock.advance(59)
    upkeep.step()
    assert len(actions) == 2

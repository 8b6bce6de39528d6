"""Events about instances in the ledger, folded in the transaction that stores them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence

from sqlalchemy import func, insert, select

from eddyline.core.clock import ManualClock
from eddyline.fleet.record.fold import fold
from eddyline.graph.db.schema import fleet_events, starts
from eddyline.graph.fleet_event import FleetEvent, FleetEventKind
from eddyline.graph.instance import Instance
from eddyline.graph.ledger.fleet import events as module
from eddyline.graph.ledger.fleet.queries import EndedStarts
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine

_AT = 1_800_000_000.0
_HOUR = 3600.0


def _name(number: int) -> str:
    return f"i-{number:017x}"


def _life(number: int) -> list[FleetEvent]:
    """The events of an instance that is launched, warned and interrupted."""

    def event(kind: FleetEventKind, after_s: float, pool: str = "") -> FleetEvent:
        name = f"e{number}-{kind}"
        return FleetEvent(
            id=name,
            instance=_name(number),
            kind=kind,
            at=_AT + number + after_s,
            pool=pool,
            zone="us-east-1a",
        )

    return [
        event(FleetEventKind.LAUNCHED, 0, "cpu"),
        event(FleetEventKind.INTERRUPTION, 60),
        event(FleetEventKind.TERMINATED, 200),
    ]


def _stored(ledger: Ledger) -> int:
    return int(ledger.read(lambda c: c.execute(select(func.count()).select_from(fleet_events)).scalar_one()))


def test_an_instance_is_the_fold_of_its_events(ledger: Ledger) -> None:
    events = _life(1)
    for event in reversed(events):
        assert ledger.fleet.store([event], fold=fold) == 1
    assert ledger.fleet.instance(_name(1)) == fold(events)
    assert ledger.fleet.instance(_name(2)) is None


def test_duplicates_change_nothing(ledger: Ledger) -> None:
    events = _life(1)
    assert ledger.fleet.store(events * 3, fold=fold) == 3
    assert ledger.fleet.store(events, fold=fold) == 0
    assert ledger.fleet.store([], fold=fold) == 0
    assert _stored(ledger) == 3


def test_a_batch_of_many_instances_is_stored_at_once(ledger: Ledger) -> None:
    events = [event for number in range(700) for event in _life(number)]
    random.Random(1).shuffle(events)
    assert ledger.fleet.store(events, fold=fold) == len(events)
    assert [each.ended_by for each in ledger.fleet.instances(0, 4e9)] == ["interruption"] * 700


def test_concurrent_coordinators_lose_nothing(open_ledger: Callable[..., Ledger]) -> None:
    ledgers = [open_ledger() for _ in range(4)]
    events = [event for number in range(40) for event in _life(number)] * 2
    random.Random(2).shuffle(events)
    errors: list[Exception] = []

    def run(ledger: Ledger, mine: Sequence[FleetEvent]) -> None:
        try:
            for start in range(0, len(mine), 5):
                ledger.fleet.store(mine[start : start + 5], fold=fold)
        except Exception as error:  # noqa: BLE001 - asserted below
            errors.append(error)

    threads = [
        threading.Thread(target=run, args=(ledger, events[number::4]))
        for number, ledger in enumerate(ledgers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    found = {each.instance: each for each in ledgers[0].fleet.instances(0, 4e9)}
    assert found == {_name(number): fold(_life(number)) for number in range(40)}


def test_queries_find_instances_by_time(ledger: Ledger) -> None:
    def event(number: int, kind: FleetEventKind, hour: float, pool: str = "cpu") -> FleetEvent:
        name = f"{number}-{kind}"
        return FleetEvent(id=name, instance=_name(number), kind=kind, at=_AT + hour * _HOUR, pool=pool)

    launched, terminated = FleetEventKind.LAUNCHED, FleetEventKind.TERMINATED
    ledger.fleet.store(
        [
            event(1, launched, 0),
            event(1, terminated, 2),
            event(2, launched, 1),
            event(3, terminated, 3),  # launch unknown
            event(4, launched, 1, pool=""),  # of another system
        ],
        fold=fold,
    )

    def names(found: Sequence[Instance]) -> set[int]:
        return {int(each.instance.removeprefix("i-"), 16) for each in found}

    fleet = ledger.fleet
    assert names(list(fleet.running())) == {2}
    assert names(fleet.instances(_AT, _AT + 10 * _HOUR)) == {1, 2, 3}
    assert names(fleet.instances(_AT + 2.5 * _HOUR, _AT + 10 * _HOUR)) == {2, 3}
    assert names(fleet.instances(_AT - _HOUR, _AT)) == {3}


def test_events_about_unknown_instances_are_deleted_after_a_day(ledger: Ledger, clock: ManualClock) -> None:
    early, late = _life(1)[1], _life(2)[1]
    ledger.fleet.store([early, *_life(3)], fold=fold)
    clock.advance(23 * _HOUR)
    ledger.fleet.store([late], fold=fold)
    assert ledger.fleet.prune() == 0
    clock.advance(2 * _HOUR)
    assert ledger.fleet.prune() == 1
    assert ledger.fleet.instance(_name(1)) is None
    assert ledger.fleet.instance(_name(2)) is not None
    assert _stored(ledger) == 4


def test_a_late_launch_attributes_early_events(ledger: Ledger, clock: ManualClock) -> None:
    launch, warning, end = _life(1)
    ledger.fleet.store([warning, end], fold=fold)
    clock.advance(20 * _HOUR)
    ledger.fleet.store([launch], fold=fold)
    clock.advance(20 * _HOUR)
    assert ledger.fleet.prune() == 0
    assert ledger.fleet.instance(_name(1)) == fold(_life(1))


def test_instances_are_deleted_400_days_after_their_end(open_ledger: Callable[..., Ledger]) -> None:
    clock = ManualClock(_AT + 401 * 86_400)
    ledger = open_ledger(clock=clock)
    running = FleetEvent(id="r", instance=_name(9), kind=FleetEventKind.LAUNCHED, at=_AT, pool="cpu")
    recent = FleetEvent(id="t", instance=_name(8), kind=FleetEventKind.TERMINATED, at=clock.now(), pool="cpu")
    old = [event for number in range(600) for event in _life(number + 100)]
    ledger.fleet.store([running, recent, *old], fold=fold)
    assert ledger.fleet.prune() == 600
    assert {each.instance for each in ledger.fleet.instances(0, 4e9)} == {_name(9), _name(8)}
    assert _stored(ledger) == 2


def test_the_machines_of_workers_are_stored_once(ledger: Ledger, clock: ManualClock) -> None:
    machine = Machine(
        pool="cpu",
        instance=_name(1),
        instance_type="c7i.8xlarge",
        zone="z",
        lifecycle="spot",
        vcpu=32,
        slots=4,
    )
    ledger.register("ada", "host", 1, machine=machine)
    registered = clock.now()
    ledger.register("bob", "host", 2)  # outside EC2
    clock.advance(60)
    ledger.register("eve", "host", 3, machine=machine)
    assert ledger.fleet.store_machines(fold=fold) == 1
    assert ledger.fleet.store_machines(fold=fold) == 0
    assert ledger.fleet.instance(_name(1)) == Instance(
        instance=_name(1),
        pool="cpu",
        instance_type="c7i.8xlarge",
        zone="z",
        lifecycle="spot",
        vcpu=32,
        launched=registered,
    )


def test_an_instance_has_a_bounded_number_of_events(ledger: Ledger) -> None:
    forged = [
        FleetEvent(id=f"f{number}", instance=_name(1), kind=FleetEventKind.REBALANCE, at=_AT)
        for number in range(module.MAX_EVENTS + 5)
    ]
    ledger.fleet.store(forged[: module.MAX_EVENTS], fold=fold)
    assert ledger.fleet.store([*forged, *_life(2)], fold=fold) == 3
    assert _stored(ledger) == module.MAX_EVENTS + 3


def test_the_starts_of_jobs_are_counted_by_the_lifecycle_of_their_machines(ledger: Ledger) -> None:
    spot = FleetEvent(
        id="l", instance=_name(1), kind=FleetEventKind.LAUNCHED, at=_AT, pool="cpu", lifecycle="spot"
    )
    ledger.fleet.store([spot], fold=fold)

    def start(number: int, instance: str, ended: float, outcome: str = "done") -> dict[str, object]:
        row = {"job_id": f"j{number}", "fence": 1, "pool": "cpu", "kind": "chunk", "worker": "ada"}
        return {
            **row,
            "instance": instance,
            "started": ended - 40,
            "ended": ended,
            "outcome": outcome,
            "cpu_s": None,
            "fraction": None,
        }

    rows = [
        start(1, _name(1), _AT + 100),
        start(2, _name(1), _AT + 200),
        start(3, _name(1), _AT + 300, "interrupted"),
        start(4, "", _AT + 300),
        start(5, _name(1), _AT + 1000),  # after the range
    ]
    ledger._database.write(lambda c: c.execute(insert(starts), rows))
    assert ledger.fleet.ended_starts(_AT, _AT + 1000) == [
        EndedStarts(pool="cpu", lifecycle="", outcome="done", count=1, seconds=40.0),
        EndedStarts(pool="cpu", lifecycle="spot", outcome="done", count=2, seconds=80.0),
        EndedStarts(pool="cpu", lifecycle="spot", outcome="interrupted", count=1, seconds=40.0),
    ]

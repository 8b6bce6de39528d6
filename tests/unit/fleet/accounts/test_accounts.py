"""Costs of instances divided over starts, boot, idle time and drain, exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.fleet.accounts.accounts import MACHINE, Accounts, Unknown, UnknownKey, sources_of
from eddyline.fleet.accounts.instance_cost import MINIMUM_US, InstanceCost, cost_of_instance, life_of
from eddyline.fleet.accounts.money import NOTHING, Cost
from eddyline.fleet.accounts.price_list import Missing, Priced, PriceSource, price_list
from eddyline.fleet.accounts.started_work import Work, machine_of
from eddyline.fleet.accounts.tally import Tallies, Tally, total_of
from eddyline.graph.instance import Instance

_HOUR = 3600.0
_PRICES = price_list(
    [
        ("c7i.8xlarge", "", 10.0, 3.6),
        ("c7i.8xlarge", "", 5.0, 99.0),
        ("c7i.8xlarge", "a", 0.0, 0.36),
        ("c7i.8xlarge", "a", 7200.0, 0.72),
    ],
    on_demand_name="the list",
    spot_name="the history",
)
_ON_DEMAND = Instance(
    instance="i-1", pool="cpu", instance_type="c7i.8xlarge", zone="a", lifecycle="on-demand", launched=0.0
)
_SPOT = replace(_ON_DEMAND, lifecycle="spot")


def _work(begin: float, end: float, *, key: object = None, redone: bool = False) -> Work:
    return Work(key=key or Tally(), begin=round(begin * 1e6), end=round(end * 1e6), redone=redone)


def _cost(
    instance: Instance,
    *spans: tuple[float, float],
    stop: float = 10 * _HOUR,
    start: float = 0.0,
    slots: int | None = None,
    ready: float | None = None,
) -> InstanceCost:
    life = life_of(instance, start=start, stop=stop, ready=ready)
    assert not isinstance(life, Missing)
    exact = [(round(begin * 1e6), round(end * 1e6)) for begin, end in spans]
    found = cost_of_instance(instance, life, exact, slots=slots, prices=_PRICES)
    assert isinstance(found, InstanceCost)
    return found


def test_an_hour_on_demand_is_divided_by_slot_time() -> None:
    ended = replace(_ON_DEMAND, terminated=_HOUR, scale_in_at=3000.0, ended_by="scale-in")
    found = _cost(ended, (600, 1800), (600, 2400), (3000, 3300), slots=2)
    assert found.listed == 3_600_000_000
    second = 500_000  # of one of two slots
    assert list(found.starts) == [1200 * second, 1800 * second, 300 * second]
    assert found.boot == 600 * 2 * second
    assert found.drain == (600 * 2 - 300) * second
    assert found.idle == (2400 * 2 - 3000) * second
    assert sum(found.shares) == found.overhead


def test_a_worker_that_registers_ends_the_boot() -> None:
    found = _cost(replace(_ON_DEMAND, terminated=_HOUR), (1800, 3600), slots=1, ready=600.0)
    assert (found.boot, found.idle, found.starts[0]) == (600_000_000, 1_200_000_000, 1_800_000_000)


def test_an_instance_without_a_worker_only_boots() -> None:
    found = _cost(replace(_ON_DEMAND, terminated=_HOUR))
    assert (found.boot, found.idle, found.drain, list(found.shares)) == (3_600_000_000, 0, 0, [])


def test_unknown_slots_are_the_most_starts_at_the_same_time() -> None:
    found = _cost(replace(_ON_DEMAND, terminated=_HOUR), (0, 3600), (0, 1800), (1800, 3600))
    assert found.slots == 2
    assert found.overhead == 0
    assert list(found.starts) == [1_800_000_000, 900_000_000, 900_000_000]


@pytest.mark.parametrize(
    ("terminated", "seconds"), [(0.0, 60), (1.0, 60), (60.0, 60), (60.2, 61), (-5.0, 60), (90.0, 90)]
)
def test_aws_bills_whole_seconds_and_at_least_sixty(terminated: float, seconds: int) -> None:
    found = _cost(replace(_ON_DEMAND, terminated=terminated, ended_by="other"))
    assert found.listed == seconds * 1_000_000
    assert found.boot + sum(found.starts) == found.listed


def test_spot_pays_the_price_of_each_moment() -> None:
    found = _cost(replace(_SPOT, terminated=3 * _HOUR), (0, 3 * _HOUR))
    assert found.listed == 2 * 360_000_000 + 720_000_000
    assert (found.priced.first, found.priced.last) == (0.0, 7200.0)


def test_an_interruption_within_the_first_hour_is_not_billed() -> None:
    interrupted = replace(_SPOT, terminated=_HOUR - 1, warned_at=_HOUR - 120, ended_by="interruption")
    found = _cost(interrupted, (0, 600))
    assert found.cost(found.listed) == Cost(found.listed, 0)
    assert found.drain > 0
    assert not _cost(replace(interrupted, terminated=_HOUR), (0, 600)).free
    assert not _cost(replace(interrupted, ended_by="other"), (0, 600)).free


def test_a_warning_that_nothing_follows_does_not_start_a_drain() -> None:
    assert not _cost(replace(_SPOT, warned_at=100.0), (0, 5)).drain


def test_windows_bill_no_second_twice() -> None:
    ended = replace(_ON_DEMAND, terminated=5000.5)
    parts = [
        _cost(ended, start=start, stop=stop).listed
        for start, stop in ((0, 30.0), (30.0, 1234.5), (1234.5, 10_000))
    ]
    assert sum(parts) == _cost(ended).listed == 5001 * 1_000_000


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"launched": None}, Missing.LAUNCH),
        ({"lifecycle": ""}, Missing.PURCHASE),
        ({"instance_type": ""}, Missing.TYPE),
        ({"instance_type": "m1.small"}, Missing.ON_DEMAND),
        ({"lifecycle": "spot", "zone": "b"}, Missing.SPOT),
        ({"lifecycle": "spot", "launched": -1.0}, Missing.SPOT),
    ],
)
def test_what_is_not_known_is_reported(changes: dict[str, object], missing: Missing) -> None:
    tally = Tally()
    accounts = Accounts(_PRICES, start=-10.0, stop=100.0, receiver=Tallies())
    accounts.add_instance(replace(_ON_DEMAND, **changes), [_work(1, 3, key=tally)], ready=None, slots=None)  # type: ignore[arg-type]
    ((key, found),) = accounts.totals.unknown.items()
    assert key.reason is missing
    assert (found.instances, found.starts, found.slot_us) == (1, 1, 2_000_000)
    assert (tally.starts, tally.unknown_starts, tally.cost) == (1, 1, None)
    assert accounts.totals.instance_cost == NOTHING
    assert not accounts.totals.instances


def test_machines_outside_ec2_need_a_price() -> None:
    tally = Tally()
    accounts = Accounts(_PRICES, start=0.0, stop=100.0, receiver=Tallies())
    accounts.add_machine([_work(0, 10, key=tally)])
    accounts.add_unrecorded([_work(0, 10, key=tally)])
    assert tally.cost is None
    assert (tally.unknown_starts, tally.unknown_us) == (2, 20_000_000)
    assert accounts.totals.unknown[UnknownKey(reason=Missing.RECORD)] == Unknown(
        instances=1, starts=1, slot_us=10_000_000
    )
    priced = Accounts(
        _PRICES, start=0.0, stop=100.0, receiver=Tallies(), machine_price=360, machine_price_name="--x"
    )
    priced.add_machine([_work(-10, 10, key=tally, redone=True)])
    assert priced.totals.machines == Cost(1, 1)
    assert (tally.listed, tally.redone_listed, tally.redone_starts) == (1, 1, 1)
    assert sources_of(priced.totals) == {
        MACHINE: PriceSource(option=MACHINE, name="--x", first=100.0, last=100.0)
    }


def test_machines_of_workers() -> None:
    assert machine_of("cpu@ip-10-0-0-7:4242-1a2b3c") == "ip-10-0-0-7"
    assert machine_of("local-4242") == ""


def test_sources_have_the_dates_of_the_prices_that_were_used() -> None:
    accounts = Accounts(_PRICES, start=0.0, stop=2 * _HOUR + 1, receiver=Tallies())
    for instance in (_SPOT, replace(_SPOT, terminated=10.0), _ON_DEMAND):
        accounts.add_instance(instance, [], ready=None, slots=None)
    assert sources_of(accounts.totals) == {
        "on-demand": PriceSource(option="on-demand", name="the list", first=10.0, last=10.0),
        "spot": PriceSource(option="spot", name="the history", first=0.0, last=7200.0),
    }
    assert accounts.totals.unassigned == accounts.totals.instance_cost


def test_a_period_of_no_length_has_the_date_of_its_price() -> None:
    assert _PRICES.price("spot", "c7i.8xlarge", "a", 5, 5) == Priced(
        scaled=0, option="spot", first=0.0, last=0.0
    )


_TIME = st.one_of(st.none(), st.floats(-500, 30_000))
_INSTANCES = st.builds(
    Instance,
    instance=st.just("i-1"),
    pool=st.just("cpu"),
    instance_type=st.sampled_from(["c7i.8xlarge", "c7i.8xlarge", "m1.small", ""]),
    zone=st.sampled_from(["a", "a", "b"]),
    lifecycle=st.sampled_from(["spot", "spot", "on-demand", ""]),
    launched=_TIME,
    warned_at=_TIME,
    scale_in_at=_TIME,
    terminated=_TIME,
    ended_by=st.sampled_from(["interruption", "scale-in", ""]),
)
_SPAN = st.tuples(st.floats(-1000, 40_000), st.floats(-10, 5_000), st.booleans()).map(
    lambda each: _work(each[0], each[0] + each[1], redone=each[2])
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(_INSTANCES, st.lists(_SPAN, max_size=8), _TIME, st.one_of(st.none(), st.integers(0, 3))),
        max_size=4,
    ),
    st.floats(0, 10_000),
    st.floats(0, 30_000),
)
def test_starts_idle_boot_and_drain_sum_to_what_is_billed(
    fleet: list[tuple[Instance, list[Work], float | None, int | None]], start: float, length: float
) -> None:
    accounts = Accounts(_PRICES, start=start, stop=start + length, receiver=Tallies())
    for instance, work, ready, slots in fleet:
        accounts.add_instance(instance, work, ready=ready, slots=slots)
    tallies = [(each.key, each.redone) for _, work, _, _ in fleet for each in work]
    found, all_work = accounts.totals, total_of(tally for tally, _ in tallies)
    assert found.starts + found.boot + found.idle + found.drain == found.instance_cost
    assert Cost(all_work.listed, all_work.billed) == found.starts
    assert all_work.overhead + found.unassigned == found.boot + found.idle + found.drain
    assert all_work.starts == sum(len(work) for _, work, _, _ in fleet)
    assert all_work.unknown_starts == sum(each.starts for each in found.unknown.values())
    known = len(fleet) - sum(each.instances for each in found.unknown.values())
    ended = sum(each.terminated is not None and each.terminated < start for each, *_ in fleet)
    assert known - ended <= found.instances <= known
    redone = total_of(tally for tally, is_redone in tallies if is_redone)
    assert (all_work.redone_listed, all_work.redone_billed) == (redone.listed, redone.billed)
    assert all(tally.listed >= tally.billed >= 0 for tally, _ in tallies)
    assert MINIMUM_US == 60_000_000

import math
import random
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.core.errors import UsageError
from eddyline.sim.oracle import OraclePool, OracleResult, merge_equal_pools, solve_oracle

ON_DEMAND = OraclePool(name="od", usd_per_s=1.0, slots=1.0, capacity=None, spot=False)


def spot(*capacity: float, usd_per_s: float = 0.25, slots: float = 1.0, name: str = "spot") -> OraclePool:
    return OraclePool(name=name, usd_per_s=usd_per_s, slots=slots, capacity=capacity, spot=True)


def solve(arrivals: list[float], *pools: OraclePool, **keys: Any) -> OracleResult:
    found = {"deadline_s": 0.0, "boot_s": 0.0, **keys}
    return solve_oracle(np.array(arrivals, dtype=np.float64), pools, **found)


def test_without_boot_the_work_is_paid_and_no_more() -> None:
    found = solve([600.0] * 10, ON_DEMAND)
    assert found.cost_usd == pytest.approx(6000)
    assert found.work == 6000
    assert found.spot_share == 0
    assert found.pools["od"] == pytest.approx(6000)


def test_a_pool_under_constant_load_boots_once() -> None:
    # Ten instances from step 0; they serve from step 3 on. What arrives in steps 0 to 2 is done by others, or
    # later: with patience of 3 steps, the same ten do all of it, three steps late.
    found = solve([600.0] * 20, ON_DEMAND, deadline_s=180.0, boot_s=180.0)
    assert found.cost_usd == pytest.approx(10 * (180 + 20 * 60))


def test_the_boot_is_paid_again_after_a_pause_that_is_longer() -> None:
    # Work in step 2 and in step 20: two boots of two steps are cheaper than 17 idle steps.
    arrivals = [0.0, 0.0, 60.0, *[0.0] * 17, 60.0]
    found = solve(arrivals, ON_DEMAND, boot_s=120.0)
    assert found.cost_usd == pytest.approx(2 * (120 + 60))


def test_an_instance_waits_through_a_short_pause() -> None:
    found = solve([0.0, 0.0, 60.0, 0.0, 60.0], ON_DEMAND, boot_s=120.0)
    assert found.cost_usd == pytest.approx(120 + 3 * 60)


def test_a_boot_of_half_a_step_is_half_a_step() -> None:
    found = solve([0.0, 30.0, 60.0], ON_DEMAND, boot_s=30.0)
    # Half an instance begins in step 0 and half in step 1: it serves half of step 1.
    assert found.cost_usd == pytest.approx(120)


def test_on_demand_works_while_spot_is_dark_for_an_hour() -> None:
    dark = [10.0] * 60 + [0.0] * 60 + [10.0] * 60
    found = solve([600.0] * 180, ON_DEMAND, spot(*dark))
    assert found.cost_usd == pytest.approx(60 * 600 * (0.25 + 1 + 0.25))
    assert found.spot_share == pytest.approx(2 / 3)


def test_on_demand_boots_before_spot_becomes_dark_and_spot_boots_after() -> None:
    dark = [10.0] * 60 + [0.0] * 60 + [10.0] * 60
    found = solve([0.0] * 10 + [600.0] * 170, ON_DEMAND, spot(*dark), boot_s=180.0)
    # On-Demand boots for 3 steps, serves 60 dark steps and the 3 steps in which Spot boots again.
    on_demand = 10 * 60 * (3 + 60 + 3)
    assert found.pools["od"] == pytest.approx(on_demand)
    assert found.pools["spot"] == pytest.approx(10 * 60 * (3 + 50 + 60))


def test_a_long_deadline_waits_for_spot() -> None:
    dark = [0.0] * 30 + [100.0] * 60
    found = solve([600.0] * 30, ON_DEMAND, spot(*dark), deadline_s=3600.0, boot_s=60.0)
    assert found.spot_share == pytest.approx(1)
    assert found.pools["od"] == pytest.approx(0, abs=1e-6)
    # Every instance that boots for a minute does as much work as it can: few run for long.
    assert found.cost_usd == pytest.approx(0.25 * (30 * 600 + 60 * 30 * 600 / 3600), rel=0.02)


def test_the_cheapest_of_several_pools_by_work_is_used() -> None:
    pools = (spot(5.0, name="small"), spot(1.0, name="large", usd_per_s=0.8, slots=4.0))
    found = solve([60.0 * 6], *pools)
    assert found.pools == pytest.approx({"small": 120, "large": 60})


def test_a_least_size_is_paid_without_work() -> None:
    found = solve([0.0] * 10, ON_DEMAND, slots_least=4.0, deadline_s=600.0)
    assert found.cost_usd == pytest.approx(4 * 600)


def test_no_work_costs_nothing() -> None:
    found = solve([0.0, 0.0], ON_DEMAND)
    assert (found.cost_usd, found.spot_share, found.work, dict(found.pools)) == (0.0, 0.0, 0.0, {"od": 0.0})


def test_a_deadline_shorter_than_the_boot_is_refused() -> None:
    with pytest.raises(UsageError, match="deadline of 60 s is too short for a boot of 180 s"):
        solve([600.0] * 10, ON_DEMAND, deadline_s=60.0, boot_s=180.0)


def test_a_deadline_shorter_than_the_boot_is_kept_if_the_work_begins_later() -> None:
    found = solve([0.0] * 3 + [60.0], ON_DEMAND, deadline_s=0.0, boot_s=180.0)
    assert found.cost_usd == pytest.approx(4 * 60)


def test_too_little_capacity_is_refused() -> None:
    with pytest.raises(UsageError, match="too little capacity"):
        solve([600.0] * 10, spot(5.0))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"deadline_s": math.nan}, "deadline_s is nan"),
        ({"boot_s": -1.0}, "boot_s is -1"),
        ({"step_s": 0.0}, "step_s is 0"),
        ({"slots_least": math.inf}, "slots_least is inf"),
        ({"arrivals": [-1.0]}, "arrivals"),
        ({"arrivals": []}, "arrivals"),
        ({"arrivals": [math.nan]}, "arrivals"),
        ({"pools": ()}, "the pools are none"),
        ({"pools": (ON_DEMAND, ON_DEMAND)}, "the same name"),
        ({"pools": (spot(),)}, "pool spot has no capacity"),
        ({"pools": (spot(1.0, -1.0),)}, "or a negative one"),
        ({"pools": (spot(math.nan),)}, "pool spot has no capacity"),
        ({"pools": (spot(1.0, usd_per_s=-1.0),)}, "pool spot has price -1"),
        ({"pools": (spot(1.0, slots=0.0),)}, "0 slots"),
        ({"deadline_s": 6e8}, "pools x"),
    ],
)
def test_bad_values_are_refused(keys: dict[str, Any], message: str) -> None:
    found = {"arrivals": [60.0], "pools": (ON_DEMAND,), **keys}
    with pytest.raises(UsageError, match=message):
        solve(found.pop("arrivals"), *found.pop("pools"), **found)


def test_merged_pools_have_the_sum_of_their_capacity() -> None:
    pools = [spot(1.0, 2.0, name="a"), ON_DEMAND, spot(3.0, name="b"), spot(9.0, name="c", slots=2.0)]
    merged = {each.name: each.capacity for each in merge_equal_pools(pools, 3)}
    assert merged == {"a+b": [4, 5, 5], "od": None, "c": [9, 9, 9]}


_CAPACITY = st.lists(st.integers(0, 6), min_size=8, max_size=8)
_WORK = st.lists(st.integers(0, 300), min_size=8, max_size=8)


@settings(max_examples=25, deadline=None)
@given(work=_WORK, first=_CAPACITY, second=_CAPACITY, boot=st.integers(0, 150))
def test_patience_and_capacity_never_cost_more(
    work: list[int], first: list[int], second: list[int], boot: int
) -> None:
    def cost(more: int, deadline_s: float, *, merged: bool = False) -> float:
        pools = [
            ON_DEMAND,
            spot(*(float(each + more) for each in first), name="a"),
            spot(*(float(each) for each in second), name="b"),
        ]
        used = merge_equal_pools(pools, 30) if merged else pools
        arrivals = [0.0, 0.0, 0.0, *map(float, work)]
        return solve(arrivals, *used, deadline_s=deadline_s, boot_s=float(boot)).cost_usd

    costs = [cost(0, deadline_s) for deadline_s in (60.0, 300.0, 900.0)]
    assert costs == sorted(costs, reverse=True) or max(np.diff(costs)) < 1e-6
    assert cost(2, 300.0) <= costs[1] + 1e-6
    assert cost(0, 300.0, merged=True) <= costs[1] + 1e-6


@settings(max_examples=40, deadline=None)
@given(
    work=_WORK,
    capacity=_CAPACITY,
    boot=st.integers(0, 3),
    patience=st.integers(3, 6),
    seed=st.integers(0, 99),
)
def test_no_schedule_of_whole_instances_is_cheaper(
    work: list[int], capacity: list[int], boot: int, patience: int, seed: int
) -> None:
    # Spot instances are launched at random and reclaimed in any order; On-Demand does what is left in time.
    rng = random.Random(seed)
    arrivals = [float(each) for each in work]
    steps = len(work) + patience
    limits = (capacity + [capacity[-1]] * steps)[:steps]
    launched: list[int] = []
    paid, power = 0.0, []
    for step in range(steps):
        while len(launched) > limits[step]:
            launched.pop(rng.randrange(len(launched)))
        if launched and rng.random() < 0.2:
            launched.pop(rng.randrange(len(launched)))
        launched += [step] * rng.randint(0, limits[step] - len(launched))
        paid += 0.25 * 60 * len(launched)
        power.append(60.0 * sum(step - each >= boot for each in launched))
    on_demand = next(
        count
        for count in range(1000)
        if keeps_deadlines(
            arrivals, [p + 60.0 * count * (step >= boot) for step, p in enumerate(power)], patience
        )
    )
    cost = paid + on_demand * 60 * steps
    found = solve(
        arrivals,
        ON_DEMAND,
        spot(*(float(each) for each in limits)),
        deadline_s=60.0 * patience,
        boot_s=60.0 * boot,
    )
    assert found.cost_usd <= cost + 1e-6


def keeps_deadlines(arrivals: list[float], power: list[float], patience: int) -> bool:
    """Whether the work is done in time if in each step as much as possible is done."""
    arrived = done = 0.0
    for step, each in enumerate(power):
        arrived += arrivals[step] if step < len(arrivals) else 0.0
        done = min(arrived, done + each)
        if step >= patience and done < sum(arrivals[: step - patience + 1]) - 1e-9:
            return False
    return True


def test_a_day_of_twelve_pools_is_solved_in_seconds() -> None:
    rng = np.random.default_rng(3)
    pools = [ON_DEMAND]
    for number in range(11):
        capacity = np.clip(20 + np.cumsum(rng.choice([-6, 0, 0, 0, 0, 5], 720)), 0, 60)
        price = 0.2 + 0.02 * number
        pools.append(spot(*capacity.tolist(), name=f"spot-{number}", usd_per_s=price))
    start = time.process_time()
    found = solve(rng.uniform(0, 12_000, 720).tolist(), *pools, deadline_s=900.0, boot_s=180.0)
    assert time.process_time() - start < 10
    assert found.spot_share > 0.5

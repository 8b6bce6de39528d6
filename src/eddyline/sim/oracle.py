"""The oracle: the least that a fleet can cost when all arrivals and all capacity are known beforehand.

It pays the same boot time as every policy. Instances are fractions, no work is redone and no time is lost
between jobs, so that its cost is a lower bound: no policy that keeps the deadline for all work costs less. A
policy that is late with a hundredth of the work may. It needs the extra `sim` (scipy's HiGHS).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from eddyline.core.errors import UsageError
from eddyline.sim.oracle_program import Program, build_program

_MAX_POOL_STEPS = 500_000
_TIME_LIMIT_S = 600.0
_INFEASIBLE = 2


@dataclass(frozen=True, kw_only=True)
class OraclePool:
    """A pool of equal instances.

    `usd_per_s` is the price of one instance, `slots` the reference slot-seconds of work that one instance
    does in a second. `capacity` is the mean number of instances that can be had in each step; after its end
    the last value holds; None: unbounded.
    """

    name: str
    usd_per_s: float
    slots: float
    capacity: Sequence[float] | None
    spot: bool


@dataclass(frozen=True, kw_only=True)
class OracleResult:
    """What the oracle pays: a lower bound for all policies that keep the deadline.

    `work` is in reference slot-seconds, `spot_share` the share of it that Spot does (if it could be done by
    several pools in the same step, the cheapest does it), `pools` the paid instance-seconds by pool.
    `status` is the solver's message.
    """

    cost_usd: float
    spot_share: float
    work: float
    pools: Mapping[str, float]
    status: str


def solve_oracle(
    arrivals: NDArray[np.float64],
    pools: Sequence[OraclePool],
    *,
    deadline_s: float,
    boot_s: float,
    step_s: float = 60.0,
    slots_least: float = 0.0,
) -> OracleResult:
    """The cheapest way to do all work in time.

    `arrivals[k]` is the work that arrives in step k, in reference slot-seconds. It is done in step k at the
    earliest and at the end of step k + `deadline_s` / `step_s` (rounded up) at the latest, as if all of it
    arrived at the end of the step. At the start, no instance runs. While work arrives, instances
    of at least `slots_least` slots run.

    Raises `UsageError` if the work cannot be done in time, and for invalid or too many values.
    """
    _check(arrivals, pools, deadline_s=deadline_s, boot_s=boot_s, step_s=step_s, slots_least=slots_least)
    patience = math.ceil(deadline_s / step_s - 1e-9)
    boot_steps = boot_s / step_s
    work = float(arrivals.sum())
    if not work and not slots_least:
        return OracleResult(
            cost_usd=0.0, spot_share=0.0, work=0.0, pools={each.name: 0.0 for each in pools}, status="no work"
        )
    steps = len(arrivals) + patience
    if len(pools) * steps > _MAX_POOL_STEPS:
        raise UsageError(
            f"the oracle would have {len(pools)} pools x {steps} steps; {_MAX_POOL_STEPS} are supported",
            remedy="use longer steps, or merge pools of the same price and speed (see merge_equal_pools)",
        )
    arrived = np.cumsum(np.concatenate([arrivals, np.zeros(patience)])) / step_s
    program = build_program(
        prices=np.array([each.usd_per_s * step_s for each in pools]),
        slots=np.array([each.slots for each in pools]),
        capacity=np.array([_capacity(each, steps) for each in pools]),
        arrived=arrived,
        due=np.concatenate([np.zeros(patience), arrived[: len(arrivals)]]),
        boot_steps=boot_steps,
        slots_least=np.concatenate([np.full(len(arrivals), slots_least), np.zeros(patience)]),
    )
    return _solved(program, pools, work=work, step_s=step_s, deadline_s=deadline_s, boot_s=boot_s)


def merge_equal_pools(pools: Sequence[OraclePool], steps: int) -> list[OraclePool]:
    """Pools of the same price, slots and purchase as one, whose capacity in `steps` steps is their sum.

    The program becomes smaller and its cost cannot rise: in a merged pool, an instance that one pool loses
    while another one gains capacity continues, and does not boot again.
    """
    groups: dict[tuple[float, float, bool], list[OraclePool]] = {}
    for each in pools:
        groups.setdefault((each.usd_per_s, each.slots, each.spot), []).append(each)
    merged = []
    for (usd_per_s, slots, spot), group in groups.items():
        unbounded = any(each.capacity is None for each in group)
        capacity = None if unbounded else np.sum([_capacity(each, steps) for each in group], axis=0).tolist()
        name = "+".join(each.name for each in group)
        merged.append(OraclePool(name=name, usd_per_s=usd_per_s, slots=slots, capacity=capacity, spot=spot))
    return merged


def _solved(
    program: Program,
    pools: Sequence[OraclePool],
    *,
    work: float,
    step_s: float,
    deadline_s: float,
    boot_s: float,
) -> OracleResult:
    found = linprog(
        program.cost,
        A_ub=program.most,
        b_ub=program.limits,
        A_eq=program.equal,
        b_eq=np.zeros(program.equal.shape[0]),
        bounds=np.column_stack([program.lower, program.upper]),
        method="highs",
        options={"time_limit": _TIME_LIMIT_S},
    )
    if found.status == _INFEASIBLE:
        raise UsageError(
            f"the oracle cannot do the work in time: the pools have too little capacity, or the deadline of "
            f"{deadline_s:g} s is too short for a boot of {boot_s:g} s after a start without instances",
            remedy="add an On-Demand pool without a limit, or use a deadline that is longer than the boot",
        )
    if found.status != 0:
        raise UsageError(
            f"the oracle's program was not solved: {found.message}",
            remedy="use longer steps, or merge pools of the same price and speed (see merge_equal_pools)",
        )
    by_pool = {
        each.name: float(program.running(found.x, index).sum()) * step_s for index, each in enumerate(pools)
    }
    return OracleResult(
        cost_usd=float(found.fun),
        spot_share=_spot_share(program, found.x, pools),
        work=work,
        pools=by_pool,
        status=str(found.message),
    )


def _spot_share(program: Program, values: NDArray[np.float64], pools: Sequence[OraclePool]) -> float:
    """The share of the work that Spot does, if the cheapest pools that serve work first."""
    left = program.done(values)
    total = float(left.sum())
    by_spot = 0.0
    for index in sorted(range(len(pools)), key=lambda each: pools[each].usd_per_s / pools[each].slots):
        done = np.minimum(left, program.serving(values, index) * pools[index].slots)
        left = left - done
        by_spot += float(done.sum()) if pools[index].spot else 0.0
    return min(max(by_spot / total, 0.0), 1.0) if total else 0.0


def _capacity(pool: OraclePool, steps: int) -> NDArray[np.float64]:
    """The capacity of each step; after its end the last value holds."""
    if pool.capacity is None:
        return np.full(steps, np.inf)
    given = np.asarray(pool.capacity, dtype=np.float64)[:steps]
    return np.concatenate([given, np.full(steps - len(given), given[-1])])


def _check(
    arrivals: NDArray[np.float64],
    pools: Sequence[OraclePool],
    *,
    deadline_s: float,
    boot_s: float,
    step_s: float,
    slots_least: float,
) -> None:
    """Raise `UsageError` for values that are not numbers, negative, or contradict each other."""
    numbers = {"deadline_s": deadline_s, "boot_s": boot_s, "slots_least": slots_least}
    bad = [f"{name} is {value:g}" for name, value in numbers.items() if not 0 <= value < math.inf]
    if not 0 < step_s < math.inf:
        bad.append(f"step_s is {step_s:g}")
    if arrivals.ndim != 1 or not len(arrivals) or not np.isfinite(arrivals).all() or (arrivals < 0).any():
        bad.append("arrivals are not a sequence of numbers of at least 0")
    if not pools or len({each.name for each in pools}) < len(pools):
        bad.append("the pools are none, or have the same name")
    for each in pools:
        if not (0 <= each.usd_per_s < math.inf and 0 < each.slots < math.inf):
            bad.append(f"pool {each.name} has price {each.usd_per_s:g} and {each.slots:g} slots")
        if each.capacity is not None and not (len(each.capacity) and min(each.capacity) >= 0):
            bad.append(f"pool {each.name} has no capacity, or a negative one")
    if bad:
        raise UsageError(f"the oracle cannot use this: {'; '.join(bad)}", remedy="correct the scenario")

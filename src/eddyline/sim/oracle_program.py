"""The linear program of the oracle: its variables, constraints and matrices.

For each pool and step there are the mean instances that run (x), that are launched (l) and that serve (s);
for each step the work done since the start (c), in slot-steps. All are continuous:

    x[t] - x[t-1] <= l[t]                       instances end at any time, and begin only by a launch
    s[t]  = x[t] - launches still booting >= 0   who boots is paid and does no work
    x[t] <= capacity[t]                          a fall of the capacity reclaims the excess
    0 <= c[t] - c[t-1] <= sum of slots * s[t]
    due[t] <= c[t] <= arrived[t]                 bounds of the variable

Any real schedule maps to a solution of the same cost: take the mean of each step. An instance that begins in
the middle of a step counts as half a launch in this step and half a launch in the next one. So the optimum is
a lower bound of the cost. `s >= 0` says that only instances that serve are ended. That excludes no better
schedule: an instance that is ended while it boots has done no work, and is cheaper if it is never launched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

_Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Program:
    """Minimise `cost` @ v for `equal` @ v = 0, `most` @ v <= `limits` and `lower` <= v <= `upper`.

    The variables are x, l and s of the first pool, then of the others, each of `steps` elements, then c.
    """

    cost: _Floats
    equal: sparse.csc_array
    most: sparse.csc_array
    limits: _Floats
    lower: _Floats
    upper: _Floats
    steps: int

    def running(self, values: _Floats, pool: int) -> _Floats:
        """The mean instances of a pool that run in each step."""
        first = 3 * pool * self.steps
        return values[first : first + self.steps]

    def serving(self, values: _Floats, pool: int) -> _Floats:
        """The mean instances of a pool that serve in each step."""
        first = (3 * pool + 2) * self.steps
        return values[first : first + self.steps]

    def done(self, values: _Floats) -> _Floats:
        """The work done in each step, in slot-steps."""
        return np.diff(values[-self.steps :], prepend=0.0)


def build_program(
    *,
    prices: _Floats,
    slots: _Floats,
    capacity: _Floats,
    arrived: _Floats,
    due: _Floats,
    boot_steps: float,
    slots_least: _Floats,
) -> Program:
    """The program of some pools.

    `prices` are dollars for an instance and a step, `slots` the slots of an instance, `capacity` (pools x
    steps) the instances at most; `arrived` and `due` the cumulative work of each step, in slot-steps.
    `boot_steps` may be a fraction. In each step instances of at least `slots_least` slots run.
    """
    pools, steps = capacity.shape
    ones, zero = sparse.eye_array(steps), sparse.csr_array((steps, steps))
    change = ones - sparse.eye_array(steps, k=-1)
    booting = _booting(steps, boot_steps)
    unbounded = np.full(steps, np.inf)
    serving = sparse.hstack([-ones, booting, ones])
    starts = sparse.hstack([change, -ones, zero])
    equal = sparse.hstack([sparse.block_diag([serving] * pools), sparse.csr_array((pools * steps, steps))])
    most = sparse.vstack(
        [
            sparse.hstack([sparse.block_diag([starts] * pools), sparse.csr_array((pools * steps, steps))]),
            sparse.hstack([*(each for slot in slots for each in (zero, zero, -slot * ones)), change]),
            sparse.hstack([sparse.csr_array((steps, 3 * pools * steps)), -change]),
            sparse.hstack([*(each for slot in slots for each in (-slot * ones, zero, zero)), zero]),
        ]
    )
    return Program(
        cost=np.concatenate(
            [*(np.repeat([price, 0.0, 0.0], steps) for price in prices), np.zeros(steps)], dtype=np.float64
        ),
        equal=sparse.csc_array(equal),
        most=sparse.csc_array(most),
        limits=np.concatenate([np.zeros(pools * steps + 2 * steps), -slots_least]),
        lower=np.concatenate([np.zeros(3 * pools * steps), due]),
        upper=np.concatenate([*(each for row in capacity for each in (row, unbounded, unbounded)), arrived]),
        steps=steps,
    )


def _booting(steps: int, boot_steps: float) -> sparse.csr_array:
    """The matrix from launches to the instances that boot: those of the last `boot_steps` steps."""
    whole = min(int(boot_steps), steps)
    part = boot_steps - int(boot_steps)
    matrix = sparse.csr_array((steps, steps))
    for ago in range(whole):
        matrix += sparse.eye_array(steps, k=-ago)
    if part and whole < steps:
        matrix += part * sparse.eye_array(steps, k=-whole)
    return sparse.csr_array(matrix)

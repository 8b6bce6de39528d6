"""The work of a pool as the scaler reads it, from what the ledger knows at two times. One unit is one slot.

A slot of the pool is one reference slot: the seconds for which a job occupies a slot are its work.
"""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.fleet.scaler.rules import WorkReading
from eddyline.fleet.scaling.demand import arrival_vcpu, remaining_s
from eddyline.fleet.scaling.work_rates import WorkRates
from eddyline.graph.pool_load import Load
from eddyline.graph.pool_sample import PoolSample


class PoolWork:
    """Reads the work of one pool; it remembers the last reading, to know what arrived since.

    `base_slots` of On-Demand always run and do their part of what arrives. The first reading, and one after
    more than `window_s`, takes the rate of the last half hour from the samples of the pool; without samples
    it knows of no arrivals.
    """

    def __init__(self, pool: str, *, slot_vcpu: float, base_slots: float, window_s: float) -> None:
        self._pool = pool
        self._slot_vcpu = slot_vcpu
        self._base_slots = base_slots
        self._window_s = window_s
        self._last: Load | None = None
        self._debt = 0.0
        self._worked_at: float | None = None

    def read(self, load: Load, rates: WorkRates, history: Sequence[PoolSample]) -> WorkReading:
        """The work at the time of `load`; `history` are earlier samples of the pool in order of time."""
        now = load.at
        due = [each for each in load.due if each.pool == self._pool]
        busy = self._busy(load)
        last, self._last = self._last, load
        if last is None or not 0 < now - last.at <= self._window_s:
            seconds, arrived = self._from_samples(load, rates, history)
        else:
            seconds = now - last.at
            arrived = self._arrived(last, load, rates)
        if due or busy or arrived > 0 or self._worked_at is None:
            self._worked_at = now
        return WorkReading(
            now=now,
            arrived=max(arrived - self._base_slots * seconds, 0.0),
            seconds=seconds,
            waiting=sum(rates.seconds(self._pool, each.kind, each.weight) for each in due),
            oldest_s=max((each.oldest_s for each in due), default=0.0),
            busy=float(busy),
        )

    def idle_s(self, now: float) -> float:
        """For how long there has been no work at all; 0 before the first reading."""
        return 0.0 if self._worked_at is None else max(now - self._worked_at, 0.0)

    def _arrived(self, last: Load, load: Load, rates: WorkRates) -> float:
        """What was done, and the growth of the work that is left; both ends are valued by the present rates.

        A negative value (a job that takes longer than others of its kind, or workers of another pool that do
        the work) reduces the next one. It is bounded by what was done: cancelled jobs are not a debt.
        """
        done = (self._busy(last) + self._busy(load)) / 2 * (load.at - last.at)
        growth = self._open_s(load, rates) - self._open_s(last, rates)
        arrived = done + growth + self._debt
        self._debt = max(min(arrived, 0.0), -done)
        return max(arrived, 0.0)

    def _from_samples(
        self, load: Load, rates: WorkRates, history: Sequence[PoolSample]
    ) -> tuple[float, float]:
        """The time that the samples cover, at most `window_s`, and what arrived in it."""
        first = next((each.minute for each in history if each.backlog_vcpu_s is not None), load.at)
        seconds = max(min(load.at - first, self._window_s), 0.0)
        rate = arrival_vcpu(
            history,
            work=self._open_s(load, rates) * self._slot_vcpu,
            busy_vcpu=self._busy(load) * self._slot_vcpu,
            slot_vcpu=self._slot_vcpu,
            now=load.at,
        )
        return seconds, rate / self._slot_vcpu * seconds

    def _busy(self, load: Load) -> int:
        return sum(each.jobs for each in load.running if each.pool == self._pool)

    def _open_s(self, load: Load, rates: WorkRates) -> float:
        waiting = sum(
            rates.seconds(self._pool, each.kind, each.weight) for each in load.due if each.pool == self._pool
        )
        running = sum(remaining_s(each, rates) for each in load.running if each.pool == self._pool)
        return waiting + running

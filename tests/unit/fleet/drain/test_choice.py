"""What a slot of a machine loses when it is interrupted: with the decisions of a drain, and without."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.fleet.drain.choice import DrainRules, accepted_s, drain_choice, late_jobs
from eddyline.graph.ledger.leases import LOOK_AHEAD

RULES = DrainRules()
NOTICE_S = 120.0

Draw = Callable[[random.Random], float]
"""The expected time of the next job of the queue."""

WORKLOADS: dict[str, Draw] = {
    "clips in chunks of 40 s and a rest": lambda rng: rng.choice(
        (40.0, 40.0, 40.0, 40.0, rng.uniform(1, 40))
    ),
    "any length up to 75 s": lambda rng: rng.uniform(5.0, 75.0),
    "many short, some long": lambda rng: min(rng.expovariate(1 / 40), 600.0),
    "chunks and small jobs": lambda rng: rng.choice((4.0, 40.0, 40.0)),
}


@given(
    remaining=st.lists(st.none() | st.floats(0.0, 1000.0), max_size=8),
    left_s=st.floats(-10.0, 300.0),
    interrupted=st.booleans(),
)
def test_jobs_that_are_taken_end_in_time_even_if_they_are_slow(
    *, remaining: list[float | None], left_s: float, interrupted: bool
) -> None:
    late, accepts_s = drain_choice(remaining, left_s, RULES, interrupted=interrupted)
    assert accepts_s * RULES.pessimism + RULES.start_s <= left_s + 1e-9 or accepts_s == 0.0
    if not interrupted or left_s <= RULES.start_s:
        assert accepts_s == 0.0
    for index, needed_s in enumerate(remaining):
        if left_s <= 0:
            assert index in late
        elif needed_s is not None:
            assert (index in late) == (needed_s * (1.0 if interrupted else RULES.pessimism) >= left_s)
    assert late == late_jobs(remaining, left_s, RULES, interrupted=interrupted)


class Slot:
    """One slot with an endless queue, interrupted at time 0; times are in seconds."""

    def __init__(self, rng: random.Random, draw: Draw) -> None:
        self.rng = rng
        self.draw = draw
        self.start = rng.uniform(-1500.0, -700.0)
        self.expected, self.needed = self.job()
        while self.start + self.needed <= 0:
            self.start += self.needed
            self.expected, self.needed = self.job()

    def job(self, expected: float | None = None) -> tuple[float, float]:
        """The expected and the true time of a job; the truth varies by 5 %."""
        expected = self.draw(self.rng) if expected is None else expected
        return expected, expected * max(self.rng.gauss(1.0, 0.05), 0.5)

    def dies(self) -> float:
        """Seconds without a result if it works until it dies."""
        start, end = self.start, self.start + self.needed
        while end <= NOTICE_S:
            start, end = end, end + self.job()[1]
        return NOTICE_S - start

    def drains(self, *, takes_further: bool) -> float:
        """Seconds without a result if the drain decides."""
        exit_by = NOTICE_S - RULES.margin_s
        late, _ = drain_choice([self.start + self.needed], exit_by, RULES)
        now = 0.0 if late else self.start + self.needed
        lost = -self.start if late else 0.0
        while takes_further:
            most = accepted_s(exit_by - now, RULES)
            fitting = (each for each in (self.draw(self.rng) for _ in range(LOOK_AHEAD)) if each <= most)
            expected = next(fitting, None)
            if expected is None:
                break
            now += self.job(expected)[1]
            assert now <= exit_by
        return lost + NOTICE_S - now


def _mean_lost(draw: Draw, lost: Callable[[Slot], float]) -> float:
    rng = random.Random(12)
    return sum(lost(Slot(rng, draw)) for _ in range(1500)) / 1500


@pytest.mark.parametrize("name", WORKLOADS)
def test_an_interruption_loses_no_more_slot_seconds_with_a_drain_than_by_dying(name: str) -> None:
    draw = WORKLOADS[name]
    drained = _mean_lost(draw, lambda slot: slot.drains(takes_further=True))
    assert drained <= _mean_lost(draw, Slot.dies)
    assert drained < 0.3 * _mean_lost(draw, lambda slot: slot.drains(takes_further=False))


def test_jobs_of_one_length_lose_the_margin_and_the_pessimism_more_than_dying() -> None:
    """Where no shorter job can fill the last seconds: the price of never doing work twice."""

    def draw(_rng: random.Random) -> float:
        return 40.0

    died = _mean_lost(draw, Slot.dies)
    drained = _mean_lost(draw, lambda slot: slot.drains(takes_further=True))
    assert died == pytest.approx(20.0, rel=0.1)
    extra_s = RULES.margin_s + RULES.start_s + 40.0 * (RULES.pessimism - 1)
    assert drained <= died + extra_s + 1.0
    assert drained < 0.5 * _mean_lost(draw, lambda slot: slot.drains(takes_further=False))


def test_a_long_job_that_is_expected_to_end_runs_on() -> None:
    """Handing back 120 s chunks that may end in time loses more than keeping them."""
    kept = late_jobs([95.0], 110.0, RULES, interrupted=True)
    assert kept == []
    assert late_jobs([95.0], 110.0, RULES, interrupted=False) == [0]
    assert late_jobs([110.0], 110.0, RULES, interrupted=True) == [0]

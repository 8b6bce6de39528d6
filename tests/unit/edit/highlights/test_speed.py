"""Speed and braking from readings with gaps and faults."""

from __future__ import annotations

import numpy as np
import pytest

from eddyline.edit.highlights.signals import Speed
from eddyline.edit.highlights.speed import find_speed_events

TIMES = np.arange(0, 200, 1 / 18)
NOISE = np.random.default_rng(2).normal(0, 0.05, len(TIMES))


def bump(height: float, middle_s: float = 100, width_s: float = 5) -> np.ndarray:
    return np.asarray(height * np.exp(-(((TIMES - middle_s) / width_s) ** 2)))


@pytest.mark.parametrize(("usual", "height", "found"), [(8, 6, 1), (8, 2.5, 0), (30, 8, 0), (30, 15, 1)])
def test_a_high_speed_stands_out_from_the_usual_one(usual: float, height: float, found: int) -> None:
    events = find_speed_events(Speed(times=TIMES, values=usual + bump(height) + NOISE))
    assert [each.kind for each in events] == ["speed"] * found
    if found:
        assert events[0].peak_s == pytest.approx(100, abs=1)
        assert events[0].values["peak_m_per_s"] == pytest.approx(usual + height, abs=0.3)


def test_braking_is_a_strong_loss_of_speed() -> None:
    values = np.interp(TIMES, [0, 80, 100, 102, 104, 200], [5, 5, 15, 15, 5, 5]) + NOISE
    events = [each for each in find_speed_events(Speed(times=TIMES, values=values)) if each.kind == "braking"]
    assert len(events) == 1
    assert (events[0].start_s, events[0].end_s) == pytest.approx((102, 104), abs=0.8)
    assert events[0].values["hardest_m_per_s2"] == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize("count", [1, 2])
def test_single_faulty_readings_are_not_events(count: int) -> None:
    values = 8 + NOISE
    values[1000 : 1000 + count] = 40.0
    assert find_speed_events(Speed(times=TIMES, values=values)) == ()


def test_a_jump_across_a_gap_is_not_braking() -> None:
    kept = (TIMES < 100) | (TIMES > 104)
    values = np.where(TIMES < 100, 20.0, 2.0) + NOISE
    events = find_speed_events(Speed(times=TIMES[kept], values=values[kept]))
    assert events == ()


def test_an_impossible_deceleration_is_not_braking() -> None:
    values = np.where(TIMES < 100, 120.0, 2.0)
    assert not [
        each for each in find_speed_events(Speed(times=TIMES, values=values)) if each.kind == "braking"
    ]


def test_a_few_readings_give_no_event() -> None:
    assert find_speed_events(Speed(times=TIMES[:2], values=NOISE[:2])) == ()

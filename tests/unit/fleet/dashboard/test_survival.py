"""The Kaplan-Meier estimator, on published and hand-computed examples."""

from __future__ import annotations

import numpy as np
import pytest

from eddyline.fleet.dashboard.survival import survival_of

# Remission times in weeks of the group treated with 6-mercaptopurine (Freireich et al. 1963), the example of
# most textbooks; + is censored: 6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
EVENT = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_the_curve_of_a_textbook() -> None:
    found = survival_of(np.array(WEEKS, float), np.array(EVENT, bool))
    assert [(each.age_s, round(each.survival, 4), each.at_risk) for each in found.points] == [
        (6, 0.8571, 21),
        (7, 0.8067, 17),
        (10, 0.7529, 15),
        (13, 0.6902, 12),
        (16, 0.6275, 11),
        (22, 0.5378, 7),
        (23, 0.4482, 6),
    ]
    assert (found.instances, found.interruptions, found.censored) == (21, 9, 12)
    assert found.median_s == 23
    assert found.at(5) == 1
    assert found.at(12) == pytest.approx(0.7529, abs=1e-4)
    assert found.at(36) is None
    # The log-log interval at 6 weeks, as R's survfit(conf.type = "log-log") prints it.
    assert (round(found.points[0].low, 3), round(found.points[0].high, 3)) == (0.620, 0.952)


def test_a_curve_that_reaches_zero_stays_there() -> None:
    found = survival_of(np.array([10.0, 20.0]), np.array([True, True]))
    assert [each.survival for each in found.points] == [0.5, 0.0]
    assert (found.points[1].low, found.points[1].high) == (0.0, 0.0)
    assert found.median_s == 10
    assert found.at(1000) == 0


def test_without_interruptions_nothing_is_known_beyond_the_longest_life() -> None:
    found = survival_of(np.array([10.0, 30.0]), np.array([False, False]))
    assert found.points == ()
    assert (found.median_s, found.at(30), found.at(31)) == (None, 1.0, None)


def test_no_instances_have_an_empty_curve() -> None:
    found = survival_of(np.array([], float), np.array([], bool))
    assert (found.instances, found.median_s, found.points) == (0, None, ())


def test_a_long_curve_is_thinned_without_losing_interruptions() -> None:
    rng = np.random.default_rng(3)
    ages = rng.exponential(1000, 20_000)
    events = rng.random(20_000) < 0.7
    found = survival_of(ages, events)
    assert len(found.points) <= 252
    assert sum(each.interruptions for each in found.points) == found.interruptions == events.sum()
    # Exponential lives with a rate of 0.7 / 1000 per second.
    assert found.median_s == pytest.approx(np.log(2) * 1000 / 0.7, rel=0.05)

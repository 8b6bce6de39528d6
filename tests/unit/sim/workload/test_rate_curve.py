from typing import Any

import numpy as np
import pytest

from eddyline.sim.workload.rate_curve import relative_rates, step_lengths, wave_sharpness
from eddyline.sim.workload.workload import Workload

DAY_S = 86_400.0


def rates_of(end_s: float, **keys: Any) -> Any:
    return relative_rates(Workload.model_validate(keys), end_s)


def test_a_constant_rate_is_1_everywhere() -> None:
    assert np.allclose(rates_of(7200.0), 1)


@pytest.mark.parametrize("shape", ["constant", "daily", "weekly", "seasonal"])
@pytest.mark.parametrize("end_s", [30.0, 5 * 3600.0, 3 * DAY_S + 17])
def test_the_mean_over_the_scenario_is_1(shape: str, end_s: float) -> None:
    rates = rates_of(end_s, shape=shape, bursts={"every_h": 1.0})
    assert (rates * step_lengths(end_s)).sum() / end_s == pytest.approx(1)
    assert (rates > 0).all()


@pytest.mark.parametrize("ratio", [1.0, 1.2, 2.0, 5.0, 20.0])
def test_the_peak_of_a_day_has_the_given_ratio_to_the_mean(ratio: float) -> None:
    rates = rates_of(DAY_S, shape="daily", peak_to_mean={"day": ratio}, peak_at={"day_h": 18})
    assert rates.max() == pytest.approx(ratio, rel=1e-3)
    if ratio > 1:
        assert rates.argmax() in {1079, 1080}


def test_the_week_and_the_year_have_their_peaks() -> None:
    weekly = rates_of(7 * DAY_S, shape="weekly", peak_to_mean={"day": 1, "week": 3}, peak_at={"week_d": 2})
    assert weekly.argmax() in {2 * 1440 - 1, 2 * 1440}
    assert weekly.max() == pytest.approx(3, rel=1e-3)
    yearly = rates_of(
        365.25 * DAY_S,
        shape="seasonal",
        peak_to_mean={"day": 1, "week": 1, "year": 2},
        peak_at={"year_d": 90},
    )
    assert yearly.argmax() in {90 * 1440 - 1, 90 * 1440}
    assert yearly.max() == pytest.approx(2, rel=1e-3)


def test_no_wave_has_sharpness_0() -> None:
    assert wave_sharpness(1.0) == pytest.approx(0, abs=1e-6)


def test_bursts_multiply_the_rate_for_their_length() -> None:
    rates = rates_of(4 * 3600.0, bursts={"every_h": 1, "factor": 5, "length_s": 90})
    quiet = rates[0]
    assert rates[60:63] / quiet == pytest.approx([5, 3, 1])
    assert rates[120:123] / quiet == pytest.approx([5, 3, 1])
    assert rates[:60] / quiet == pytest.approx(1)


def test_bursts_without_a_pause_are_a_constant_rate_after_the_first() -> None:
    rates = rates_of(3 * 3600.0, bursts={"every_h": 1, "factor": 3, "length_s": 3600})
    assert rates[60:] / rates[0] == pytest.approx(3)

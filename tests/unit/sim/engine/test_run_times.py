from __future__ import annotations

import numpy as np
import pytest

from eddyline.core.errors import UsageError
from eddyline.sim.engine.run_times import RunTimes, greatest_normals


def test_the_mean_of_the_steps_is_the_run_time() -> None:
    found = RunTimes(40.0, [0.5, 2.0], spread=0.2, step_s=5.0)
    for weight in (12.0, 27.3, 40.0):
        bins, above = found.place(np.array([weight]))
        releases = found.releases(found.histogram(bins, above, np.ones(1)))
        assert releases.sum(axis=1) == pytest.approx([1, 1])
        steps = releases @ np.arange(1, found.steps + 1)
        assert steps[0] == pytest.approx(weight / 0.5 / 5, rel=0.002)
        assert steps[1] >= weight / 2 / 5 * 0.998


def test_a_short_job_occupies_its_slot_for_one_step() -> None:
    found = RunTimes(40.0, [1.0], spread=0.0, step_s=10.0)
    bins, above = found.place(np.array([0.1]))
    assert found.releases(found.histogram(bins, above, np.ones(1)))[0, 0] == pytest.approx(1)


def test_too_long_jobs_are_an_error() -> None:
    with pytest.raises(UsageError, match="steps of 1 s"):
        RunTimes(36_000.0, [1.0], spread=0.2, step_s=1.0)


@pytest.mark.parametrize(("count", "mean"), [(1, 0.0), (2, 0.5642), (10, 1.5388), (100, 2.5076)])
def test_the_greatest_of_some_normal_variables_has_their_known_mean(count: int, mean: float) -> None:
    drawn = np.random.default_rng(1).standard_exponential(100_000) / count
    assert greatest_normals(np.log(drawn)).mean() == pytest.approx(mean, abs=0.01)

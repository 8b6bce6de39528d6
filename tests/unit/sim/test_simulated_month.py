from __future__ import annotations

import pytest
from benchmarks.simulated_month import DEFAULT, SHORT, month_workload, simulate

from eddyline.sim.workload.generated import Generator, mean_minutes
from eddyline.sim.workload.workload import Sizes


@pytest.mark.parametrize(("sizes", "factor"), [(DEFAULT, 1.0), (SHORT, 50.0)])
def test_the_month_has_so_many_clips_however_long_they_take(sizes: Sizes, factor: float) -> None:
    workload = month_workload(sizes, clips=10e6, days=30.0, encode_factor=factor)
    found = Generator.of(workload, seed=1, end_s=30 * 86_400.0)
    assert found.expected.sum() == pytest.approx(10e6)


def test_the_documented_mean_lengths_are_those_of_the_clips() -> None:
    assert mean_minutes(DEFAULT) * 60 == pytest.approx(164, abs=0.5)
    assert mean_minutes(SHORT) * 60 == pytest.approx(44, abs=0.5)


@pytest.mark.parametrize("exact", [True, False])
def test_a_part_of_the_month_runs(exact: bool) -> None:  # noqa: FBT001 - a parameter of the test
    workload = month_workload(SHORT, clips=200.0, days=0.02)
    found, instances = simulate(workload, days=0.02, exact=exact)
    assert len(found.ready_s) == pytest.approx(200, rel=0.2)
    assert instances > 0

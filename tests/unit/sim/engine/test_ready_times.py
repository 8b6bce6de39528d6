from __future__ import annotations

import numpy as np
import pytest

from eddyline.sim.engine.asset_flow import Finished
from eddyline.sim.engine.ready_times import StartCurve


def assets(count: int, jobs: float) -> Finished:
    """Assets that arrive together at 5 s, of jobs of 40 s."""
    ends = np.array([number * jobs for number in range(1, count + 1)])
    return Finished(
        at=np.full(count, 5.0),
        jobs=np.full(count, jobs),
        weight=np.full(count, 40.0),
        begin=ends - jobs,
        end=ends,
    )


def curve(*steps: float, lost: float = 0.0, is_empty: bool = False) -> StartCurve:
    found = StartCurve(np.array([1.0]), step_s=10.0)
    for position in steps:
        found.add(position, is_empty=is_empty, lost=lost, started=np.ones(1))
    return found


def test_assets_are_ready_one_run_time_after_their_turn() -> None:
    found = curve(0.0, 100.0, 200.0)
    ready = found.ready_s(assets(200, 1.0), spread=0.0, lost_s=30.0, rng=np.random.default_rng(1))
    assert ready[0] == pytest.approx(10 + 40 - 5, abs=0.2)
    assert ready[99] == pytest.approx(20 + 40 - 5, abs=0.2)
    assert ready[199] == pytest.approx(30 + 40 - 5, abs=0.2)


def test_without_a_queue_jobs_start_when_they_arrive() -> None:
    found = curve(10.0, is_empty=True)
    ready = found.ready_s(assets(10, 1.0), spread=0.0, lost_s=30.0, rng=np.random.default_rng(1))
    assert ready == pytest.approx([40.0] * 10)


def test_an_asset_of_many_jobs_waits_for_the_longest() -> None:
    found = curve(100_000.0, is_empty=True)
    ready = found.ready_s(assets(1000, 100.0), spread=0.2, lost_s=30.0, rng=np.random.default_rng(1))
    drawn = np.exp(0.2 * np.random.default_rng(2).standard_normal((1000, 100)) - 0.02) * 40
    assert ready.mean() == pytest.approx(drawn.max(axis=1).mean(), rel=0.01)


def test_lost_jobs_begin_again() -> None:
    found = curve(*np.linspace(1000.0, 10_000.0, 10), lost=0.05)
    plain = curve(*np.linspace(1000.0, 10_000.0, 10))
    rng = np.random.default_rng
    late = found.ready_s(assets(10_000, 1.0), spread=0.0, lost_s=30.0, rng=rng(1))
    usual = plain.ready_s(assets(10_000, 1.0), spread=0.0, lost_s=30.0, rng=rng(1))
    hit = late - usual > 1
    # Each runs during four steps, with a risk of 5 % in each; the last ones run beyond the known steps.
    assert hit[:6000].mean() == pytest.approx(0.18, abs=0.02)
    assert (late - usual)[hit].mean() == pytest.approx(30 + 20, abs=2)


def test_the_mean_speed_of_the_slots_counts() -> None:
    found = StartCurve(np.array([2.0, 0.5]), step_s=10.0)
    found.add(10.0, is_empty=True, lost=0.0, started=np.array([1.0, 0.0]))
    ready = found.ready_s(assets(10, 1.0), spread=0.0, lost_s=30.0, rng=np.random.default_rng(1))
    assert ready == pytest.approx([20.0] * 10)

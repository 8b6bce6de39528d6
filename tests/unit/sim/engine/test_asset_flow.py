from __future__ import annotations

import numpy as np
import pytest

from eddyline.sim.engine.asset_flow import AssetFlow
from eddyline.sim.engine.run_times import RunTimes
from eddyline.sim.workload.asset_batch import AssetBatch


def flow(*, end_s: float = 1000.0) -> tuple[AssetFlow, RunTimes]:
    """Two batches: 2 and 4 jobs of 20 s at 5 and 15 s, then 3 of 40 s at 700 s."""
    batches = [
        AssetBatch(
            at=np.array([5.0, 15.0]), jobs=np.array([2.0, 4.0]), weight=np.array([20.0, 20.0]), spread=0.2
        ),
        AssetBatch(at=np.array([700.0]), jobs=np.array([3.0]), weight=np.array([40.0]), spread=0.2),
    ]
    found = AssetFlow(iter(batches), end_s=end_s, step_s=10.0, speed=1.0)
    times = RunTimes(40.0, [1.0], spread=0.2, step_s=10.0)
    found.load(1000.0)
    found.place(times)
    return found, times


def test_work_waits_from_its_arrival_until_its_start() -> None:
    queue, times = flow()
    queue.arrive(10.0)
    assert (queue.waiting_units(), queue.waiting_work(), queue.oldest()) == (2.0, 40.0, 5.0)
    queue.arrive(20.0)
    assert (queue.waiting_work(), queue.waiting_assets) == (120.0, 2)
    work, shares = queue.start(3.0, times)
    assert work == pytest.approx(60)
    assert shares.sum() == pytest.approx(1)
    assert queue.waiting_work() == pytest.approx(60)
    assert (queue.oldest(), queue.waiting_assets) == (15.0, 1)


def test_assets_are_finished_in_order_and_forgotten() -> None:
    queue, times = flow()
    queue.arrive(800.0)
    queue.start(3.0, times)
    assert queue.finished().at.tolist() == [5.0]
    assert not len(queue.finished().at)
    work, _ = queue.start(6.0, times)
    assert work == pytest.approx(3 * 20 + 3 * 40)
    assert queue.is_over
    found = queue.finished()
    assert (found.begin.tolist(), found.end.tolist()) == ([2.0, 6.0], [6.0, 9.0])
    assert (queue.assets, queue.jobs, queue.arrived_work, queue.waiting_work()) == (3, 9.0, 240.0, 0.0)
    assert queue.oldest() is None


def test_arrivals_after_the_end_are_left_out() -> None:
    queue, times = flow(end_s=100.0)
    queue.arrive(800.0)
    queue.start(9.0, times)
    assert queue.is_over
    assert queue.jobs == 6


def test_a_job_shorter_than_a_step_counts_for_its_part() -> None:
    batch = AssetBatch(at=np.zeros(1), jobs=np.array([4.0]), weight=np.array([2.5]), spread=0.0)
    queue = AssetFlow(iter([batch]), end_s=10.0, step_s=10.0, speed=1.0)
    queue.load(10.0)
    queue.arrive(10.0)
    assert queue.waiting_units() == pytest.approx(1)
    assert queue.waiting_work() == pytest.approx(10)

from __future__ import annotations

import numpy as np
import pytest

from eddyline.sim.engine.instance import Offer
from eddyline.sim.engine.run_times import RunTimes
from eddyline.sim.engine.slot_flow import SlotFlow


def offer(speed: float) -> Offer:
    return Offer(
        name="o", type="t", zone="", spot=True, vcpu=4, slots=2, speed=speed, usd_h=1.0, own_usd_h=1.0
    )


def started(jobs: tuple[float, float] = (4.0, 2.0)) -> SlotFlow:
    """Two pools, of which the second one is twice as fast; all jobs take 40 s on the first."""
    flow = SlotFlow([offer(1.0), offer(2.0)])
    times = RunTimes(40.0, flow.speeds, spread=0.0, step_s=10.0)
    bins, above = times.place(np.array([40.0]))
    flow.add(0, 10)
    flow.add(1, 10)
    flow.start(np.array(jobs), times, times.histogram(bins, above, np.ones(1)))
    return flow


def test_jobs_occupy_slots_until_their_run_time_is_over() -> None:
    flow = started()
    assert flow.busy_power() == pytest.approx(4 + 2 * 2)
    assert flow.free().tolist() == pytest.approx([6, 8])
    for _ in range(2):
        flow.advance()
    assert flow.busy.tolist() == pytest.approx([4, 0], abs=0.1)
    for _ in range(2):
        flow.advance()
    assert flow.busy.tolist() == pytest.approx([0, 0], abs=0.1)


def test_slots_that_leave_run_their_jobs_to_the_end() -> None:
    flow = started()
    flow.leave(0, 5, 2.0)
    assert flow.slots.tolist() == [5, 10]
    assert flow.busy.tolist() == pytest.approx([2, 2])
    assert flow.busy_power() == pytest.approx(8)
    for _ in range(5):
        flow.advance()
    assert flow.busy_power() == pytest.approx(0)
    assert flow.leaving_jobs == pytest.approx(0)


def test_stopped_jobs_had_their_rest_left() -> None:
    flow = started()
    flow.advance()
    jobs, steps = flow.stop(0, 10, 4.0)
    assert jobs == pytest.approx(4)
    assert steps == pytest.approx(2.5, abs=0.1)
    assert flow.busy.tolist() == pytest.approx([0, 2])


def test_late_jobs_are_stopped_and_their_slots_are_free() -> None:
    flow = started()
    assert flow.stop_late(1, 5.0, 2) == pytest.approx((0.0, 2.0), abs=0.1)
    jobs, _ = flow.stop_late(0, 5.0, 2)
    assert jobs == pytest.approx(2)
    assert flow.slots.tolist() == [10, 10]
    assert flow.busy.tolist() == pytest.approx([2, 2])


def test_the_last_of_some_jobs_ends_when_all_have() -> None:
    assert started().last_end(0, 1) == pytest.approx(3.5, abs=0.1)
    assert started().last_end(0, 0) == 0
    assert SlotFlow([offer(1.0)]).last_end(0, 3) == 0


def test_the_arrays_are_moved_when_their_end_is_reached() -> None:
    flow = started()
    for _ in range(3000):
        flow.advance()
    assert flow.busy_power() == 0

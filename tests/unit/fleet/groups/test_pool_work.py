"""The work of a pool between two readings of the ledger."""

from __future__ import annotations

from typing import Any

import pytest

from eddyline.fleet.groups.pool_work import PoolWork
from eddyline.fleet.scaling.work_rates import WorkRates
from eddyline.graph.pool_load import DueWork, EndedStart, Load, RunningWork
from eddyline.graph.pool_sample import PoolSample

NOW = 1_800_000_000.0


def rates(seconds: float = 40.0) -> WorkRates:
    found = WorkRates()
    found.measure([EndedStart(pool="cpu", kind="chunk", weight=60.0, seconds=seconds)])
    return found


def load(at: float, *, due: int = 0, running: int = 0, elapsed_s: float = 0.0) -> Load:
    waiting = DueWork(pool="cpu", kind="chunk", jobs=due, weight=due * 60.0, oldest_s=25.0)
    busy = RunningWork(
        pool="cpu",
        job_pool="cpu",
        kind="chunk",
        jobs=running,
        weight=running * 60.0,
        elapsed_s=running * elapsed_s,
    )
    return Load(at=at, due=(waiting,) if due else (), running=(busy,) if running else ())


def work(**options: Any) -> PoolWork:
    return PoolWork("cpu", **{"slot_vcpu": 2.0, "base_slots": 0.0, "window_s": 900.0, **options})


def test_what_arrives_is_what_was_done_and_what_is_left_more() -> None:
    found = work()
    found.read(load(NOW, running=10, elapsed_s=10.0), rates(), ())
    reading = found.read(load(NOW + 30.0, due=5, running=10, elapsed_s=10.0), rates(), ())
    assert reading.arrived == pytest.approx(10 * 30.0 + 5 * 40.0)
    assert (reading.seconds, reading.waiting, reading.oldest_s, reading.busy) == (30.0, 200.0, 25.0, 10.0)


def test_a_change_of_the_measured_rates_adds_nothing() -> None:
    found = work()
    found.read(load(NOW, due=1000), rates(), ())
    assert found.read(load(NOW + 30.0, due=1000), rates(80.0), ()).arrived == 0.0


def test_noise_is_balanced_and_cancelled_jobs_are_forgotten() -> None:
    found = work()
    found.read(load(NOW, running=10, elapsed_s=0.0), rates(), ())
    # 500 s of work were cancelled: only what was done in 30 s is carried on.
    assert found.read(load(NOW + 30.0, running=10, elapsed_s=39.0), rates(), ()).arrived == 0.0
    found.read(load(NOW + 60.0), rates(), ())
    found.read(load(NOW + 90.0, due=1000), rates(), ())
    assert found.read(load(NOW + 120.0), rates(), ()).arrived == 0.0
    assert found.read(load(NOW + 150.0, due=10), rates(), ()).arrived == pytest.approx(400.0)


def test_the_first_reading_takes_the_rate_of_the_samples() -> None:
    history = [
        PoolSample(minute=int(NOW) - 60 * back, pool="cpu", busy_slots=20, backlog_vcpu_s=0.0)
        for back in range(30, 0, -1)
    ]
    reading = work().read(load(NOW, running=20, elapsed_s=40.0), rates(), history)
    assert reading.seconds == 900.0
    assert reading.arrived / reading.seconds == pytest.approx(20.0, rel=0.05)
    assert work().read(load(NOW, running=20), rates(), ()).seconds == 0.0
    late = work()
    late.read(load(NOW - 2000.0), rates(), ())
    assert late.read(load(NOW, running=20, elapsed_s=40.0), rates(), history).seconds == 900.0


def test_the_base_does_its_part_of_what_arrives() -> None:
    found = work(base_slots=4.0)
    found.read(load(NOW, running=10), rates(), ())
    assert found.read(load(NOW + 30.0, running=10), rates(), ()).arrived == pytest.approx(300.0 - 120.0)


def test_a_pool_is_idle_since_its_last_work() -> None:
    found = work()
    assert found.idle_s(NOW) == 0.0
    found.read(load(NOW, due=1), rates(), ())
    found.read(load(NOW + 30.0), rates(), ())
    found.read(load(NOW + 60.0), rates(), ())
    assert found.idle_s(NOW + 60.0) == 60.0

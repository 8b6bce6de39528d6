"""Samples of capacity and backlog by step."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest

from eddyline.fleet.dashboard.capacity import capacity_of, sampled_minutes
from eddyline.fleet.dashboard.window import Window, window_of
from eddyline.graph.pool_sample import PoolSample

WINDOW = Window(start=0.0, stop=7200.0, step_s=3600)


def row(minute: int, pool: str, **values: Any) -> tuple[Any, ...]:
    return astuple(PoolSample(minute=minute, pool=pool, **values))


def test_steps_have_means_and_maxima_and_pools_add_up() -> None:
    found = capacity_of(
        [
            row(0, "cpu", spot_vcpu=10, due_jobs=1, backlog_vcpu_s=3600.0, oldest_due_s=5.0, wanted_vcpu=4),
            row(60, "cpu", spot_vcpu=20, due_jobs=3, backlog_vcpu_s=None, oldest_due_s=9.0),
            row(0, "gpu", spot_vcpu=2, due_jobs=10, backlog_vcpu_s=7200.0, oldest_due_s=1.0),
            row(60, "gpu", spot_vcpu=4, due_jobs=0),
        ],
        WINDOW,
    )
    assert [(each.key, each.samples) for each in found] == [("all", 2), ("cpu", 2), ("gpu", 2)]
    total, cpu, _ = (each.steps for each in found)
    assert cpu.spot_vcpu == [15, None]
    assert (cpu.due_jobs, cpu.max_due_jobs) == ([2, None], [3, None])
    assert cpu.backlog_vcpu_hours == [1, None]
    assert cpu.wanted_vcpu == [4, None]
    assert total.spot_vcpu == [18, None]
    assert total.max_due_jobs == [11, None]
    assert total.max_oldest_due_s == [9, None]
    assert total.backlog_vcpu_hours == [3, None]


def test_no_samples() -> None:
    (found,) = capacity_of([], WINDOW)
    assert (found.key, found.samples, found.steps.spot_vcpu) == ("all", 0, [None, None])


@pytest.mark.parametrize(("days", "interval"), [(1 / 24, 60), (1, 60), (7, 300), (30, 1800), (366, 21_600)])
def test_a_bounded_number_of_minutes_is_read(days: float, interval: int) -> None:
    now = 1_790_000_123.0
    minutes, found = sampled_minutes(window_of(now - days * 86_400, now, now=now))
    assert found == interval
    assert len(minutes) <= 2016
    assert all(minute % interval == 0 and now - days * 86_400 <= minute < now for minute in minutes)

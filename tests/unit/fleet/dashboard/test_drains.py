"""Notice to drained, and redone work."""

from __future__ import annotations

import math

import pytest

from eddyline.fleet.dashboard.drains import Interruption, drains_of, grouped_drains, histogram
from eddyline.graph.ledger.fleet.interrupted_work import InterruptedWork


def interruption(
    *, warned: float = 100.0, drained: float | None = None, lost: int = 0, redone: int = 0, zone: str = "a"
) -> Interruption:
    work = None
    if drained is not None:
        work = InterruptedWork(
            instance="i",
            starts=1 + lost,
            drained=drained,
            lost=lost,
            redone=redone,
            redone_s=10.0 * redone,
            redone_cpu_s=8.0 * redone,
            unmeasured=lost,
        )
    return Interruption(pool="cpu", type="t", zone=zone, warned=warned, terminated=220.0, work=work)


CASES = [
    interruption(drained=101.5, redone=2),
    interruption(drained=160.0),
    interruption(drained=99.0),  # ended just before the notice was recorded
    interruption(drained=300.0, lost=1, redone=1),
    interruption(warned=math.nan, drained=300.0, lost=1, redone=1, zone="b"),
    interruption(),
]


def test_missed_idle_and_unwarned_machines_are_counted_apart() -> None:
    found = drains_of("all", CASES)
    assert (found.drained_s.count, found.drained_s.p50, found.drained_s.max) == (3, 1.5, 60.0)
    assert (found.interruptions, found.missed, found.without_notice, found.idle) == (6, 2, 1, 1)
    assert found.missed_share == pytest.approx(2 / 5)
    assert (found.redone_starts, found.redone_s, found.redone_cpu_s) == (4, 40.0, 32.0)
    assert found.redone_unmeasured == 2
    assert found.redone_s_per_interruption == pytest.approx(40 / 6)


def test_groups_add_up_to_the_total() -> None:
    groups = grouped_drains(CASES, lambda each: each.zone)
    assert [(each.key, each.interruptions) for each in groups] == [("a", 5), ("b", 1)]
    assert sum(each.redone_s for each in groups) == 40
    assert sum(each.missed for each in groups) == 2


def test_the_histogram_counts_drained_machines_once() -> None:
    found = histogram([*CASES, interruption(drained=230.0)])
    assert found[1.0] == 1
    assert found[2.0] == 1
    assert found[60.0] == 1
    assert found[math.inf] == 1
    assert sum(found.values()) == 4


def test_no_interruptions() -> None:
    found = drains_of("all", [])
    assert (found.missed_share, found.redone_s_per_interruption, found.drained_s.p95) == (None, None, None)

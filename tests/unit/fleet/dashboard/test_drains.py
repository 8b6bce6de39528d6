"""Notice to drained, and redone work."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eddyline.fleet.dashboard.drains import (
    InterruptedMachines,
    drains_of,
    grouped_drains,
    histogram,
    interrupted_machines,
)
from eddyline.graph.ledger.fleet.interrupted_work import InterruptedWork


def machine(
    *, warned: float = 100.0, drained: float | None = None, lost: int = 0, redone: int = 0
) -> tuple[float, InterruptedWork | None]:
    if drained is None:
        return warned, None
    return warned, InterruptedWork(
        drained=drained,
        lost=lost,
        redone=redone,
        redone_s=10.0 * redone,
        redone_cpu_s=8.0 * redone,
        unmeasured=lost,
    )


def columns(machines: list[tuple[float, InterruptedWork | None]]) -> InterruptedMachines:
    work = {str(number): each for number, (_, each) in enumerate(machines) if each is not None}
    warned = np.array([each for each, _ in machines], np.float64)
    return interrupted_machines(warned, map(str, range(len(machines))), work)


CASES = [
    machine(drained=101.5, redone=2),
    machine(drained=160.0),
    machine(drained=99.0),  # ended just before the notice was recorded
    machine(drained=300.0, lost=1, redone=1),
    machine(warned=math.nan, drained=300.0, lost=1, redone=1),
    machine(),
]


def test_missed_idle_and_unwarned_machines_are_counted_apart() -> None:
    found = drains_of("all", columns(CASES))
    assert (found.drained_s.count, found.drained_s.p50, found.drained_s.max) == (3, 1.5, 60.0)
    assert (found.interruptions, found.missed, found.without_notice, found.idle) == (6, 2, 1, 1)
    assert found.missed_share == pytest.approx(2 / 5)
    assert (found.redone_starts, found.redone_s, found.redone_cpu_s) == (4, 40.0, 32.0)
    assert found.redone_unmeasured == 2
    assert found.redone_s_per_interruption == pytest.approx(40 / 6)


def test_groups_add_up_to_the_total() -> None:
    groups = grouped_drains(columns(CASES), np.array([0, 0, 0, 0, 1, 0]), ["a", "b"])
    assert [(each.key, each.interruptions) for each in groups] == [("a", 5), ("b", 1)]
    assert sum(each.redone_s for each in groups) == 40
    assert sum(each.missed for each in groups) == 2


def test_the_histogram_counts_drained_machines_once() -> None:
    found = histogram(columns([*CASES, machine(drained=230.0)]))
    assert found[1.0] == 1
    assert found[2.0] == 1
    assert found[60.0] == 1
    assert found[math.inf] == 1
    assert sum(found.values()) == 4


def test_no_interruptions() -> None:
    found = drains_of("all", columns([]))
    assert (found.missed_share, found.redone_s_per_interruption, found.drained_s.p95) == (None, None, None)

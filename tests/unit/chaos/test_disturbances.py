from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from tests.chaos.disturbances import Kind, Mode, plan

OF_WORKERS = {
    *(Kind.KILL_WORKER, Kind.TERM_WORKER, Kind.FREEZE_WORKER),
    *(Kind.SPOT_WORKER, Kind.SPOT_STORM, Kind.RECLAIM_POOL),
}
ROUND = 22
OF_THE_LEDGER = {Kind.CRASH_LEDGER, Kind.RESTART_LEDGER}
OF_THE_STORE = {Kind.STORE_UNAVAILABLE, Kind.STORE_FAULTS}


def test_a_seed_determines_the_schedule() -> None:
    assert plan(7, seconds=120, mode=Mode.SQS, lease_s=6) == plan(7, seconds=120, mode=Mode.SQS, lease_s=6)
    assert plan(7, seconds=120, mode=Mode.SQS, lease_s=6) != plan(8, seconds=120, mode=Mode.SQS, lease_s=6)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("mode", "expected"), [(Mode.SQS, set(Kind)), (Mode.DIRECT, OF_WORKERS | OF_THE_LEDGER | OF_THE_STORE)]
)
def test_every_disturbance_occurs_even_in_a_short_test(seed: int, mode: Mode, expected: set[Kind]) -> None:
    schedule = plan(seed, seconds=25, mode=mode, lease_s=6)
    assert {each.kind for each in schedule} == expected
    assert all(3.0 <= each.at < 25 for each in schedule)


def test_a_longer_test_has_the_same_density_in_another_order() -> None:
    schedule = plan(1, seconds=3 + 3 * ROUND * 4, mode=Mode.SQS, lease_s=6)
    times = Counter(each.kind for each in schedule)
    assert times == {kind: count * 4 for kind, count in Counter(e.kind for e in schedule[:ROUND]).items()}
    assert [each.kind for each in schedule[:ROUND]] != [each.kind for each in schedule[ROUND : 2 * ROUND]]
    assert all(before.at < after.at for before, after in pairwise(schedule))


def test_frozen_processes_stay_frozen_past_their_lease() -> None:
    schedule = plan(2, seconds=200, mode=Mode.SQS, lease_s=6)
    frozen = [each.lasts_s for each in schedule if "frozen" in each.kind]
    assert frozen
    assert min(frozen) > 6
    assert {each.victim for each in schedule} == {0, 1, 2, 3}

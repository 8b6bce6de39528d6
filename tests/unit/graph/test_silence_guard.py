from __future__ import annotations

import pytest

from eddyline.core.clock import ManualClock
from eddyline.graph.silence_guard import SilenceGuard


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1000.0)


def _listen(guard: SilenceGuard, clock: ManualClock, seconds: int) -> None:
    for _ in range(seconds):
        clock.advance(1)
        guard.listened()


def test_silence_is_not_significant_until_the_guard_has_settled(clock: ManualClock) -> None:
    guard = SilenceGuard(gap_s=5, settle_s=10, clock=clock.now)
    assert not guard.is_silence_significant
    _listen(guard, clock, 10)
    assert not guard.is_silence_significant
    _listen(guard, clock, 1)
    assert guard.is_silence_significant


def test_after_a_gap_the_guard_must_settle_again(clock: ManualClock) -> None:
    guard = SilenceGuard(gap_s=5, settle_s=10, clock=clock.now)
    _listen(guard, clock, 20)
    clock.advance(6)
    assert not guard.is_silence_significant, "the pause was longer than a gap"
    _listen(guard, clock, 10)
    assert not guard.is_silence_significant
    _listen(guard, clock, 1)
    assert guard.is_silence_significant


def test_a_delayed_report_is_a_gap(clock: ManualClock) -> None:
    guard = SilenceGuard(gap_s=5, settle_s=10, clock=clock.now)
    _listen(guard, clock, 20)
    guard.listened(delay_s=60)
    assert not guard.is_silence_significant


def test_a_settled_guard_needs_no_time_before_the_first_gap(clock: ManualClock) -> None:
    guard = SilenceGuard(gap_s=5, settle_s=10, settled=True, clock=clock.now)
    guard.listened()
    assert guard.is_silence_significant
    clock.advance(6)
    guard.listened()
    assert not guard.is_silence_significant

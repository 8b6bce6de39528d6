from __future__ import annotations

import time

from eddyline.core.clock import Clock, ManualClock, SystemClock


def test_the_system_clock_advances() -> None:
    clock: Clock = SystemClock()
    before = clock.now()
    clock.sleep(0.01)
    assert 0.005 < clock.now() - before < 5
    assert abs(clock.now() - time.time()) < 5


def test_a_manual_clock_moves_only_on_request_and_never_waits() -> None:
    clock = ManualClock(100.0)
    started = time.monotonic()
    assert clock.now() == clock.now() == 100.0
    clock.sleep(3600)
    clock.advance(0.5)
    assert clock.now() == 3700.5
    assert time.monotonic() - started < 5

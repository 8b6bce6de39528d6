from __future__ import annotations

import pytest

from eddyline.core.clock import ManualClock
from eddyline.graph.silence_guard import SilenceGuard


@pytest.fixture
def watch() -> ManualClock:
    return ManualClock(1000.0)


def _listen(vigil: SilenceGuard, watch: ManualClock, seconds: int) -> None:
    for _ in range(seconds):
        watch.advance(1)
        vigil.heard()


def test_who_has_only_begun_to_listen_judges_nobody(watch: ManualClock) -> None:
    vigil = SilenceGuard(break_s=5, settle_s=10, clock=watch.now)
    assert not vigil.may_judge
    _listen(vigil, watch, 10)
    assert not vigil.may_judge
    _listen(vigil, watch, 1)
    assert vigil.may_judge


def test_after_a_break_everybody_gets_time_to_be_heard(watch: ManualClock) -> None:
    vigil = SilenceGuard(break_s=5, settle_s=10, clock=watch.now)
    _listen(vigil, watch, 20)
    watch.advance(6)
    assert not vigil.may_judge, "nothing was heard for too long"
    _listen(vigil, watch, 10)
    assert not vigil.may_judge
    _listen(vigil, watch, 1)
    assert vigil.may_judge


def test_who_hears_only_what_is_old_is_behind(watch: ManualClock) -> None:
    vigil = SilenceGuard(break_s=5, settle_s=10, clock=watch.now)
    _listen(vigil, watch, 20)
    vigil.heard(waited_s=60)
    assert not vigil.may_judge


def test_who_is_settled_may_judge_until_the_first_break(watch: ManualClock) -> None:
    vigil = SilenceGuard(break_s=5, settle_s=10, settled=True, clock=watch.now)
    vigil.heard()
    assert vigil.may_judge
    watch.advance(6)
    vigil.heard()
    assert not vigil.may_judge

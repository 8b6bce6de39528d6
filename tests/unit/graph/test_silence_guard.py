from __future__ import annotations

import pytest

from eddyline.graph import silence_guard as module
from eddyline.graph.silence_guard import SilenceGuard


class Watch:
    """Monotonic seconds that the test moves."""

    def __init__(self) -> None:
        self.at = 1000.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr(module, "time", made)
    return made


def _listen(vigil: SilenceGuard, watch: Watch, seconds: int) -> None:
    for _ in range(seconds):
        watch.at += 1
        vigil.heard()


def test_who_has_only_begun_to_listen_judges_nobody(watch: Watch) -> None:
    vigil = SilenceGuard(break_s=5, settle_s=10)
    assert not vigil.may_judge
    _listen(vigil, watch, 10)
    assert not vigil.may_judge
    _listen(vigil, watch, 1)
    assert vigil.may_judge


def test_after_a_break_everybody_gets_time_to_be_heard(watch: Watch) -> None:
    vigil = SilenceGuard(break_s=5, settle_s=10)
    _listen(vigil, watch, 20)
    watch.at += 6
    assert not vigil.may_judge, "nothing was heard for too long"
    _listen(vigil, watch, 10)
    assert not vigil.may_judge
    _listen(vigil, watch, 1)
    assert vigil.may_judge


def test_who_hears_only_what_is_old_is_behind(watch: Watch) -> None:
    vigil = SilenceGuard(break_s=5, settle_s=10)
    _listen(vigil, watch, 20)
    vigil.heard(waited_s=60)
    assert not vigil.may_judge


def test_who_is_settled_may_judge_until_the_first_break(watch: Watch) -> None:
    vigil = SilenceGuard(break_s=5, settle_s=10, settled=True)
    vigil.heard()
    assert vigil.may_judge
    watch.at += 6
    vigil.heard()
    assert not vigil.may_judge

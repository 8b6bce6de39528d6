from __future__ import annotations

import pytest

from eddyline.graph.ledger.orphan_detection import OrphanDetection, Running
from eddyline.graph.messages import Heartbeat

JOB = Running(job_id="a", fence=7, worker="ada", started=100.0)


def beat(at: float, *holds: str, worker: str = "ada") -> Heartbeat:
    return Heartbeat(worker=worker, host="h", pid=1, lease_s=90, at=at, holds=holds)


def heard(*beats: Heartbeat) -> list[Running]:
    vouching = OrphanDetection(after_s=60)
    vouching.hear(beats, now=1000)
    return vouching.disowned([JOB])


def test_a_job_that_no_beat_names_for_long_enough_is_disowned() -> None:
    assert heard(beat(110, "b"), beat(140), beat(170)) == [JOB]


def test_an_answer_has_time_to_arrive() -> None:
    assert heard(beat(110), beat(140), beat(169)) == []


@pytest.mark.parametrize("at", [110, 140, 175])
def test_one_word_for_the_job_is_enough(at: float) -> None:
    beats = {110.0: beat(110), 140.0: beat(140), 175.0: beat(175)}
    beats[at] = beat(at, "a", "b")
    assert heard(*beats.values()) == []


def test_beats_from_before_the_job_began_prove_nothing_however_late_they_come() -> None:
    assert heard(beat(20), beat(50), beat(90)) == []
    assert heard(beat(20), beat(90), beat(120), beat(150)) == []


def test_beats_may_come_in_any_order_and_twice() -> None:
    assert heard(beat(170), beat(110, "b"), beat(140), beat(170)) == [JOB]
    assert heard(beat(170), beat(140, "a"), beat(110)) == []


def test_a_worker_that_was_not_heard_or_does_not_say_what_it_holds_disowns_nothing() -> None:
    assert heard() == []
    assert heard(beat(110, worker="bob"), beat(170, worker="bob")) == []
    silent = [Heartbeat(worker="ada", host="h", pid=1, lease_s=90) for _ in range(3)]
    assert heard(*silent) == []


def test_a_long_life_leaves_no_long_list() -> None:
    vouching = OrphanDetection(after_s=60)
    for at in range(0, 10_000, 30):
        vouching.hear([beat(1000.0 + at, "a")], now=1000 + at)
    assert len(vouching._heard["ada"].beats) <= 4


def test_a_worker_whose_clock_is_ahead_is_not_held_to_have_left_out_what_it_has_only_begun() -> None:
    vouching = OrphanDetection(after_s=60)
    # Idle beats, by a clock that is 300 s ahead; the ledger noted the start by its own, at 100.
    for at in (330.0, 360.0, 395.0):
        vouching.hear([beat(at)], now=at - 300)
    assert vouching.disowned([JOB]) == []
    for at in (405.0, 440.0, 470.0):
        vouching.hear([beat(at)], now=at - 300)
    assert vouching.disowned([JOB]) == [JOB]

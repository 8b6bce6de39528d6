from __future__ import annotations

import pytest

from eddyline.graph.ledger.outbox.orphan_detection import OrphanDetection, StartedJob
from eddyline.graph.messages import Heartbeat

JOB = StartedJob(job_id="a", fence=7, worker="ada", started=100.0)


def heartbeat(at: float, *holds: str, worker: str = "ada") -> Heartbeat:
    return Heartbeat(worker=worker, host="h", pid=1, lease_s=90, at=at, holds=holds)


def orphaned(*heartbeats: Heartbeat) -> list[StartedJob]:
    detection = OrphanDetection(after_s=60)
    detection.add(heartbeats, now=1000)
    return detection.find_orphaned([JOB])


def test_a_job_that_all_heartbeats_omit_for_long_enough_is_orphaned() -> None:
    assert orphaned(heartbeat(110, "b"), heartbeat(140), heartbeat(170)) == [JOB]


def test_a_job_is_not_orphaned_while_its_result_may_be_on_its_way() -> None:
    assert orphaned(heartbeat(110), heartbeat(140), heartbeat(169)) == []


@pytest.mark.parametrize("at", [110, 140, 175])
def test_one_heartbeat_with_the_job_is_enough(at: float) -> None:
    beats = {110.0: heartbeat(110), 140.0: heartbeat(140), 175.0: heartbeat(175)}
    beats[at] = heartbeat(at, "a", "b")
    assert orphaned(*beats.values()) == []


def test_heartbeats_from_before_the_start_of_the_job_do_not_count() -> None:
    assert orphaned(heartbeat(20), heartbeat(50), heartbeat(90)) == []
    assert orphaned(heartbeat(20), heartbeat(90), heartbeat(120), heartbeat(150)) == []


def test_heartbeats_may_arrive_in_any_order_and_twice() -> None:
    assert orphaned(heartbeat(170), heartbeat(110, "b"), heartbeat(140), heartbeat(170)) == [JOB]
    assert orphaned(heartbeat(170), heartbeat(140, "a"), heartbeat(110)) == []


def test_without_heartbeats_that_list_jobs_no_job_is_orphaned() -> None:
    assert orphaned() == []
    assert orphaned(heartbeat(110, worker="bob"), heartbeat(170, worker="bob")) == []
    without_jobs = [Heartbeat(worker="ada", host="h", pid=1, lease_s=90) for _ in range(3)]
    assert orphaned(*without_jobs) == []


def test_only_recent_heartbeats_are_kept() -> None:
    detection = OrphanDetection(after_s=60)
    for at in range(0, 10_000, 30):
        detection.add([heartbeat(1000.0 + at, "a")], now=1000 + at)
    assert len(detection._workers["ada"].heartbeats) <= 4


def test_a_job_just_started_by_a_worker_whose_clock_is_ahead_is_not_orphaned() -> None:
    detection = OrphanDetection(after_s=60)
    # Idle heartbeats, by a clock that is 300 s ahead; the ledger recorded the start by its own, at 100.
    for at in (330.0, 360.0, 395.0):
        detection.add([heartbeat(at)], now=at - 300)
    assert detection.find_orphaned([JOB]) == []
    for at in (405.0, 440.0, 470.0):
        detection.add([heartbeat(at)], now=at - 300)
    assert detection.find_orphaned([JOB]) == [JOB]

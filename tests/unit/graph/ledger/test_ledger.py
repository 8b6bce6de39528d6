"""The behaviour of the ledger, on every dialect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.graph.ledger_helpers import (
    claim_jobs,
    done,
    failed,
    finish,
    get,
    interrupted,
    new,
    settle,
    states,
)

from eddyline.core.clock import ManualClock
from eddyline.graph.job import Done, GraphError, Link, NewJob, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.queries import Stats
from eddyline.graph.states import State

# Submitting


def test_a_job_with_open_dependencies_waits(ledger: Ledger) -> None:
    assert ledger.submit([new("a-2", "a-1"), new("a-1")]) == 2
    assert states(ledger) == {"a-1": State.READY, "a-2": State.WAITING}
    assert get(ledger, "a-2").unmet == 1
    assert get(ledger, "a-2").dependencies == ("a-1",)


def test_a_job_is_stored_as_submitted(ledger: Ledger) -> None:
    job = NewJob(
        id="x-1",
        asset="x",
        kind="chunk",
        pool="gpu",
        priority=-3,
        spec={"first": 0, "name": "Wildwasser \U0001f6f6", "deep": [1, {"two": None}]},
        weight=2.5,
        owner="ida",
        max_attempts=7,
    )
    ledger.submit([job])
    read = get(ledger, "x-1")
    for name in ("id", "asset", "kind", "pool", "priority", "spec", "weight", "owner", "max_attempts"):
        assert getattr(read, name) == getattr(job, name)
    assert (read.attempt, read.starts, read.interruptions, read.result, read.error) == (0, 0, 0, None, None)


def test_a_repeated_submission_changes_nothing(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2", "a-1")])
    finish(ledger, "a-1")
    assert ledger.submit([new("a-1", spec={"other": 1}), new("a-2", "a-1"), new("a-3", "a-1")]) == 1
    assert states(ledger) == {"a-1": State.DONE, "a-2": State.READY, "a-3": State.READY}
    assert get(ledger, "a-1").spec == {}


def test_a_dependency_that_is_done_already_is_met(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    claim = claim_jobs(ledger)[0]
    settle(ledger, claim, done())
    ledger.submit([new("a-3", "a-1"), new("a-4", "a-1", "a-2")])
    assert get(ledger, "a-3").state is State.READY
    assert (get(ledger, "a-4").state, get(ledger, "a-4").unmet) == (State.WAITING, 1)


@pytest.mark.parametrize("order", [1, -1], ids=["dependencies first", "dependencies last"])
def test_a_dependant_of_a_failed_job_is_cancelled_with_the_reason(ledger: Ledger, order: int) -> None:
    ledger.submit([new("a-1")])
    settle(ledger, claim_jobs(ledger)[0], failed(retry=False))
    ledger.submit([new("a-2", "a-1"), new("a-3", "a-2")][::order])
    assert states(ledger) == {"a-1": State.DEAD, "a-2": State.CANCELLED, "a-3": State.CANCELLED}
    error = get(ledger, "a-3").error
    assert error is not None
    assert (error["message"], error["cause"]) == ("depends on a-2, which failed because of a-1", "a-1")
    assert ledger.redrive("a-1") == ["a-1", "a-2", "a-3"]
    assert states(ledger) == {"a-1": State.READY, "a-2": State.WAITING, "a-3": State.WAITING}


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([new("a-1"), new("a-2", "a-9")], "depends on a-9, which is not a job"),
        ([new("a-1"), new("a-2", "a-3"), new("a-3", "a-2")], "in a cycle"),
        ([new("a-1"), new("a-2", "a-2")], "in a cycle"),
        ([new("a-1"), Link(job_id="a-9", dependencies=("a-1",))], "job a-9, which does not exist"),
        (
            [new("a-1"), new("a-2"), Link(job_id="a-2", dependencies=("a-8",))],
            "depends on a-8, which is not a job",
        ),
    ],
)
def test_an_invalid_graph_is_rejected_completely(
    ledger: Ledger, batch: list[NewJob | Link], message: str
) -> None:
    with pytest.raises(GraphError, match=message):
        ledger.submit(batch)
    assert ledger.jobs() == []


def test_a_spec_that_is_not_json_is_rejected(ledger: Ledger) -> None:
    with pytest.raises(GraphError, match="not JSON"):
        ledger.submit([new("a-1"), new("a-2", spec={"x": object()})])
    assert ledger.jobs() == []


def test_more_than_a_thousand_jobs_with_a_wide_fan_in_are_submitted_in_one_batch(ledger: Ledger) -> None:
    chunks = [new(f"a-{number:04d}") for number in range(1200)]
    ledger.submit([*chunks, new("a-join", *(chunk.id for chunk in chunks))])
    assert get(ledger, "a-join").unmet == 1200
    claims = claim_jobs(ledger, limit=2000)
    assert len(claims) == 1200
    assert all(ledger.settle([Settlement(job_id=c.job.id, fence=c.fence, outcome=done()) for c in claims]))
    assert get(ledger, "a-join").state is State.READY


# Claiming


def test_jobs_are_claimed_by_priority_then_readiness_then_id(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-2", priority=1), new("a-1", priority=1)])
    clock.advance(1)
    ledger.submit([new("a-0", priority=1), new("a-9", priority=0)])
    assert [claim.job.id for claim in claim_jobs(ledger, limit=9)] == ["a-9", "a-1", "a-2", "a-0"]


def test_only_jobs_of_the_given_pools_are_claimed(ledger: Ledger) -> None:
    ledger.submit([new("a-1", pool="light"), new("a-2", pool="gpu"), new("a-3", pool="cpu", priority=-1)])
    claims = ledger.claim("ada", pools=("light", "cpu"), limit=9, lease_s=5)
    assert [claim.job.id for claim in claims] == ["a-3", "a-1"]
    assert ledger.claim("ada", pools=(), limit=9, lease_s=5) == []
    assert ledger.claim("ada", pools=("gpu",), limit=0, lease_s=5) == []


def test_a_claim_counts_attempt_start_and_fence_and_records_the_lease(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1")])
    claim = claim_jobs(ledger, lease_s=12)[0]
    job = claim.job
    assert (job.state, job.attempt, job.starts, job.fence) == (State.RUNNING, 1, 1, claim.fence)
    assert (job.lease_owner, job.lease_deadline, job.started) == ("ada", clock.now() + 12, clock.now())
    assert get(ledger, "a-1") == job


def test_no_job_is_claimed_twice(ledger: Ledger) -> None:
    ledger.submit([new(f"a-{n}") for n in range(5)])
    first, second = claim_jobs(ledger, limit=3), claim_jobs(ledger, limit=3, worker="bob")
    assert sorted(claim.job.id for claim in first + second) == [f"a-{n}" for n in range(5)]
    assert claim_jobs(ledger, limit=3) == []


# Settling


def test_the_last_dependency_releases_a_job(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2"), new("a-3", "a-1", "a-2")])
    one, two = claim_jobs(ledger, limit=2)
    settle(ledger, one, done(frames=10))
    assert (get(ledger, "a-3").state, get(ledger, "a-3").unmet) == (State.WAITING, 1)
    settle(ledger, two, Done(result={}, output="keys/two"))
    assert (get(ledger, "a-3").state, get(ledger, "a-3").unmet) == (State.READY, 0)
    assert get(ledger, "a-1").result == {"frames": 10}
    assert get(ledger, "a-2").output == "keys/two"


def test_a_result_counts_once(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2", "a-1")])
    claim = claim_jobs(ledger)[0]
    settlement = Settlement(job_id="a-1", fence=claim.fence, outcome=done(first=True))
    assert ledger.settle([settlement, settlement]) == [True, False]
    assert ledger.settle([settlement]) == [False]
    assert get(ledger, "a-2").unmet == 0


def test_a_result_for_an_unknown_job_is_ignored(ledger: Ledger) -> None:
    assert ledger.settle([Settlement(job_id="a-1", fence=1, outcome=done())]) == [False]
    assert ledger.settle([]) == []


def test_a_late_result_of_a_lost_worker_is_ignored(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1")])
    late = claim_jobs(ledger, worker="lost", lease_s=5)[0]
    clock.advance(6)
    assert list(ledger.expire_leases().jobs) == ["a-1"]
    assert not settle(ledger, late, done(who="lost"))
    current = claim_jobs(ledger)[0]
    assert current.fence > late.fence
    assert not settle(ledger, late, failed(retry=False))
    assert settle(ledger, current, done(who="ada"))
    assert get(ledger, "a-1").result == {"who": "ada"}


def test_a_failed_job_is_retried_after_a_growing_backoff(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1")])
    pauses = []
    for _ in range(3):
        settle(ledger, claim_jobs(ledger)[0], failed())
        job = get(ledger, "a-1")
        assert (job.state, job.error) == (State.READY, failed().error)
        assert claim_jobs(ledger) == []
        assert job.ready_at is not None
        pauses.append(job.ready_at - clock.now())
        clock.advance(pauses[-1])
    for pause, maximum in zip(pauses, (1, 3, 9), strict=True):
        assert 0.75 * maximum <= pause <= maximum


def test_a_job_without_attempts_left_is_dead_with_its_last_error(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1", max_attempts=2)])
    for _ in range(2):
        clock.advance(400)
        settle(ledger, claim_jobs(ledger)[0], failed())
    job = get(ledger, "a-1")
    assert (job.state, job.attempt, job.starts) == (State.DEAD, 2, 2)
    assert job.error == {**failed().error, "buried": "failed 2 of 2 attempts"}
    assert job.finished == clock.now()


def test_an_interruption_spends_no_attempt_and_the_job_is_ready_at_once(ledger: Ledger) -> None:
    ledger.submit([new("a-1", max_attempts=1)])
    for _ in range(20):
        assert settle(ledger, claim_jobs(ledger)[0], interrupted())
    job = get(ledger, "a-1")
    assert (job.state, job.attempt, job.starts, job.interruptions) == (State.READY, 0, 20, 20)
    assert ledger.stats("a") == Stats(interruptions=20, redone=19)


def test_a_job_whose_result_is_not_json_is_dead_and_other_jobs_are_settled(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    one, two = claim_jobs(ledger, limit=2)
    outcomes = [Done(result={"x": object()}), done()]
    settlements = [
        Settlement(job_id=c.job.id, fence=c.fence, outcome=o)
        for c, o in zip((one, two), outcomes, strict=True)
    ]
    assert ledger.settle(settlements) == [True, True]
    assert states(ledger) == {"a-1": State.DEAD, "a-2": State.DONE}
    error = get(ledger, "a-1").error
    assert error is not None
    assert "not JSON" in error["message"]


def test_an_error_that_is_not_json_is_stored_as_text(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    details = {"path": Path("/x")}
    ledger.settle(
        [
            Settlement(
                job_id="a-1",
                fence=claim_jobs(ledger)[0].fence,
                outcome=failed().__class__(error=details, retry=False),
            )
        ]
    )
    error = get(ledger, "a-1").error
    assert error is not None
    assert "/x" in error["message"]


# Spawning


def test_spawned_jobs_are_added_before_the_dependants_of_the_spawning_job_are_released(
    ledger: Ledger,
) -> None:
    ledger.submit([new("a-plan"), new("a-publish", "a-plan")])
    spawn = (
        new("a-c0", "a-plan"),
        new("a-c1"),
        new("a-join", "a-c0", "a-c1"),
        Link(job_id="a-publish", dependencies=("a-join",)),
    )
    settle(ledger, claim_jobs(ledger)[0], done(*spawn))
    assert states(ledger) == {
        "a-plan": State.DONE,
        "a-publish": State.WAITING,
        "a-c0": State.READY,
        "a-c1": State.READY,
        "a-join": State.WAITING,
    }
    assert get(ledger, "a-publish").unmet == 1
    finish(ledger, "a-c0", "a-c1")
    finish(ledger, "a-join")
    finish(ledger, "a-publish")
    assert ledger.counts("a")[State.DONE] == 5


def test_spawning_the_same_jobs_again_changes_nothing(ledger: Ledger) -> None:
    spawn = (new("a-c0"), Link(job_id="a-end", dependencies=("a-c0",)))
    ledger.submit([new("a-p1"), new("a-p2"), new("a-end", "a-p1", "a-p2")])
    one, two = claim_jobs(ledger, limit=2)
    assert settle(ledger, one, done(*spawn))
    assert settle(ledger, two, done(*spawn))
    assert get(ledger, "a-end").unmet == 1
    finish(ledger, "a-c0")
    assert get(ledger, "a-end").state is State.READY


@pytest.mark.parametrize(
    ("spawn", "message"),
    [
        ((new("a-x", "nowhere"),), "not a job"),
        ((new("a-x", "a-end"), Link(job_id="a-end", dependencies=("a-x",))), "depend on itself"),
        ((Link(job_id="a-end", dependencies=("a-end",)),), "depend on itself"),
        (
            (new("a-x"), Link(job_id="a-go", dependencies=("a-x",))),
            "is ready: it cannot get further dependencies",
        ),
    ],
)
def test_a_job_that_spawns_an_invalid_graph_is_dead_and_adds_nothing(
    ledger: Ledger, spawn: tuple[NewJob | Link, ...], message: str
) -> None:
    ledger.submit([new("a-plan", priority=-1), new("a-go"), new("a-end", "a-plan")])
    claim = claim_jobs(ledger)[0]
    assert settle(ledger, claim, done(*spawn))
    assert states(ledger) == {
        "a-plan": State.DEAD,
        "a-go": State.READY,
        "a-end": State.CANCELLED,
    }
    error = get(ledger, "a-plan").error
    assert error is not None
    assert message in error["message"]


def test_a_link_to_a_failed_job_cancels_the_linked_job_and_its_dependants(ledger: Ledger) -> None:
    ledger.submit([new("a-bad", priority=-2), new("a-plan", priority=-1), new("a-end", "a-plan")])
    ledger.submit([new("a-after", "a-end")])
    settle(ledger, claim_jobs(ledger)[0], failed(retry=False))
    settle(ledger, claim_jobs(ledger)[0], done(Link(job_id="a-end", dependencies=("a-bad",))))
    assert states(ledger)["a-end"] is State.CANCELLED
    assert states(ledger)["a-after"] is State.CANCELLED
    assert ledger.redrive("a-bad") == ["a-after", "a-bad", "a-end"]
    finish(ledger, "a-bad")
    finish(ledger, "a-end")
    finish(ledger, "a-after")


# Failing, cancelling, redriving


def test_dependants_of_a_dead_job_are_cancelled_and_other_assets_continue(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2", "a-1"), new("a-3", "a-2"), new("b-1"), new("b-2", "b-1")])
    settle(ledger, claim_jobs(ledger)[0], failed(retry=False))
    assert states(ledger) == {
        "a-1": State.DEAD,
        "a-2": State.CANCELLED,
        "a-3": State.CANCELLED,
        "b-1": State.READY,
        "b-2": State.WAITING,
    }
    error = get(ledger, "a-2").error
    assert error is not None
    assert (error["error"], error["message"], error["need"]) == (
        "NeedFailed",
        "depends on a-1, which failed",
        "a-1",
    )
    assert not ledger.has_open("a")
    assert ledger.has_open("b")
    assert ledger.has_open()


def test_an_optional_dependency_may_fail(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2", optional=("a-1",)), new("a-3", "a-2")])
    settle(ledger, claim_jobs(ledger)[0], failed(retry=False))
    assert states(ledger) == {"a-1": State.DEAD, "a-2": State.READY, "a-3": State.WAITING}
    assert get(ledger, "a-2").optional == ("a-1",)
    ledger.submit([new("a-4", optional=("a-1",))])
    assert states(ledger)["a-4"] is State.READY


def test_an_optional_dependency_that_is_redriven_after_its_failure_is_met_only_once(ledger: Ledger) -> None:
    ledger.submit([new("a-1", priority=-1), new("a-0"), new("a-2", "a-0", optional=("a-1",))])
    settle(ledger, claim_jobs(ledger)[0], failed(retry=False))
    assert get(ledger, "a-2").unmet == 1
    assert ledger.redrive("a-1") == ["a-1"]
    settle(ledger, claim_jobs(ledger)[0], done())
    assert get(ledger, "a-2").unmet == 1
    finish(ledger, "a-0")
    assert get(ledger, "a-2").state is State.READY


def test_a_redrive_resets_the_attempts_and_reopens_cancelled_dependants(ledger: Ledger) -> None:
    ledger.submit([new("a-1", max_attempts=1), new("a-2", "a-1"), new("a-3", "a-2")])
    settle(ledger, claim_jobs(ledger)[0], failed())
    assert ledger.redrive("a-1") == ["a-1", "a-2", "a-3"]
    job = get(ledger, "a-1")
    assert (job.state, job.attempt, job.starts, job.error) == (State.READY, 0, 1, None)
    for name in ("a-1", "a-2", "a-3"):
        finish(ledger, name)
    assert ledger.stats("a").redone == 1


def test_a_dependant_of_two_failed_jobs_is_reopened_after_both_are_redriven(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2"), new("a-3", "a-1", "a-2"), new("a-4", "a-3")])
    for claim in claim_jobs(ledger, limit=2):
        settle(ledger, claim, failed(retry=False))
    assert ledger.redrive("a-1") == ["a-1"]
    error = get(ledger, "a-4").error
    assert error is not None
    assert error["cause"] == "a-2"
    assert ledger.redrive("a-2") == ["a-2", "a-3", "a-4"]
    finish(ledger, "a-1", "a-2")
    finish(ledger, "a-3")
    finish(ledger, "a-4")


def test_a_redrive_ignores_jobs_that_are_neither_dead_nor_cancelled_by_command(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2", "a-1"), new("a-3")])
    settle(ledger, claim_jobs(ledger)[0], failed(retry=False))
    assert ledger.redrive("a-2", "a-3", "nothing") == []
    assert states(ledger) == {"a-1": State.DEAD, "a-2": State.CANCELLED, "a-3": State.READY}


def test_cancelling_an_asset_cancels_its_open_jobs(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2"), new("a-3", "a-2"), new("b-1"), new("b-2", "a-3")])
    running = claim_jobs(ledger, limit=2)
    settle(ledger, running[0], done())
    assert ledger.cancel(asset="a", reason="not wanted") == ["a-2", "a-3"]
    assert states(ledger) == {
        "a-1": State.DONE,
        "a-2": State.CANCELLED,
        "a-3": State.CANCELLED,
        "b-1": State.READY,
        "b-2": State.CANCELLED,
    }
    assert not settle(ledger, running[1], done())
    error = get(ledger, "a-2").error
    assert error is not None
    assert error["message"] == "not wanted"
    assert ledger.held_jobs("ada") == {}


def test_cancelled_jobs_can_be_redriven(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2", "a-1"), new("b-1", "a-2")])
    ledger.cancel(asset="a")
    assert ledger.redrive("a-1", "a-2") == ["a-1", "a-2", "b-1"]
    for name in ("a-1", "a-2", "b-1"):
        finish(ledger, name)


def test_cancelling_a_job_cancels_only_its_dependants(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2"), new("a-3", "a-2")])
    assert ledger.cancel(job="a-2") == ["a-2"]
    assert ledger.cancel(job="a-2") == []
    assert ledger.cancel() == []
    assert states(ledger) == {"a-1": State.READY, "a-2": State.CANCELLED, "a-3": State.CANCELLED}


# Leases


def test_a_heartbeat_extends_the_lease_and_returns_the_held_jobs(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    claim = claim_jobs(ledger, lease_s=5)[0]
    for _ in range(4):
        clock.advance(4)
        assert ledger.heartbeat("ada", 5) == {claim.job.id: claim.fence}
        assert list(ledger.expire_leases().jobs) == []
    clock.advance(6)
    assert list(ledger.expire_leases().jobs) == [claim.job.id]
    assert ledger.heartbeat("ada", 5) == {}


def test_jobs_of_a_lost_worker_are_ready_at_once_with_no_attempt_spent(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    claim_jobs(ledger, limit=2, worker="lost", lease_s=5)
    clock.advance(6)
    assert list(ledger.expire_leases().jobs) == ["a-1", "a-2"]
    assert list(ledger.expire_leases().jobs) == []
    assert [claim.job.attempt for claim in claim_jobs(ledger, limit=2)] == [1, 1]
    assert ledger.stats() == Stats(interruptions=2, redone=2)


def test_a_job_that_loses_its_worker_every_time_is_quarantined(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1"), new("a-2", "a-1")])
    for number in range(5):
        assert get(ledger, "a-1").state is State.READY
        claim_jobs(ledger, worker=f"w{number}", lease_s=5)
        clock.advance(6)
        ledger.expire_leases()
    job = get(ledger, "a-1")
    assert job.state is State.DEAD
    assert job.error is not None
    assert job.error["buried"] == "kills its worker"
    assert get(ledger, "a-2").state is State.CANCELLED


def test_only_consecutive_losses_count(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1")])
    for _ in range(3):
        for number in range(4):
            claim_jobs(ledger, worker=f"w{number}", lease_s=5)
            clock.advance(6)
            ledger.expire_leases()
        settle(ledger, claim_jobs(ledger)[0], interrupted())
    assert get(ledger, "a-1").state is State.READY


def test_the_number_of_losses_of_a_poison_job_can_be_set(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(poison_after=1)
    ledger.submit([new("a-1")])
    claim_jobs(ledger)
    assert ledger.release_worker("ada") == 1
    assert get(ledger, "a-1").state is State.DEAD


def test_jobs_of_a_released_worker_are_ready_at_once(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2"), new("a-3")])
    claims = claim_jobs(ledger, limit=2)
    claim_jobs(ledger, worker="bob")
    assert ledger.release_worker("ada") == 2
    assert ledger.release_worker("ada") == 0
    assert ledger.counts()[State.RUNNING] == 1
    assert not settle(ledger, claims[0], done())


def test_workers_can_be_listed(ledger: Ledger, clock: ManualClock) -> None:
    ledger.register("ada", "host", 12, 7.0)
    ledger.register("ada", "host", 13, 7.0)
    [worker] = ledger.workers()
    assert (worker.name, worker.host, worker.pid, worker.deadline) == ("ada", "host", 13, clock.now() + 7)
    clock.advance(8)
    ledger.expire_leases()
    assert ledger.workers() == []


# Reading


def test_the_next_wakeup_is_the_next_due_job_or_lease(ledger: Ledger, clock: ManualClock) -> None:
    assert ledger.next_wakeup() is None
    ledger.submit([new("a-1")])
    assert ledger.next_wakeup() == clock.now()
    assert ledger.next_wakeup(["gpu"]) is None
    claim = claim_jobs(ledger, lease_s=30)[0]
    assert ledger.next_wakeup() == clock.now() + 30
    settle(ledger, claim, failed())
    assert ledger.next_wakeup(["cpu"]) == get(ledger, "a-1").ready_at


def test_jobs_are_found_by_asset_state_and_kind(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2", kind="join"), new("b-1"), new("b-2", "b-1")])
    assert [job.id for job in ledger.jobs(asset="a")] == ["a-1", "a-2"]
    assert [job.id for job in ledger.jobs(kind="join")] == ["a-2"]
    assert [job.id for job in ledger.jobs(state=State.WAITING)] == ["b-2"]
    assert [job.id for job in ledger.jobs("b", State.READY, "work")] == ["b-1"]
    assert ledger.job("c") is None


def test_weights_are_summed_by_state(ledger: Ledger) -> None:
    ledger.submit([new("a-1", weight=2.5), new("a-2", weight=4), new("a-3", "a-1", weight=1)])
    assert ledger.weights("a")[State.READY] == 6.5
    assert ledger.weights()[State.WAITING] == 1
    assert ledger.weights("b")[State.DONE] == 0


def test_listeners_are_called_after_changes_until_they_unsubscribe(ledger: Ledger) -> None:
    calls: list[int] = []
    unsubscribe = ledger.subscribe(lambda: calls.append(1))
    ledger.submit([new("a-1")])
    assert len(calls) == 1
    ledger.cancel(job="a-1")
    assert len(calls) == 2
    unsubscribe()
    unsubscribe()
    ledger.submit([new("a-2")])
    assert len(calls) == 2


def test_two_ledgers_on_one_database_share_all_jobs(open_ledger: Callable[..., Ledger]) -> None:
    one, two = open_ledger(), open_ledger()
    one.submit([new("a-1")])
    claim = claim_jobs(two)[0]
    assert settle(one, claim, done())
    assert get(two, "a-1").state is State.DONE


def test_a_worker_that_holds_jobs_is_not_deregistered(ledger: Ledger) -> None:
    ledger.register("w", "here", 1)
    ledger.submit([NewJob(id="a-1", asset="a", kind="work", spec={})])
    (claim,) = ledger.claim("w", pools=("cpu",), limit=1, lease_s=30)
    ledger.deregister("w")
    assert [worker.name for worker in ledger.workers()] == ["w"]
    ledger.settle([Settlement(job_id="a-1", fence=claim.fence, outcome=Done(result={}))])
    ledger.deregister("w")
    assert ledger.workers() == []

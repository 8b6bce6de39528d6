"""A real worker that receives a notice of its end finishes what it can and hands back the rest."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from tests.waiting import wait_until

from eddyline.core.clock import Clock, ManualClock
from eddyline.core.errors import Interrupted, TransientError, UsageError
from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop
from eddyline.fleet.drain.broker import DrainingBroker
from eddyline.fleet.drain.choice import DrainRules
from eddyline.fleet.drain.controller import DrainController
from eddyline.fleet.drain.policy import DrainActions, DrainPhase, DrainState
from eddyline.fleet.notices import Notice, NoticeKind, drain_command_notice, sigterm_notice
from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import Claim, Done, Job, NewJob, Outcome, Settlement
from eddyline.graph.job import Interrupted as InterruptedOutcome
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.graph.worker.worker import Worker

RULES = DrainRules(margin_s=0.3)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", rng=random.Random(1)) as opened:
        yield opened


def _jobs(*names: str, kind: str = "work", weight: float = 100.0) -> list[NewJob]:
    return [NewJob(id=name, asset="a", kind=kind, spec={}, weight=weight) for name in names]


class WorkerRunner:
    """Runs a worker with a drain controller in a thread. The id of a job determines its behaviour.

    `quick-*` ends immediately, `frames-S-*` reports the progress of frames for S seconds, `silent-*` reports
    no progress and waits for the stop request, `stuck-*` also ignores the stop request.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        name: str = "ada",
        slots: int = 2,
        rules: DrainRules = RULES,
        clock: Clock | None = None,
        broker: Broker | None = None,
        instance: str = "",
        busy: Callable[[bool], None] = lambda _busy: None,
    ) -> None:
        self.stop = Stop()
        self.events: list[WorkerEvent] = []
        self.actions: list[DrainActions] = []
        self.release = threading.Event()
        self.working: set[str] = set()
        self.ended_at = 0.0
        self.controller = DrainController(
            broker or DirectBroker(ledger),
            stop=self.stop,
            rules=rules,
            clock=clock,
            on_actions=self._record,
            instance=instance,
            busy=busy,
        )
        self.worker = Worker(
            name,
            self.controller.broker,
            self.controller.wrap_handlers({"work": self._work}),
            slots=slots,
            pools=("cpu",),
            stop=self.stop,
            on_event=self.events.append,
        )
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _record(self, actions: DrainActions, _state: DrainState) -> None:
        self.actions.append(actions)

    def _run(self) -> None:
        self.worker.run()
        self.ended_at = time.time()

    def _work(self, job: Job, context: JobContext) -> Done:
        self.working.add(job.id)
        behaviour, *rest = job.id.split("-")
        if behaviour == "frames":
            seconds = float(rest[0])
            for done in range(1, 51):
                if context.stop.wait(seconds / 50):
                    context.stop.check()
                context.progress(done / 50)
        elif behaviour == "silent":
            assert context.stop.wait(20)
            context.stop.check()
        elif behaviour == "stuck":
            self.release.wait(20)
        return Done(result={"by": "ada"})

    def started(self, *names: str) -> None:
        """Wait until the handlers of these jobs run. Their start events precede that."""
        wait_until(lambda: self.working.issuperset(names))

    def event_kinds(self, name: str) -> list[WorkerEventKind]:
        return [e.kind for e in self.events if e.job.id == name and e.kind != WorkerEventKind.PROGRESS]

    def join(self, seconds: float = 20.0) -> WorkerRunner:
        self.thread.join(seconds)
        assert not self.thread.is_alive()
        self.release.set()
        self.controller.close()
        return self


def _spot(seconds: float) -> Notice:
    now = time.time()
    return Notice(kind=NoticeKind.INTERRUPTION, at=now, deadline=now + seconds, reason="Spot interruption")


def test_jobs_that_end_in_time_are_finished_and_others_are_handed_back_immediately(ledger: Ledger) -> None:
    ledger.submit(_jobs("frames-0.8-a", "frames-60-b", "quick-later"))
    ledger.submit(_jobs("quick-never"))
    runner = WorkerRunner(ledger, slots=2)
    runner.started("frames-0.8-a")
    wait_until(
        lambda: sum(e.kind is WorkerEventKind.PROGRESS and e.fraction > 0.1 for e in runner.events) > 0
    )
    runner.controller.apply(_spot(4.0))
    runner.join()
    by = {job.id: job for job in ledger.jobs()}
    assert by["frames-0.8-a"].state is State.DONE
    assert (by["frames-60-b"].state, by["frames-60-b"].attempt) == (State.READY, 0)
    assert runner.event_kinds("frames-60-b") == [WorkerEventKind.STARTED, WorkerEventKind.INTERRUPTED]


def test_another_worker_claims_a_job_that_was_handed_back_while_the_first_finishes_the_others(
    ledger: Ledger,
) -> None:
    ledger.submit(_jobs("frames-1.5-a", "silent-b"))
    runner = WorkerRunner(ledger)
    runner.started("frames-1.5-a", "silent-b")
    wait_until(
        lambda: sum(e.kind is WorkerEventKind.PROGRESS and e.fraction > 0.1 for e in runner.events) > 0
    )
    runner.controller.apply(_spot(5.0))
    applied_at = time.monotonic()
    other = DirectBroker(ledger)
    claims: list[Claim] = []
    while not claims:
        claims = other.claim("bob", pools=("cpu",), limit=1, lease_s=30)
        assert time.monotonic() - applied_at < 20
    elapsed = time.monotonic() - applied_at
    assert [claim.job.id for claim in claims] == ["silent-b"]
    assert claims[0].job.attempt == 1
    assert elapsed < 4
    assert runner.thread.is_alive()
    runner.join()
    finished = ledger.job("frames-1.5-a")
    assert finished is not None
    assert finished.state is State.DONE


def test_an_interruption_is_not_a_failure(ledger: Ledger) -> None:
    ledger.submit(_jobs("silent-a"))
    for count in range(1, 8):  # more often than a job may fail
        runner = WorkerRunner(ledger)
        runner.started("silent-a")
        runner.controller.apply(_spot(1.0))
        runner.join()
        job = ledger.job("silent-a")
        assert job is not None
        assert (job.state, job.attempt, job.interruptions, job.error) == (State.READY, 0, count, None)


def test_a_worker_with_a_stuck_job_ends_before_its_deadline(ledger: Ledger) -> None:
    ledger.submit(_jobs("stuck-a"))
    runner = WorkerRunner(ledger)
    runner.started("stuck-a")
    deadline = time.time() + 2.5
    runner.controller.apply(Notice(kind=NoticeKind.INTERRUPTION, at=time.time(), deadline=deadline))
    runner.join()
    assert runner.ended_at < deadline
    job = ledger.job("stuck-a")
    assert job is not None
    assert (job.state, job.interruptions) == (State.READY, 1)


def test_no_job_is_lost_when_many_notices_arrive_concurrently(ledger: Ledger) -> None:
    names = [f"frames-0.4-{n}" for n in range(6)]
    ledger.submit(_jobs(*names))
    runner = WorkerRunner(ledger)
    runner.started("frames-0.4-0")
    notice = _spot(2.0)

    def repeat() -> None:
        for _ in range(151):
            runner.controller.apply(notice)
            runner.controller.apply(sigterm_notice(time.time()))
            runner.controller.apply(Notice(kind=NoticeKind.REBALANCE, at=time.time()))

    threads = [threading.Thread(target=repeat) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runner.join()
    states = [job.state for job in ledger.jobs()]
    assert set(states) <= {State.DONE, State.READY}
    assert ledger.workers() == [] or not ledger.held_jobs("ada")
    finished = [event.job.id for event in runner.events if event.kind is WorkerEventKind.FINISHED]
    assert len(finished) == states.count(State.DONE) == len(set(finished))


def test_a_worker_finishes_all_its_jobs_after_a_drain_command(ledger: Ledger) -> None:
    ledger.submit(_jobs("frames-0.6-a", "frames-0.6-b", "quick-later"))
    runner = WorkerRunner(ledger)
    runner.started("frames-0.6-a", "frames-0.6-b")
    runner.controller.apply(drain_command_notice(time.time(), "maintenance"))
    runner.join()
    assert {job.id for job in ledger.jobs(state=State.DONE)} == {"frames-0.6-a", "frames-0.6-b"}
    assert runner.stop.reason == "maintenance"


def test_after_sigterm_a_job_that_ends_in_time_is_finished(ledger: Ledger) -> None:
    ledger.submit(_jobs("frames-0.5-a"))
    runner = WorkerRunner(ledger)
    runner.started("frames-0.5-a")
    wait_until(lambda: sum(e.fraction > 0.1 for e in runner.events) > 0)
    runner.controller.apply(sigterm_notice(time.time()))
    runner.join()
    assert runner.event_kinds("frames-0.5-a") == [WorkerEventKind.STARTED, WorkerEventKind.FINISHED]


def test_a_notice_about_another_machine_is_ignored(ledger: Ledger) -> None:
    ledger.submit(_jobs("quick-a"))
    runner = WorkerRunner(ledger, instance="i-0123456789abcdef0")
    foreign = Notice(kind=NoticeKind.INTERRUPTION, at=0, deadline=0, instance="i-0fedcba9876543210")
    runner.controller.apply(foreign)
    wait_until(lambda: ledger.jobs(state=State.DONE))
    assert runner.controller.state == DrainState()
    runner.controller.apply(drain_command_notice(time.time(), "enough"))
    runner.join()


def test_a_long_job_claimed_before_the_notice_is_not_started(ledger: Ledger) -> None:
    ledger.submit(_jobs("silent-a"))
    controller = DrainController(DirectBroker(ledger), stop=Stop(), rules=RULES)
    ran: list[str] = []

    def record(job: Job, _context: JobContext) -> Done:
        ran.append(job.id)
        return Done(result={})

    (claim,) = controller.broker.claim("ada", pools=("cpu",), limit=1, lease_s=30)
    controller.apply(_spot(5.0))
    context = JobContext(attempt=1)
    with pytest.raises(Interrupted, match="would not end in time"):
        controller.wrap_handlers({"work": record})["work"](claim.job, context)
    assert ran == []
    controller.close()


def test_a_short_job_claimed_before_the_notice_is_done(ledger: Ledger) -> None:
    ledger.submit(_jobs("quick-a", "quick-b"))
    controller = DrainController(DirectBroker(ledger), stop=Stop(), rules=RULES)

    def work(job: Job, _context: JobContext) -> Done:
        time.sleep(0.5 if job.id == "quick-a" else 0)  # the known rate is lower than that of the second job
        return Done(result={})

    handler = controller.wrap_handlers({"work": work})["work"]
    first, second = controller.broker.claim("ada", pools=("cpu",), limit=2, lease_s=30)
    handler(first.job, JobContext(attempt=1))
    controller.apply(_spot(20.0))
    assert handler(second.job, JobContext(attempt=1)) == Done(result={})
    controller.close()


def test_a_job_that_does_not_stop_is_handed_back_and_its_late_result_is_ignored(ledger: Ledger) -> None:
    ledger.submit(_jobs("stuck-a", "frames-2-b"))
    runner = WorkerRunner(ledger)
    runner.started("stuck-a", "frames-2-b")
    wait_until(lambda: sum(e.fraction > 0.1 for e in runner.events) > 0)
    runner.controller.apply(_spot(6.0))
    other = DirectBroker(ledger)
    wait_until(lambda: other.seconds_until_due(("cpu",)) is not None and ledger.jobs(state=State.READY))
    claims = other.claim("bob", pools=("cpu",), limit=1, lease_s=30)
    assert runner.thread.is_alive()
    assert other.settle(
        [Settlement(job_id="stuck-a", fence=claims[0].fence, outcome=Done(result={"by": "bob"}))]
    ) == [True]
    runner.release.set()  # its result is late
    runner.join()
    by = {job.id: job for job in ledger.jobs()}
    assert by["stuck-a"].result == {"by": "bob"}
    assert by["frames-2-b"].state is State.DONE
    assert runner.event_kinds("stuck-a") == [WorkerEventKind.STARTED, WorkerEventKind.INTERRUPTED]


def test_jobs_are_handed_back_at_exit_if_the_broker_was_unavailable_before(ledger: Ledger) -> None:
    class FailingBroker(DirectBroker):
        failures = 0

        def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
            if threading.current_thread().name == "drain-tasks":
                self.failures += 1
                raise TransientError("no network")
            return super().settle(settlements)

    broker = FailingBroker(ledger)
    ledger.submit(_jobs("silent-a"))
    runner = WorkerRunner(ledger, broker=broker)
    runner.started("silent-a")
    runner.controller.apply(_spot(5.0))
    runner.join()
    assert broker.failures == 1
    (job,) = ledger.jobs()
    assert (job.state, job.interruptions) == (State.READY, 1)


def test_child_processes_end_with_their_job(ledger: Ledger) -> None:
    ledger.submit(_jobs("child"))
    stop = Stop()
    controller = DrainController(DirectBroker(ledger), stop=stop, rules=RULES)
    started = threading.Event()

    def sleep(_job: Job, context: JobContext) -> Done:
        started.set()
        Runner(stop=context.stop).run(("/bin/sleep", "30"))
        return Done(result={})

    worker = Worker(
        "ada",
        controller.broker,
        controller.wrap_handlers({"work": sleep}),
        slots=1,
        pools=("cpu",),
        stop=stop,
    )
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    assert started.wait(10)
    applied_at = time.monotonic()
    controller.apply(_spot(30.0))
    thread.join(10)
    assert not thread.is_alive()
    assert time.monotonic() - applied_at < 12
    assert [job.state for job in ledger.jobs()] == [State.READY]
    controller.close()


class ShiftedClock:
    """The system clock plus an offset."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def now(self) -> float:
        return time.time() + self.offset_s

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def test_a_worker_at_risk_claims_no_jobs_until_the_recommendation_expires(ledger: Ledger) -> None:
    clock = ShiftedClock()
    runner = WorkerRunner(ledger, clock=clock)
    runner.controller.apply(Notice(kind=NoticeKind.REBALANCE, at=clock.now()))
    wait_until(lambda: runner.actions)
    assert runner.actions[-1].phase is DrainPhase.AT_RISK
    ledger.submit(_jobs("quick-a"))
    time.sleep(0.5)
    assert [job.state for job in ledger.jobs()] == [State.READY]
    assert runner.thread.is_alive()
    clock.offset_s = RULES.rebalance_s + 1
    wait_until(lambda: ledger.jobs(state=State.DONE))
    runner.controller.apply(drain_command_notice(clock.now(), "enough"))
    runner.join()


def test_a_recommendation_dated_in_the_future_applies_from_now(ledger: Ledger) -> None:
    controller = DrainController(DirectBroker(ledger), stop=Stop(), rules=RULES)
    now = time.time()
    controller.apply(Notice(kind=NoticeKind.REBALANCE, at=now + 1e8))
    assert controller.state.avoid_until is not None
    assert abs(controller.state.avoid_until - now - RULES.rebalance_s) < 60
    controller.close()


def test_after_sigterm_a_long_job_runs_until_a_scale_in_could_be_noticed(ledger: Ledger) -> None:
    ledger.submit(_jobs("frames-3-a"))
    rules = DrainRules(margin_s=0.3, container_stop_s=1.5, scale_in_s=60.0, scale_in_wait_s=1.0)
    runner = WorkerRunner(ledger, rules=rules)
    runner.started("frames-3-a")
    runner.controller.apply(sigterm_notice(time.time()))
    time.sleep(0.6)
    runner.controller.apply(Notice(kind=NoticeKind.SCALE_IN, at=time.time()))
    runner.join()
    assert [job.state for job in ledger.jobs()] == [State.DONE]


def test_after_sigterm_a_long_job_is_handed_back_if_no_scale_in_follows(ledger: Ledger) -> None:
    ledger.submit(_jobs("frames-9-a"))
    rules = DrainRules(margin_s=0.3, container_stop_s=4.0, scale_in_s=60.0, scale_in_wait_s=1.0)
    runner = WorkerRunner(ledger, rules=rules)
    runner.started("frames-9-a")
    began = time.monotonic()
    runner.controller.apply(sigterm_notice(time.time()))
    runner.join()
    assert 0.9 < time.monotonic() - began < 4.0
    assert [(job.state, job.interruptions) for job in ledger.jobs()] == [(State.READY, 1)]


def test_a_worker_at_risk_claims_jobs_that_no_other_worker_claims(ledger: Ledger) -> None:
    rules = DrainRules(starving_s=0.5)
    runner = WorkerRunner(ledger, rules=rules)
    runner.controller.apply(Notice(kind=NoticeKind.REBALANCE, at=time.time()))
    wait_until(lambda: runner.actions)
    ledger.submit(_jobs("quick-a"))
    wait_until(lambda: ledger.jobs(state=State.DONE))
    runner.controller.apply(drain_command_notice(time.time(), "enough"))
    runner.join()


def test_a_worker_at_risk_on_queues_claims_jobs_periodically(ledger: Ledger) -> None:
    class BrokerWithoutDueTime(DirectBroker):
        def seconds_until_due(self, pools: Sequence[str]) -> float | None:
            assert pools
            return None

    runner = WorkerRunner(
        ledger, broker=BrokerWithoutDueTime(ledger), rules=DrainRules(starving_s=4.0, probe_s=2.5)
    )
    runner.controller.apply(Notice(kind=NoticeKind.REBALANCE, at=time.time()))
    wait_until(lambda: runner.actions)
    ledger.submit(_jobs("quick-a"))
    wait_until(lambda: ledger.jobs(state=State.DONE))
    assert [actions.accepts_jobs for actions in runner.actions][:2] == [False, True]
    runner.controller.apply(drain_command_notice(time.time(), "enough"))
    runner.join()


def test_a_worker_at_risk_rarely_polls_for_due_jobs(ledger: Ledger) -> None:
    polls = 0

    class CountingBroker(DirectBroker):
        def seconds_until_due(self, pools: Sequence[str]) -> float | None:
            nonlocal polls
            polls += 1
            return super().seconds_until_due(pools)

    runner = WorkerRunner(ledger, broker=CountingBroker(ledger))
    runner.controller.apply(Notice(kind=NoticeKind.REBALANCE, at=time.time()))
    wait_until(lambda: runner.actions)
    ledger.submit(_jobs("quick-a"))  # due, but not claimed: the worker must not spin
    polls = 0
    time.sleep(1.0)
    assert polls <= 3
    runner.controller.apply(drain_command_notice(time.time(), "enough"))
    runner.join()


def test_busy_is_reported_at_the_first_job_and_after_the_last(ledger: Ledger) -> None:
    reported: list[bool] = []
    ledger.submit(_jobs("frames-0.3-a", "frames-0.5-b"))
    runner = WorkerRunner(ledger, busy=reported.append)
    wait_until(lambda: len(ledger.jobs(state=State.DONE)) == 2)
    assert reported == [True, False]
    runner.controller.apply(drain_command_notice(time.time(), "enough"))
    runner.join()


def test_busy_ends_after_a_job_fails(ledger: Ledger) -> None:
    reported: list[bool] = []
    controller = DrainController(DirectBroker(ledger), stop=Stop(), busy=reported.append)
    ledger.submit(_jobs("a"))
    (claim,) = controller.broker.claim("ada", pools=("cpu",), limit=1, lease_s=30)

    def fail(_job: Job, _context: JobContext) -> Done:
        raise UsageError("on purpose")

    with pytest.raises(UsageError, match="on purpose"):
        controller.wrap_handlers({"work": fail})["work"](claim.job, JobContext(attempt=1))
    assert reported == [True, False]
    controller.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_stops_if_its_drain_controller_fails(ledger: Ledger) -> None:
    def fail(_actions: DrainActions, _state: DrainState) -> None:
        raise ZeroDivisionError

    stop = Stop()
    controller = DrainController(DirectBroker(ledger), stop=stop, on_actions=fail)
    controller.apply(Notice(kind=NoticeKind.REBALANCE, at=time.time()))
    assert stop.wait(5)
    assert "the drain controller failed" in stop.reason
    controller.close()


def test_a_worker_ends_before_its_deadline_although_its_broker_hangs(ledger: Ledger) -> None:
    release = threading.Event()

    class HangingBroker(DirectBroker):
        def seconds_until_due(self, pools: Sequence[str]) -> float | None:
            if threading.current_thread().name == "drain-tasks":
                release.wait(20)
            return super().seconds_until_due(pools)

    ledger.submit(_jobs("silent-a"))
    runner = WorkerRunner(ledger, broker=HangingBroker(ledger))
    runner.started("silent-a")
    runner.controller.apply(Notice(kind=NoticeKind.REBALANCE, at=time.time()))
    wait_until(lambda: runner.actions)
    time.sleep(0.1)
    deadline = time.time() + 3
    runner.controller.apply(Notice(kind=NoticeKind.INTERRUPTION, at=time.time(), deadline=deadline))
    runner.join()
    assert runner.ended_at < deadline
    assert [job.state for job in ledger.jobs()] == [State.READY]
    release.set()


# The draining broker


def test_a_job_that_was_handed_back_is_settled_once(ledger: Ledger) -> None:
    ledger.submit(_jobs("a", "b", "c"))
    broker = DrainingBroker(DirectBroker(ledger))
    claims = broker.claim("ada", pools=("cpu",), limit=3, lease_s=30)
    broker.hand_back(
        [
            Settlement(job_id=claim.job.id, fence=claim.fence, outcome=InterruptedOutcome())
            for claim in claims[:2]
        ]
    )
    outcomes: list[Outcome] = [InterruptedOutcome(), Done(result={}), Done(result={})]
    settlements = [
        Settlement(job_id=claim.job.id, fence=claim.fence, outcome=outcome)
        for claim, outcome in zip(claims, outcomes, strict=True)
    ]
    # A repeated hand-back, a late result, and a result that counts.
    assert broker.settle(settlements) == [True, False, True]
    assert broker.settle(settlements[:1]) == [False]
    assert [job.interruptions for job in ledger.jobs()] == [1, 1, 0]


class RecordingBroker(DirectBroker):
    """Records the limits of its claims."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.limits: list[int] = []

    def claim(
        self,
        worker: str,
        *,
        pools: Sequence[str],
        limit: int,
        lease_s: float,
        most_weight: Mapping[str, float] | None = None,
    ) -> list[Claim]:
        self.limits.append(limit)
        return super().claim(worker, pools=pools, limit=limit, lease_s=lease_s, most_weight=most_weight)


def test_a_draining_broker_that_accepts_no_jobs_stops_the_fetching_of_its_broker(ledger: Ledger) -> None:
    inner = RecordingBroker(ledger)
    broker = DrainingBroker(inner)
    broker.accept_jobs({})
    broker.stop_fetching()  # there was no claim yet
    broker.accept_jobs(None)
    broker.claim("ada", pools=("cpu",), limit=4, lease_s=30)
    broker.stop_fetching()  # no effect: it accepts jobs again
    broker.accept_jobs({})
    broker.stop_fetching()
    assert inner.limits == [4, 0]
    assert broker.claim("ada", pools=("cpu",), limit=4, lease_s=30) == []
    assert inner.limits == [4, 0]


def test_a_draining_broker_delivers_only_jobs_that_are_short_enough(ledger: Ledger) -> None:
    ledger.submit([*_jobs("long", weight=50.0), *_jobs("other", kind="unknown", weight=1.0)])
    ledger.submit(_jobs("short", weight=10.0))
    broker = DrainingBroker(DirectBroker(ledger))
    assert broker.seconds_until_due(("cpu",)) is not None
    broker.accept_jobs({"work": 49.0})
    assert broker.seconds_until_due(("cpu",)) is None  # or a job that is due and too long would be polled for
    claims = broker.claim("ada", pools=("cpu",), limit=5, lease_s=30)
    assert [claim.job.id for claim in claims] == ["short"]
    assert broker.claim("ada", pools=("cpu",), limit=5, lease_s=30) == []
    claims = broker.claim("ada", pools=("cpu",), limit=5, lease_s=30, most_weight={"unknown": 1.0})
    assert [claim.job.id for claim in claims] == ["other"]
    broker.accept_jobs(None)
    claims = broker.claim("ada", pools=("cpu",), limit=5, lease_s=30)
    assert [claim.job.id for claim in claims] == ["long"]


def test_an_interrupted_worker_takes_further_jobs_that_end_before_its_deadline(ledger: Ledger) -> None:
    """A notice 8 s ahead, jobs of 0.4 s and one of 60 s: a tenth of the usual times."""
    rules = DrainRules(margin_s=1.0, start_s=0.3)
    runner = WorkerRunner(ledger, slots=2, rules=rules)
    ledger.submit(_jobs("frames-0.4-measured", weight=4.0))
    wait_until(lambda: bool(ledger.jobs(state=State.DONE)))
    ledger.submit(_jobs("frames-0.4-running", weight=4.0))
    runner.started("frames-0.4-running")
    notice = _spot(8.0)
    assert notice.deadline is not None
    runner.controller.apply(notice)
    wait_until(lambda: runner.controller.state.draining and bool(runner.actions))
    ledger.submit(_jobs("frames-60-long", weight=600.0))
    short = [f"frames-0.4-{number:02d}" for number in range(40)]
    ledger.submit(_jobs(*short, weight=4.0))
    runner.join()
    assert runner.ended_at < notice.deadline
    jobs = {job.id: job for job in ledger.jobs()}
    done = [name for name in short if jobs[name].state is State.DONE]
    assert len(done) >= 6
    # None was lost, started twice, or started and not finished.
    assert all(jobs[name].starts == 1 for name in done)
    assert all(jobs[name].state is State.READY for name in short if name not in done)
    assert sum(jobs[name].interruptions for name in short) <= 1
    assert (jobs["frames-60-long"].state, jobs["frames-60-long"].starts) == (State.READY, 0)
    assert runner.actions[-1].phase is DrainPhase.DRAINING


def test_a_worker_that_is_scaled_in_takes_no_further_jobs(ledger: Ledger) -> None:
    runner = WorkerRunner(ledger, slots=1)
    ledger.submit(_jobs("frames-0.3-measured"))
    wait_until(lambda: bool(ledger.jobs(state=State.DONE)))
    runner.controller.apply(Notice(kind=NoticeKind.SCALE_IN, at=time.time(), deadline=time.time() + 60))
    runner.join()
    ledger.submit(_jobs("quick-later"))
    assert [job.id for job in ledger.jobs(state=State.READY)] == ["quick-later"]


def test_a_job_that_was_handed_back_is_not_taken_again(ledger: Ledger) -> None:
    controller = DrainController(DirectBroker(ledger), stop=Stop(), rules=RULES)
    ledger.submit(_jobs("a", "b", "c"))
    taken: list[Claim] = []

    def work(job: Job, context: JobContext) -> Done:
        if job.id == "b":
            context.stop.wait(20)
            taken.extend(controller.broker.claim("ada", pools=("cpu",), limit=5, lease_s=30))
            context.stop.check()
        return Done(result={})

    handler = controller.wrap_handlers({"work": work})["work"]
    first, second = controller.broker.claim("ada", pools=("cpu",), limit=2, lease_s=30)
    handler(first.job, JobContext(attempt=1))
    thread = threading.Thread(target=lambda: _run_to_the_end(handler, second.job), daemon=True)
    thread.start()
    wait_until(lambda: bool(controller._running))
    controller.apply(_spot(30.0))
    thread.join(20)
    # Of its weight, jobs end in time according to the first one; this one did not.
    assert taken == []
    wait_until(lambda: any(job.id == "b" for job in ledger.jobs(state=State.READY)))
    assert controller.broker.claim("ada", pools=("cpu",), limit=5, lease_s=30) == []
    controller.close()


def test_a_job_that_a_drain_stops_at_its_start_is_not_taken_again(ledger: Ledger) -> None:
    controller = DrainController(DirectBroker(ledger), stop=Stop(), rules=RULES)
    ledger.submit(_jobs("a", "b"))
    (claim,) = controller.broker.claim("ada", pools=("cpu",), limit=1, lease_s=30)
    controller.close()  # its thread must not decide before the job starts
    controller.apply(_spot(5.0))
    handler = controller.wrap_handlers({"work": lambda _job, _context: Done(result={})})["work"]
    with pytest.raises(Interrupted):
        handler(claim.job, JobContext(attempt=1))
    assert controller.broker.claim("ada", pools=("cpu",), limit=5, lease_s=30) == []


def _run_to_the_end(handler: Handler, job: Job) -> None:
    with contextlib.suppress(Interrupted):
        handler(job, JobContext(attempt=1))


def test_a_result_counts_while_the_hand_back_of_the_same_job_fails(ledger: Ledger) -> None:
    handing_back, release = threading.Event(), threading.Event()

    class SlowBroker(DirectBroker):
        def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
            if threading.current_thread() is not threading.main_thread():
                handing_back.set()
                release.wait(10)
                raise TransientError("no network")
            return super().settle(settlements)

    ledger.submit(_jobs("a"))
    broker = DrainingBroker(SlowBroker(ledger))
    (claim,) = broker.claim("ada", pools=("cpu",), limit=1, lease_s=30)
    back = Settlement(job_id=claim.job.id, fence=claim.fence, outcome=InterruptedOutcome())
    thread = threading.Thread(target=broker.hand_back, args=([back],))
    thread.start()
    assert handing_back.wait(10)
    threading.Timer(0.1, release.set).start()
    # The worker's own hand-back must reach the ledger, because the first one failed.
    assert broker.settle([Settlement(job_id="a", fence=claim.fence, outcome=InterruptedOutcome())]) == [True]
    thread.join()
    assert [job.state for job in ledger.jobs()] == [State.READY]


def test_a_draining_broker_notifies_its_worker_of_every_change(ledger: Ledger) -> None:
    broker = DrainingBroker(DirectBroker(ledger))
    calls: list[int] = []
    unsubscribe = broker.subscribe(lambda: calls.append(1))
    broker.accept_jobs({})
    broker.accept_jobs(None)
    assert len(calls) == 2
    unsubscribe()
    broker.accept_jobs({})
    ledger.submit(_jobs("a"))
    assert len(calls) == 2


def test_a_draining_broker_measures_how_long_due_jobs_have_waited(tmp_path: Path) -> None:
    clock = ManualClock()
    ledger = Ledger.open(tmp_path / "ledger.db", clock=clock)
    broker = DrainingBroker(DirectBroker(ledger))
    assert broker.waiting_s() is None
    broker.claim("ada", pools=("cpu",), limit=1, lease_s=30)
    ledger.submit(_jobs("a"))
    clock.advance(100)
    assert broker.waiting_s() == 100
    clock.advance(-200)
    assert broker.waiting_s() == 0

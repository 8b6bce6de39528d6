"""A real worker, told of its end, finishes what it can, hands back the rest, and goes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.waiting import wait_until

from eddyline.core.clock import Clock, ManualClock
from eddyline.core.errors import Interrupted, TransientError, UsageError
from eddyline.core.process import Runner
from eddyline.core.stop import Stop
from eddyline.fleet.drain_controller import DrainController
from eddyline.fleet.drain_policy import DrainActions, DrainPhase, DrainRules, DrainState
from eddyline.fleet.draining_broker import DrainingBroker
from eddyline.fleet.notices import Notice, NoticeKind, drain_command_notice, sigterm_notice
from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import Claim, Done, Job, NewJob, Outcome, Settlement
from eddyline.graph.job import Interrupted as Back
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker

RULES = DrainRules(margin_s=0.3)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", rng=random.Random(1)) as opened:
        yield opened


def _jobs(*names: str, kind: str = "work", weight: float = 100.0) -> list[NewJob]:
    return [NewJob(id=name, asset="a", kind=kind, spec={}, weight=weight) for name in names]


class Crew:
    """A worker with a drainer, on a thread of its own; job names say how a job behaves.

    `quick-*` ends at once, `frames-S-*` works off frames in S seconds, `silent-*` says nothing until stopped,
    `deaf-*` does not even stop.
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
        self.over = threading.Event()
        self.ended_at = 0.0
        self.drainer = DrainController(
            broker or DirectBroker(ledger),
            stop=self.stop,
            rules=rules,
            clock=clock,
            on_actions=self._note,
            instance=instance,
            busy=busy,
        )
        self.worker = Worker(
            name,
            self.drainer.broker,
            self.drainer.wrap_handlers({"work": self._work}),
            slots=slots,
            pools=("cpu",),
            stop=self.stop,
            on_event=self.events.append,
        )
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _note(self, actions: DrainActions, _state: DrainState) -> None:
        self.actions.append(actions)

    def _run(self) -> None:
        self.worker.run()
        self.ended_at = time.time()

    def _work(self, job: Job, context: JobContext) -> Done:
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
        elif behaviour == "deaf":
            self.over.wait(20)
        return Done(result={"by": "ada"})

    def started(self, *names: str) -> None:
        wait_until(lambda: set(names) <= {e.job.id for e in self.events if e.kind is WorkerEventKind.STARTED})

    def told(self, name: str) -> list[WorkerEventKind]:
        return [e.kind for e in self.events if e.job.id == name and e.kind != WorkerEventKind.PROGRESS]

    def join(self, seconds: float = 20.0) -> Crew:
        self.thread.join(seconds)
        assert not self.thread.is_alive()
        self.over.set()
        self.drainer.close()
        return self


def _spot(seconds: float) -> Notice:
    now = time.time()
    return Notice(kind=NoticeKind.INTERRUPTION, at=now, deadline=now + seconds, reason="Spot interruption")


def test_frames_that_end_in_time_are_finished_and_others_handed_back_at_once(ledger: Ledger) -> None:
    ledger.submit(_jobs("frames-0.8-a", "frames-60-b", "quick-later"))
    ledger.submit(_jobs("quick-never"))
    crew = Crew(ledger, slots=2)
    crew.started("frames-0.8-a")
    wait_until(lambda: sum(e.kind is WorkerEventKind.PROGRESS and e.fraction > 0.1 for e in crew.events) > 0)
    crew.drainer.apply(_spot(3.0))
    crew.join()
    by = {job.id: job for job in ledger.jobs()}
    assert by["frames-0.8-a"].state is State.DONE
    assert (by["frames-60-b"].state, by["frames-60-b"].attempt) == (State.READY, 0)
    assert crew.told("frames-60-b") == [WorkerEventKind.STARTED, WorkerEventKind.INTERRUPTED]


def test_what_is_handed_back_runs_elsewhere_while_the_rest_is_finished(ledger: Ledger) -> None:
    ledger.submit(_jobs("frames-1.5-a", "silent-b"))
    crew = Crew(ledger)
    crew.started("frames-1.5-a", "silent-b")
    wait_until(lambda: sum(e.kind is WorkerEventKind.PROGRESS and e.fraction > 0.1 for e in crew.events) > 0)
    crew.drainer.apply(_spot(5.0))
    said = time.monotonic()
    other = DirectBroker(ledger)
    claims: list[Claim] = []
    while not claims:
        claims = other.claim("bob", pools=("cpu",), limit=1, lease_s=30)
        assert time.monotonic() - said < 20
    took = time.monotonic() - said
    assert [claim.job.id for claim in claims] == ["silent-b"]
    assert claims[0].job.attempt == 1
    assert took < 4
    assert crew.thread.is_alive()
    crew.join()
    finished = ledger.job("frames-1.5-a")
    assert finished is not None
    assert finished.state is State.DONE


def test_an_interruption_is_not_a_failure(ledger: Ledger) -> None:
    ledger.submit(_jobs("silent-a"))
    for turn in range(1, 8):  # more often than a job may fail
        crew = Crew(ledger)
        crew.started("silent-a")
        crew.drainer.apply(_spot(1.0))
        crew.join()
        job = ledger.job("silent-a")
        assert job is not None
        assert (job.state, job.attempt, job.interruptions, job.error) == (State.READY, 0, turn, None)


def test_a_deaf_job_does_not_make_a_ghost_of_its_worker(ledger: Ledger) -> None:
    ledger.submit(_jobs("deaf-a"))
    crew = Crew(ledger)
    crew.started("deaf-a")
    deadline = time.time() + 2.5
    crew.drainer.apply(Notice(kind=NoticeKind.INTERRUPTION, at=time.time(), deadline=deadline))
    crew.join()
    assert crew.ended_at < deadline
    job = ledger.job("deaf-a")
    assert job is not None
    assert (job.state, job.interruptions) == (State.READY, 1)


def test_nothing_is_lost_if_notices_come_all_at_once_and_from_everywhere(ledger: Ledger) -> None:
    names = [f"frames-0.4-{n}" for n in range(6)]
    ledger.submit(_jobs(*names))
    crew = Crew(ledger)
    crew.started("frames-0.4-0")
    notice = _spot(2.0)

    def repeat() -> None:
        for _ in range(151):
            crew.drainer.apply(notice)
            crew.drainer.apply(sigterm_notice(time.time()))
            crew.drainer.apply(Notice(kind=NoticeKind.REBALANCE, at=time.time()))

    threads = [threading.Thread(target=repeat) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    crew.join()
    states = [job.state for job in ledger.jobs()]
    assert set(states) <= {State.DONE, State.READY}
    assert ledger.workers() == [] or not ledger.held_jobs("ada")
    told = [event.job.id for event in crew.events if event.kind is WorkerEventKind.FINISHED]
    assert len(told) == states.count(State.DONE) == len(set(told))


def test_a_worker_asked_to_go_finishes_what_it_has_however_long(ledger: Ledger) -> None:
    ledger.submit(_jobs("frames-0.6-a", "frames-0.6-b", "quick-later"))
    crew = Crew(ledger)
    crew.started("frames-0.6-a", "frames-0.6-b")
    crew.drainer.apply(drain_command_notice(time.time(), "maintenance"))
    crew.join()
    assert {job.id for job in ledger.jobs(state=State.DONE)} == {"frames-0.6-a", "frames-0.6-b"}
    assert crew.stop.reason == "maintenance"


def test_sigterm_lets_a_job_finish_that_ends_in_time(ledger: Ledger) -> None:
    ledger.submit(_jobs("frames-0.5-a"))
    crew = Crew(ledger)
    crew.started("frames-0.5-a")
    wait_until(lambda: sum(e.fraction > 0.1 for e in crew.events) > 0)
    crew.drainer.apply(sigterm_notice(time.time()))
    crew.join()
    assert crew.told("frames-0.5-a") == [WorkerEventKind.STARTED, WorkerEventKind.FINISHED]


def test_a_notice_about_another_machine_is_ignored(ledger: Ledger) -> None:
    ledger.submit(_jobs("quick-a"))
    crew = Crew(ledger, instance="i-0123456789abcdef0")
    foreign = Notice(kind=NoticeKind.INTERRUPTION, at=0, deadline=0, instance="i-0fedcba9876543210")
    crew.drainer.apply(foreign)
    wait_until(lambda: ledger.jobs(state=State.DONE))
    assert crew.drainer.state == DrainState()
    crew.drainer.apply(drain_command_notice(time.time(), "enough"))
    crew.join()


def test_a_job_claimed_while_the_notice_came_is_not_begun(ledger: Ledger) -> None:
    ledger.submit(_jobs("silent-a"))
    drainer = DrainController(DirectBroker(ledger), stop=Stop(), rules=RULES)
    began: list[str] = []

    def note(job: Job, _context: JobContext) -> Done:
        began.append(job.id)
        return Done(result={})

    (claim,) = drainer.broker.claim("ada", pools=("cpu",), limit=1, lease_s=30)
    drainer.apply(_spot(5.0))
    context = JobContext(attempt=1)
    with pytest.raises(Interrupted, match="would not end in time"):
        drainer.wrap_handlers({"work": note})["work"](claim.job, context)
    assert began == []
    drainer.close()


def test_a_short_job_claimed_while_the_notice_came_is_done_all_the_same(ledger: Ledger) -> None:
    ledger.submit(_jobs("quick-a", "quick-b"))
    drainer = DrainController(DirectBroker(ledger), stop=Stop(), rules=RULES)

    def work(job: Job, _context: JobContext) -> Done:
        time.sleep(0.5 if job.id == "quick-a" else 0)  # so that the second is no slower than is known
        return Done(result={})

    handler = drainer.wrap_handlers({"work": work})["work"]
    first, second = drainer.broker.claim("ada", pools=("cpu",), limit=2, lease_s=30)
    handler(first.job, JobContext(attempt=1))
    drainer.apply(_spot(20.0))
    assert handler(second.job, JobContext(attempt=1)) == Done(result={})
    drainer.close()


def test_a_job_that_is_slow_to_stop_runs_elsewhere_meanwhile(ledger: Ledger) -> None:
    ledger.submit(_jobs("deaf-a", "frames-2-b"))
    crew = Crew(ledger)
    crew.started("deaf-a", "frames-2-b")
    wait_until(lambda: sum(e.fraction > 0.1 for e in crew.events) > 0)
    crew.drainer.apply(_spot(6.0))
    other = DirectBroker(ledger)
    wait_until(lambda: other.seconds_until_due(("cpu",)) is not None and ledger.jobs(state=State.READY))
    claims = other.claim("bob", pools=("cpu",), limit=1, lease_s=30)
    assert crew.thread.is_alive()
    assert other.settle(
        [Settlement(job_id="deaf-a", fence=claims[0].fence, outcome=Done(result={"by": "bob"}))]
    ) == [True]
    crew.over.set()  # now it answers: too late
    crew.join()
    by = {job.id: job for job in ledger.jobs()}
    assert by["deaf-a"].result == {"by": "bob"}
    assert by["frames-2-b"].state is State.DONE
    assert crew.told("deaf-a") == [WorkerEventKind.STARTED, WorkerEventKind.INTERRUPTED]


def test_a_broker_that_is_away_gets_its_jobs_back_later(ledger: Ledger) -> None:
    class Away(DirectBroker):
        away = 0

        def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
            if threading.current_thread().name == "drain-tasks":
                self.away += 1
                raise TransientError("no network")
            return super().settle(settlements)

    broker = Away(ledger)
    ledger.submit(_jobs("silent-a"))
    crew = Crew(ledger, broker=broker)
    crew.started("silent-a")
    crew.drainer.apply(_spot(5.0))
    crew.join()
    assert broker.away == 1
    (job,) = ledger.jobs()
    assert (job.state, job.interruptions) == (State.READY, 1)


def test_external_programs_end_with_their_job(ledger: Ledger) -> None:
    ledger.submit(_jobs("child"))
    drainer_stop = Stop()
    drainer = DrainController(DirectBroker(ledger), stop=drainer_stop, rules=RULES)
    began = threading.Event()

    def sleep(_job: Job, context: JobContext) -> Done:
        began.set()
        Runner(stop=context.stop).run(("/bin/sleep", "30"))
        return Done(result={})

    worker = Worker(
        "ada",
        drainer.broker,
        drainer.wrap_handlers({"work": sleep}),
        slots=1,
        pools=("cpu",),
        stop=drainer_stop,
    )
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    assert began.wait(10)
    said = time.monotonic()
    drainer.apply(_spot(30.0))
    thread.join(10)
    assert not thread.is_alive()
    assert time.monotonic() - said < 12
    assert [job.state for job in ledger.jobs()] == [State.READY]
    drainer.close()


class ShiftedClock:
    """The system's clock, moved."""

    def __init__(self) -> None:
        self.by = 0.0

    def now(self) -> float:
        return time.time() + self.by

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def test_a_reluctant_worker_leaves_new_work_to_others_until_it_is_forgotten(ledger: Ledger) -> None:
    clock = ShiftedClock()
    crew = Crew(ledger, clock=clock)
    crew.drainer.apply(Notice(kind=NoticeKind.REBALANCE, at=clock.now()))
    wait_until(lambda: crew.actions)
    assert crew.actions[-1].phase is DrainPhase.AT_RISK
    ledger.submit(_jobs("quick-a"))
    time.sleep(0.5)
    assert [job.state for job in ledger.jobs()] == [State.READY]
    assert crew.thread.is_alive()
    clock.by = RULES.rebalance_s + 1
    wait_until(lambda: ledger.jobs(state=State.DONE))
    crew.drainer.apply(drain_command_notice(clock.now(), "enough"))
    crew.join()


def test_a_reluctant_worker_takes_what_nobody_else_takes(ledger: Ledger) -> None:
    rules = DrainRules(starving_s=0.5)
    crew = Crew(ledger, rules=rules)
    crew.drainer.apply(Notice(kind=NoticeKind.REBALANCE, at=time.time()))
    wait_until(lambda: crew.actions)
    ledger.submit(_jobs("quick-a"))
    wait_until(lambda: ledger.jobs(state=State.DONE))
    crew.drainer.apply(drain_command_notice(time.time(), "enough"))
    crew.join()


def test_a_reluctant_worker_on_queues_tries_now_and_then(ledger: Ledger) -> None:
    class Blind(DirectBroker):
        def seconds_until_due(self, pools: Sequence[str]) -> float | None:
            assert pools
            return None

    crew = Crew(ledger, broker=Blind(ledger), rules=DrainRules(starving_s=4.0, probe_s=2.5))
    crew.drainer.apply(Notice(kind=NoticeKind.REBALANCE, at=time.time()))
    wait_until(lambda: crew.actions)
    ledger.submit(_jobs("quick-a"))
    wait_until(lambda: ledger.jobs(state=State.DONE))
    assert [actions.accepts_jobs for actions in crew.actions][:2] == [False, True]
    crew.drainer.apply(drain_command_notice(time.time(), "enough"))
    crew.join()


def test_a_reluctant_worker_costs_no_more_than_an_idle_one(ledger: Ledger) -> None:
    asked_for = 0

    class Counting(DirectBroker):
        def seconds_until_due(self, pools: Sequence[str]) -> float | None:
            nonlocal asked_for
            asked_for += 1
            return super().seconds_until_due(pools)

    crew = Crew(ledger, broker=Counting(ledger))
    crew.drainer.apply(Notice(kind=NoticeKind.REBALANCE, at=time.time()))
    wait_until(lambda: crew.actions)
    ledger.submit(_jobs("quick-a"))  # due, and not to be had: no reason to spin
    asked_for = 0
    time.sleep(1.0)
    assert asked_for <= 3
    crew.drainer.apply(drain_command_notice(time.time(), "enough"))
    crew.join()


def test_busy_is_told_with_the_first_job_and_after_the_last(ledger: Ledger) -> None:
    told: list[bool] = []
    ledger.submit(_jobs("frames-0.3-a", "frames-0.5-b"))
    crew = Crew(ledger, busy=told.append)
    wait_until(lambda: len(ledger.jobs(state=State.DONE)) == 2)
    assert told == [True, False]
    crew.drainer.apply(drain_command_notice(time.time(), "enough"))
    crew.join()


def test_busy_ends_though_a_job_fails(ledger: Ledger) -> None:
    told: list[bool] = []
    drainer = DrainController(DirectBroker(ledger), stop=Stop(), busy=told.append)
    ledger.submit(_jobs("a"))
    (claim,) = drainer.broker.claim("ada", pools=("cpu",), limit=1, lease_s=30)

    def fail(_job: Job, _context: JobContext) -> Done:
        raise UsageError("on purpose")

    with pytest.raises(UsageError, match="on purpose"):
        drainer.wrap_handlers({"work": fail})["work"](claim.job, JobContext(attempt=1))
    assert told == [True, False]
    drainer.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_whose_drainer_fails_goes(ledger: Ledger) -> None:
    def fail(_actions: DrainActions, _state: DrainState) -> None:
        raise ZeroDivisionError

    stop = Stop()
    drainer = DrainController(DirectBroker(ledger), stop=stop, on_actions=fail)
    drainer.apply(Notice(kind=NoticeKind.REBALANCE, at=time.time()))
    assert stop.wait(5)
    assert "the drain controller failed" in stop.reason
    drainer.close()


def test_a_broker_that_hangs_keeps_no_worker_from_its_deadline(ledger: Ledger) -> None:
    over = threading.Event()

    class Hanging(DirectBroker):
        def seconds_until_due(self, pools: Sequence[str]) -> float | None:
            if threading.current_thread().name == "drain-tasks":
                over.wait(20)
            return super().seconds_until_due(pools)

    ledger.submit(_jobs("silent-a"))
    crew = Crew(ledger, broker=Hanging(ledger))
    crew.started("silent-a")
    crew.drainer.apply(Notice(kind=NoticeKind.REBALANCE, at=time.time()))
    wait_until(lambda: crew.actions)
    time.sleep(0.1)
    deadline = time.time() + 3
    crew.drainer.apply(Notice(kind=NoticeKind.INTERRUPTION, at=time.time(), deadline=deadline))
    crew.join()
    assert crew.ended_at < deadline
    assert [job.state for job in ledger.jobs()] == [State.READY]
    over.set()


# The gate


def test_a_gate_answers_once_for_what_it_handed_back(ledger: Ledger) -> None:
    ledger.submit(_jobs("a", "b", "c"))
    gate = DrainingBroker(DirectBroker(ledger))
    claims = gate.claim("ada", pools=("cpu",), limit=3, lease_s=30)
    gate.hand_back([(claims[0].job.id, claims[0].fence), (claims[1].job.id, claims[1].fence)])
    outcomes: list[Outcome] = [Back(), Done(result={}), Done(result={})]
    answers = [
        Settlement(job_id=claim.job.id, fence=claim.fence, outcome=outcome)
        for claim, outcome in zip(claims, outcomes, strict=True)
    ]
    # The same word again, an answer that is too late, and one that counts.
    assert gate.settle(answers) == [True, False, True]
    assert gate.settle(answers[:1]) == [False]
    assert [job.interruptions for job in ledger.jobs()] == [1, 1, 0]


class Fetching(DirectBroker):
    """A broker that notes what it was asked for."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.limits: list[int] = []

    def claim(self, worker: str, *, pools: Sequence[str], limit: int, lease_s: float) -> list[Claim]:
        self.limits.append(limit)
        return super().claim(worker, pools=pools, limit=limit, lease_s=lease_s)


def test_a_closed_gate_tells_a_broker_that_nothing_is_wanted_any_more(ledger: Ledger) -> None:
    inner = Fetching(ledger)
    gate = DrainingBroker(inner)
    gate.accept_jobs(False)
    gate.stop_fetching()  # and nothing was asked for yet
    gate.accept_jobs(True)
    gate.claim("ada", pools=("cpu",), limit=4, lease_s=30)
    gate.stop_fetching()  # too late: it is open again
    gate.accept_jobs(False)
    gate.stop_fetching()
    assert inner.limits == [4, 0]
    assert gate.claim("ada", pools=("cpu",), limit=4, lease_s=30) == []
    assert inner.limits == [4, 0]


def test_an_answer_counts_while_the_same_job_is_being_handed_back(ledger: Ledger) -> None:
    handing, over = threading.Event(), threading.Event()

    class Slow(DirectBroker):
        def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
            if threading.current_thread() is not threading.main_thread():
                handing.set()
                over.wait(10)
                raise TransientError("no network")
            return super().settle(settlements)

    ledger.submit(_jobs("a"))
    gate = DrainingBroker(Slow(ledger))
    (claim,) = gate.claim("ada", pools=("cpu",), limit=1, lease_s=30)
    back = threading.Thread(target=gate.hand_back, args=([(claim.job.id, claim.fence)],))
    back.start()
    assert handing.wait(10)
    threading.Timer(0.1, over.set).start()
    # The word of the worker's own end must reach the ledger: nobody else's did.
    assert gate.settle([Settlement(job_id="a", fence=claim.fence, outcome=Back())]) == [True]
    back.join()
    assert [job.state for job in ledger.jobs()] == [State.READY]


def test_a_gate_wakes_its_worker_when_it_opens(ledger: Ledger) -> None:
    gate = DrainingBroker(DirectBroker(ledger))
    woken: list[int] = []
    unsubscribe = gate.subscribe(lambda: woken.append(1))
    gate.accept_jobs(False)
    gate.accept_jobs(True)
    assert len(woken) == 2
    unsubscribe()
    gate.accept_jobs(False)
    ledger.submit(_jobs("a"))
    assert len(woken) == 2


def test_a_gate_knows_how_long_work_has_waited(tmp_path: Path) -> None:
    clock = ManualClock()
    ledger = Ledger.open(tmp_path / "ledger.db", clock=clock)
    gate = DrainingBroker(DirectBroker(ledger))
    assert gate.waiting_s() is None
    gate.claim("ada", pools=("cpu",), limit=1, lease_s=30)
    ledger.submit(_jobs("a"))
    clock.advance(100)
    assert gate.waiting_s() == 100
    clock.advance(-200)
    assert gate.waiting_s() == 0

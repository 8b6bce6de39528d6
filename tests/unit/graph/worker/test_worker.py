from __future__ import annotations

import errno
import random
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from tests.unit.graph.ledger_helpers import get, new, states
from tests.waiting import wait_until

from eddyline.core.clock import ManualClock
from eddyline.core.errors import InputError, Interrupted, ToolError
from eddyline.core.processes.cpu_meter import ProcessShare
from eddyline.core.stop import Stop
from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import Done, Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.progress import cpu_of
from eddyline.graph.retry import RetryPolicy
from eddyline.graph.states import State
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.handler import Handler, JobContext
from eddyline.graph.worker.worker import Worker

FAST = RetryPolicy(base_s=0.02, factor=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.db", rng=random.Random(1), policy=FAST) as opened:
        yield opened


class WorkerRunner:
    """Runs one worker in a thread and records its events."""

    def __init__(self, ledger: Ledger, handler: Handler, **options: object) -> None:
        self.stop = Stop()
        self.events: list[WorkerEvent] = []
        self.raised: BaseException | None = None
        given: dict[str, object] = {
            "slots": 2,
            "pools": ("cpu",),
            "stop": self.stop,
            "on_event": self.events.append,
            "exit_when": lambda: not ledger.has_open(),
            **options,
        }
        make: Callable[..., Worker] = Worker
        self.worker = make("ada", DirectBroker(ledger), {"work": handler}, **given)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.worker.run()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.raised = error

    def start(self) -> WorkerRunner:
        self.thread.start()
        return self

    def join(self, seconds: float = 20.0) -> WorkerRunner:
        self.thread.join(seconds)
        assert not self.thread.is_alive()
        return self

    def event_kinds(self, name: str) -> list[WorkerEventKind]:
        return [event.kind for event in self.events if event.job.id == name]


def _return_empty(_job: Job, _context: JobContext) -> Done:
    return Done(result={})


def _wait_for_stop(_job: Job, context: JobContext) -> Done:
    assert context.stop.wait(20)
    context.stop.check()
    raise AssertionError


def test_the_jobs_of_a_graph_run_in_order(ledger: Ledger) -> None:
    order: list[str] = []

    def record(job: Job, _context: JobContext) -> Done:
        order.append(job.id)
        return Done(result={"id": job.id}, output=f"out/{job.id}")

    chunks = [f"a-c{number}" for number in range(8)]
    ledger.submit([new("a-p"), *(new(chunk, "a-p") for chunk in chunks), new("a-z", *chunks)])
    runner = WorkerRunner(ledger, record).start().join()
    assert runner.raised is None
    assert (order[0], order[-1], sorted(order[1:-1])) == ("a-p", "a-z", chunks)
    assert get(ledger, "a-z").output == "out/a-z"
    assert runner.event_kinds("a-z") == [WorkerEventKind.STARTED, WorkerEventKind.FINISHED]


def test_many_short_jobs_each_run_once(ledger: Ledger) -> None:
    ran: list[str] = []

    def record(job: Job, _context: JobContext) -> Done:
        ran.append(job.id)
        return Done(result={})

    ledger.submit([new(f"a-{number}") for number in range(600)])
    WorkerRunner(ledger, record, on_event=None).start().join()
    assert sorted(ran) == sorted(job.id for job in ledger.jobs(state=State.DONE))
    assert len(ran) == 600
    assert ledger.stats().redone == 0


def test_a_job_can_spawn_its_dependants(ledger: Ledger) -> None:
    def plan(job: Job, _context: JobContext) -> Done:
        if job.id != "a-plan":
            return Done(result={})
        return Done(result={}, spawn=tuple(new(f"a-{number}", "a-plan") for number in range(3)))

    ledger.submit([new("a-plan")])
    WorkerRunner(ledger, plan).start().join()
    assert ledger.counts()[State.DONE] == 4


def test_a_transient_failure_is_retried(ledger: Ledger) -> None:
    attempts: list[int] = []

    def flaky(_job: Job, context: JobContext) -> Done:
        attempts.append(context.attempt)
        if context.attempt < 3:
            raise OSError(errno.ENOSPC, "No space left on device", "/out")
        return Done(result={})

    ledger.submit([new("a-1")])
    runner = WorkerRunner(ledger, flaky).start().join()
    assert attempts == [1, 2, 3]
    assert get(ledger, "a-1").state is State.DONE
    failures = [event for event in runner.events if event.kind is WorkerEventKind.FAILED]
    assert [event.job.state for event in failures] == [State.READY, State.READY]
    assert failures[0].error is not None
    assert failures[0].error["remedy"] == "free some disk space"
    assert failures[0].error["errno"] == "ENOSPC"


@pytest.mark.parametrize(
    ("failure", "runs", "error"),
    [
        (InputError("invalid source", remedy="use another file"), 1, "InputError"),
        (ToolError("ffmpeg failed", argv=("ffmpeg",), status=1, stderr="boom"), 4, "ToolError"),
        (MemoryError(), 4, "MemoryError"),
        (ZeroDivisionError("oops"), 4, "ZeroDivisionError"),
        (SystemExit(3), 4, "SystemExit"),
    ],
)
def test_the_error_of_a_handler_determines_the_number_of_attempts(
    ledger: Ledger, failure: BaseException, runs: int, error: str
) -> None:
    count = 0

    def fail(_job: Job, _context: JobContext) -> Done:
        nonlocal count
        count += 1
        raise failure

    ledger.submit([new("a-1"), new("a-2", "a-1")])
    runner = WorkerRunner(ledger, fail).start().join()
    assert count == runs
    recorded = get(ledger, "a-1").error
    assert recorded is not None
    assert recorded["error"] == error
    assert states(ledger) == {"a-1": State.DEAD, "a-2": State.CANCELLED}
    assert [e.job.state for e in runner.events if e.kind is WorkerEventKind.FAILED][-1] is State.DEAD


def test_an_invalid_result_and_an_unknown_kind_are_errors(ledger: Ledger) -> None:
    def invalid(_job: Job, _context: JobContext) -> Done:
        return "text"  # type: ignore[return-value]

    ledger.submit([new("a-1"), new("a-2", kind="unknown")])
    WorkerRunner(ledger, invalid).start().join()
    first, second = get(ledger, "a-1").error, get(ledger, "a-2").error
    assert first is not None
    assert second is not None
    assert first["message"] == "the handler of work returned str, not Done"
    assert second["error"] == "NoHandler"


def test_a_stop_request_hands_back_all_jobs_immediately(ledger: Ledger) -> None:
    ledger.submit([new(f"a-{number}", max_attempts=1) for number in range(5)])
    runner = WorkerRunner(ledger, _wait_for_stop).start()
    wait_until(lambda: len(runner.events) == 2)
    started = time.monotonic()
    runner.stop.request("SIGTERM")
    runner.join()
    assert time.monotonic() - started < 9.0
    assert ledger.counts()[State.READY] == 5
    assert ledger.stats().interruptions == 2
    assert [event.note for event in runner.events[2:]] == ["SIGTERM", "SIGTERM"]


def test_a_handler_that_does_not_stop_does_not_delay_the_worker(ledger: Ledger) -> None:
    release = threading.Event()

    def stubborn(_job: Job, _context: JobContext) -> Done:
        release.wait(20)
        return Done(result={"late": True})

    ledger.submit([new("a-1")])
    runner = WorkerRunner(ledger, stubborn).start()
    wait_until(lambda: runner.events)
    started = time.monotonic()
    runner.stop.request("SIGTERM")
    runner.join()
    assert time.monotonic() - started < 15.0
    release.set()
    job = get(ledger, "a-1")
    assert (job.state, job.result, job.interruptions) == (State.READY, None, 1)


def test_a_job_that_ends_during_the_stop_is_done(ledger: Ledger) -> None:
    def finish(_job: Job, context: JobContext) -> Done:
        context.stop.wait(20)
        return Done(result={})

    ledger.submit([new("a-1")])
    runner = WorkerRunner(ledger, finish).start()
    wait_until(lambda: runner.events)
    runner.stop.request("SIGTERM")
    runner.join()
    assert get(ledger, "a-1").state is State.DONE


def test_a_cancelled_job_is_interrupted(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    runner = WorkerRunner(ledger, _wait_for_stop).start()
    wait_until(lambda: runner.events)
    started = time.monotonic()
    ledger.cancel(asset="a")
    runner.join()
    assert time.monotonic() - started < 9.0
    assert get(ledger, "a-1").state is State.CANCELLED
    assert runner.event_kinds("a-1") == [WorkerEventKind.STARTED, WorkerEventKind.INTERRUPTED]


def test_a_cancellation_by_another_process_is_received_within_two_seconds(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.submit([new("a-1")])
    runner = WorkerRunner(ledger, _wait_for_stop).start()
    wait_until(lambda: runner.events)
    with Ledger.open(tmp_path / "ledger.db") as other:
        other.cancel(job="a-1")
    started = time.monotonic()
    runner.join()
    assert time.monotonic() - started < 15.0


def test_an_idle_worker_starts_submitted_jobs_immediately_and_those_of_other_processes_soon(
    ledger: Ledger, tmp_path: Path
) -> None:
    runner = WorkerRunner(ledger, _return_empty, exit_when=lambda: False).start()
    wait_until(ledger.workers)
    time.sleep(0.05)
    delays = []
    with Ledger.open(tmp_path / "ledger.db") as other:
        for number, submitter in enumerate([ledger, ledger, other]):
            started = time.time()
            submitter.submit([new(f"a-{number}")])
            wait_until(partial(runner.event_kinds, f"a-{number}"))
            delays.append(next(e.at for e in runner.events if e.job.id == f"a-{number}") - started)
    runner.stop.request("enough")
    runner.join()
    assert min(delays[:2]) < 0.5
    assert delays[2] < 5.0


def test_jobs_of_a_lost_worker_are_claimed_when_its_lease_expires(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    started = time.monotonic()
    ledger.claim("lost", pools=("cpu",), limit=1, lease_s=0.3)
    WorkerRunner(ledger, _return_empty).start().join()
    assert 0.2 < time.monotonic() - started < 15.0
    assert get(ledger, "a-1").interruptions == 1


def test_long_jobs_are_not_prefetched(ledger: Ledger) -> None:
    seen: list[int] = []

    def slow(_job: Job, _context: JobContext) -> Done:
        seen.append(ledger.counts()[State.RUNNING])
        time.sleep(0.03)
        return Done(result={})

    ledger.submit([new(f"a-{number}") for number in range(10)])
    WorkerRunner(ledger, slow).start().join()
    assert max(seen) <= 2
    assert ledger.stats().redone == 0


def test_prefetched_jobs_are_handed_back_when_the_running_jobs_are_long(ledger: Ledger) -> None:
    ledger.submit([new(f"a-{number:03d}") for number in range(300)])
    blocked = threading.Event()

    def mostly_short(job: Job, context: JobContext) -> Done:
        if job.id in {"a-100", "a-101"}:
            blocked.set()
            context.stop.wait(20)
        return Done(result={})

    runner = WorkerRunner(ledger, mostly_short).start()
    assert blocked.wait(20)
    wait_until(lambda: ledger.counts()[State.RUNNING] <= 2)
    assert ledger.counts()[State.READY] > 100
    runner.stop.request("enough")
    runner.join()
    assert ledger.stats().redone == 0
    started = {event.job.id for event in runner.events if event.kind is WorkerEventKind.STARTED}
    assert {event.job.id for event in runner.events} == started, "a job that never started has no events"


def test_reported_progress_is_limited_to_one(ledger: Ledger) -> None:
    def halfway(_job: Job, context: JobContext) -> Done:
        context.progress(0.5, "frame 30 of 60")
        context.progress(7.0)
        return Done(result={"frames": 60})

    ledger.submit([new("a-1")])
    runner = WorkerRunner(ledger, halfway).start().join()
    assert [(event.fraction, event.note) for event in runner.events[1:3]] == [
        (0.5, "frame 30 of 60"),
        (1.0, ""),
    ]
    assert runner.events[-1].result == {"frames": 60}
    assert runner.events[-1].elapsed_s >= 0


def test_an_event_listener_that_fails_ends_the_worker_and_its_jobs_are_handed_back(ledger: Ledger) -> None:
    def listener(_event: WorkerEvent) -> None:
        raise LookupError("on purpose")

    ledger.submit([new("a-1")])
    runner = WorkerRunner(ledger, _wait_for_stop, on_event=listener).start().join()
    assert isinstance(runner.raised, LookupError)
    assert get(ledger, "a-1").state is State.READY


def test_a_job_whose_handler_raises_interrupted_runs_again(ledger: Ledger) -> None:
    count = 0

    def once(_job: Job, _context: JobContext) -> Done:
        nonlocal count
        count += 1
        if count == 1:
            raise Interrupted("the machine ends")
        return Done(result={})

    ledger.submit([new("a-1", max_attempts=1)])
    WorkerRunner(ledger, once).start().join()
    assert (get(ledger, "a-1").state, get(ledger, "a-1").starts) == (State.DONE, 2)


def test_an_idle_worker_uses_little_cpu_time(ledger: Ledger) -> None:
    # A due job of a pool without workers must not keep this worker busy.
    ledger.submit([new("a-1", pool="gpu")])
    runner = WorkerRunner(ledger, _return_empty, exit_when=lambda: False).start()
    time.sleep(0.2)
    started = time.process_time()
    time.sleep(1.0)
    assert time.process_time() - started < 0.5
    runner.stop.request("enough")
    runner.join()


def test_a_worker_that_is_stopped_before_its_start_claims_nothing(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    runner = WorkerRunner(ledger, _return_empty)
    runner.stop.request("SIGTERM")
    runner.start().join()
    assert get(ledger, "a-1").starts == 0


def test_a_worker_suspended_past_its_lease_keeps_jobs_that_no_other_worker_claimed(
    tmp_path: Path, clock: ManualClock
) -> None:
    with Ledger.open(tmp_path / "ledger.db", clock=clock) as ledger:
        go = threading.Event()

        def wait(_job: Job, context: JobContext) -> Done:
            assert go.wait(20)
            return Done(result={"stopped": context.stop.requested})

        ledger.submit([new("a-1")])
        runner = WorkerRunner(ledger, wait, clock=clock).start()
        wait_until(lambda: runner.events)
        clock.advance(1000)
        time.sleep(0.5)
        go.set()
        runner.join()
        assert get(ledger, "a-1").result == {"stopped": False}
        assert get(ledger, "a-1").interruptions == 0


def test_a_worker_reports_the_cpu_time_and_progress_of_each_start(ledger: Ledger) -> None:
    def work(job: Job, context: JobContext) -> Done:
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            pass
        context.progress(0.5)
        context.progress(0.25)
        if job.id == "a-1":
            raise InputError("on purpose")
        return Done(result={})

    ledger.submit([new("a-1"), new("a-2")])
    WorkerRunner(ledger, work, on_event=None).start().join()
    (failed,), (done,) = ledger.starts.of_job("a-1"), ledger.starts.of_job("a-2")
    assert (failed.outcome, failed.fraction) == ("failed", 0.5)
    assert (done.outcome, done.fraction) == ("done", 1.0)
    assert all(0.1 <= (start.cpu_s or 0) < 1.0 for start in (failed, done))


def test_a_job_that_is_stopped_reports_its_cpu_time_so_far(ledger: Ledger) -> None:
    release = threading.Event()

    def work(_job: Job, context: JobContext) -> Done:
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            pass
        context.progress(0.75)
        release.wait(20)  # ignores its stop
        return Done(result={})

    ledger.submit([new("a-1")])
    runner = WorkerRunner(ledger, work).start()
    wait_until(lambda: any(event.fraction == 0.75 for event in runner.events))
    runner.stop.request("enough")
    runner.join()
    release.set()
    (start,) = ledger.starts.of_job("a-1")
    assert (start.outcome, start.fraction) == ("interrupted", 0.75)
    if hasattr(time, "pthread_getcpuclockid"):
        assert 0.1 <= (start.cpu_s or 0) < 1.0


def test_a_job_that_runs_long_reports_its_cpu_time_for_the_case_that_its_worker_is_lost(
    ledger: Ledger,
) -> None:
    def work(job: Job, context: JobContext) -> Done:
        until = time.thread_time() + 0.3
        while time.thread_time() < until:
            pass
        return _wait_for_stop(job, context)

    ledger.submit([new("a-1")])
    runner = WorkerRunner(ledger, work, process_share=ProcessShare(since_s=time.process_time() - 5.0))
    runner.worker._reports._next_cpu = 0.0
    runner.start()

    def lost_s() -> float:
        runner.worker._reports._next_cpu = 0.0
        fences = ledger.held_jobs("ada")
        return ledger.read(lambda connection: cpu_of(connection, fences)).get("a-1", 0.0)

    wait_until(lambda: lost_s() >= 5.3)
    runner.stop.request("enough")
    runner.join()


def test_a_claim_that_no_slot_took_has_used_nothing(ledger: Ledger) -> None:
    taken = threading.Event()

    def work(job: Job, context: JobContext) -> Done:
        if job.kind == "work" and not taken.is_set():
            taken.set()
            return _wait_for_stop(job, context)
        return Done(result={})

    ledger.submit([new("a-1"), new("a-2")])
    runner = WorkerRunner(ledger, work, slots=1)
    runner.worker._prefetch.limit = 4
    runner.start()
    wait_until(lambda: ledger.starts.of_job("a-2"))
    runner.stop.request("enough")
    runner.join()
    first = ledger.starts.of_job("a-2")[0]
    assert (first.outcome, first.cpu_s, first.fraction) == ("interrupted", 0.0, 0.0)


def test_progress_reaches_the_ledger_while_the_job_runs(ledger: Ledger) -> None:
    reported, finish = threading.Event(), threading.Event()

    def handle(_job: Job, context: JobContext) -> Done:
        context.progress(0.5)
        reported.set()
        assert finish.wait(20)
        return Done(result={})

    ledger.submit([new("a-1"), new("a-2")])
    runner = WorkerRunner(ledger, handle, on_event=None).start()
    assert reported.wait(20)
    wait_until(lambda: ledger.progress.fractions("a") == {"a-1": 0.5, "a-2": 0.5})
    finish.set()
    runner.join()
    assert ledger.progress.fractions("a") == {}


def test_a_worker_reports_only_progress_that_changed_and_not_more_often_than_every_1_5_s(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = threading.local()

    def fast_clock() -> float:
        read.last = time.monotonic() * 10
        return float(read.last)

    reports: list[tuple[float, float]] = []
    # The time by which the worker decided to report, not that of the report: the machine may be busy.
    monkeypatch.setattr(ledger.progress, "record", lambda found: reports.append((read.last, found["a-1"][1])))

    def handle(_job: Job, context: JobContext) -> Done:
        started = fast_clock()
        while (elapsed := fast_clock() - started) < 12.0:
            context.progress(min(0.5, elapsed / 12.0))
            time.sleep(0.002)  # reports more often than they are recorded
        return Done(result={})

    ledger.submit([new("a-1")])
    WorkerRunner(ledger, handle, on_event=None, monotonic=fast_clock).start().join()
    assert len(reports) >= 2
    assert all(later - earlier >= 1.5 for (earlier, _), (later, _) in pairwise(reports))
    fractions = [fraction for _, fraction in reports]
    assert fractions == sorted(set(fractions))

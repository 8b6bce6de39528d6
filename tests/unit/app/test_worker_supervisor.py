"""The worker process of a server is kept running, and its jobs are released when it ends."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.waiting import wait_until

from eddyline.app.worker_supervisor import RESTARTS, STABLE_S, SupervisedWorker, WorkerSupervisor, describe
from eddyline.core.clock import ManualClock
from eddyline.core.errors import TransientError
from eddyline.graph.job import NewJob
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.pipeline.runs.local_worker import worker_name


class FakeProcess:
    """A process that ends when the test says so."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ended: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.asked = threading.Event()

    def ask_to_end(self) -> None:
        if not self.asked.is_set():
            self.asked.set()
            self.ended.put(0)

    def kill(self) -> bool:
        self.ended.put(-signal.SIGKILL)
        return True

    def wait(self, timeout_s: float | None = None) -> int | None:
        return self.ended.get(timeout=timeout_s)


class Starter:
    """Starts fake processes; `fails` of them not."""

    def __init__(self, *, fails: int = 0) -> None:
        self.processes: list[FakeProcess] = []
        self.fails = fails

    def __call__(self, argv: Sequence[str]) -> FakeProcess:
        assert argv == ("worker",)
        if self.fails:
            self.fails -= 1
            raise TransientError("cannot start worker: no memory")
        self.processes.append(FakeProcess(100 + len(self.processes)))
        return self.processes[-1]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", clock=clock) as opened:
        yield opened


def supervisor_of(ledger: Ledger, clock: ManualClock, start: Starter) -> WorkerSupervisor:
    return WorkerSupervisor(("worker",), ledger, clock=clock, start=start)  # type: ignore[arg-type]


def wait_for_processes(start: Starter, supervisor: WorkerSupervisor, count: int) -> FakeProcess:
    wait_until(lambda: len(start.processes) == count and supervisor.state.pid is not None, timeout_s=30)
    return start.processes[-1]


def test_a_killed_worker_is_started_again_and_its_jobs_are_released(
    ledger: Ledger, clock: ManualClock
) -> None:
    start = Starter()
    supervisor = supervisor_of(ledger, clock, start)
    supervisor.start()
    wait_for_processes(start, supervisor, 1)
    ledger.submit([NewJob(id="a.b.chunk-0000", asset="a", kind="chunk", pool="cpu", spec={})])
    ledger.register(worker_name(100), "here", 100)
    (claim,) = ledger.claim(worker_name(100), pools=["cpu"], limit=1, lease_s=30)
    killed = supervisor.kill()
    assert killed is not None
    assert killed.name == worker_name(100)
    wait_for_processes(start, supervisor, 2)
    job = ledger.job(claim.job.id)
    assert job is not None
    assert job.state is State.READY
    assert ledger.workers() == []
    assert supervisor.state.restarts == 1
    assert supervisor.state.problem(clock.now()) == ""
    assert supervisor.end(30)
    assert start.processes[-1].asked.is_set()
    assert supervisor.state.restarts == 1, "the end of the server is not a restart"


def test_a_worker_that_keeps_ending_is_a_problem_until_one_has_run_for_a_while(
    ledger: Ledger, clock: ManualClock
) -> None:
    start = Starter(fails=2)
    supervisor = supervisor_of(ledger, clock, start)
    supervisor.start()
    wait_for_processes(start, supervisor, 1).ended.put(3)
    wait_for_processes(start, supervisor, 2)
    problem = "the worker ended 3 times soon after its start: it exited with status 3"
    assert supervisor.state.problem(clock.now()) == problem
    clock.advance(STABLE_S + 1)
    assert supervisor.state.problem(clock.now()) == ""
    start.processes[-1].ended.put(0)
    wait_for_processes(start, supervisor, 3)
    assert supervisor.state.early_ends == 1
    assert supervisor.end(30)


def test_nothing_is_killed_before_the_start_and_after_the_end(ledger: Ledger, clock: ManualClock) -> None:
    start = Starter()
    supervisor = supervisor_of(ledger, clock, start)
    assert supervisor.kill() is None
    assert supervisor.state.problem(clock.now()) == "the worker is not running: it starts"
    supervisor.start()
    wait_for_processes(start, supervisor, 1)
    assert supervisor.end(30)
    assert supervisor.kill() is None
    assert len(start.processes) == 1


def test_an_end_that_is_requested_before_the_start_starts_nothing(ledger: Ledger, clock: ManualClock) -> None:
    start = Starter()
    supervisor = supervisor_of(ledger, clock, start)
    supervisor.begin_end()
    supervisor.start()
    assert supervisor.end(30)
    assert start.processes == []


def test_the_first_restart_is_immediate_and_later_ones_are_not() -> None:
    assert RESTARTS.delay(1) <= 0.1
    assert RESTARTS.delay(20) == 30.0


def test_how_a_process_ended_is_described() -> None:
    assert describe(-9) == "it was killed by signal 9"
    assert describe(2) == "it exited with status 2"
    state = SupervisedWorker(pid=None, since=0.0, restarts=0, early_ends=1, failure=describe(2))
    assert state.problem(0.0) == "the worker is not running: it exited with status 2"
    assert state.name == ""

"""Coordinators on an unreliable transport: every job is done, and its result counts once."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.graph.coordinator_helpers import FakeTransport
from tests.unit.graph.ledger_helpers import claim_jobs, done, failed, get, interrupted, new, settle
from tests.waiting import wait_until

from eddyline.core.clock import ManualClock
from eddyline.core.errors import EddylineError, TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.graph.command import Command
from eddyline.graph.coordinator.coordinator import Coordinator
from eddyline.graph.events import CoordinatorEvent, CoordinatorEventKind
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.outbox.reconcile import ReconcileLimits
from eddyline.graph.ledger.starts import KEEP_S
from eddyline.graph.messages import Delivery, JobResult, JobStarted, Publication, UnpublishableError
from eddyline.graph.retry import RetryPolicy
from eddyline.graph.states import State

BOUNDS = ReconcileLimits(grace_s=0.05, stale_s=0.2, give_up_s=1.0)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    policy = RetryPolicy(base_s=0.01, max_attempts=50)
    with Ledger.open(tmp_path / "ledger.db", policy=policy, poison_after=1000, publishes=True) as opened:
        yield opened


class CoordinatorRunner:
    """Runs coordinators in threads and counts their events."""

    def __init__(self, ledger: Ledger, transport: FakeTransport, count: int = 1, **more: Any) -> None:
        self.stop = Stop()
        self.counts: Counter[str] = Counter()
        self.failures: list[Exception] = []
        self.coordinators = [
            Coordinator(
                ledger,
                transport,
                pools=("cpu",),
                stop=self.stop,
                lease_s=5,
                hold_s=0.2,
                sweep_every_s=0.05,
                on_event=self._count,
                **{"bounds": BOUNDS, **more},
            )
            for _ in range(count)
        ]
        self.threads = [threading.Thread(target=self._run, args=(each,)) for each in self.coordinators]
        for thread in self.threads:
            thread.start()

    def _run(self, coordinator: Coordinator) -> None:
        try:
            coordinator.run()
        except Exception as error:  # noqa: BLE001 - asserted by the test
            self.failures.append(error)

    def _count(self, event: CoordinatorEvent) -> None:
        self.counts[event.kind] += event.count

    def close(self) -> None:
        self.stop.request("the test is over")
        for thread in self.threads:
            thread.join(10)


def _work(transport: FakeTransport, name: str, stop: Stop, rng: random.Random) -> None:
    """A worker that sometimes drops a job, hands it back, fails, or reports twice."""
    receipts: Counter[tuple[str, int]] = Counter()
    while not stop.requested:
        publication = transport.receive_job()
        if publication is None:
            stop.wait(0.002)
            continue
        key = (publication.job.id, publication.base)
        receipts[key] += 1
        fence = publication.base + receipts[key]
        if rng.random() < 0.5:
            transport.report(
                JobStarted(
                    job_id=publication.job.id, fence=fence, worker=name, at=1.0, token=publication.token
                )
            )
        outcome = rng.choices([done(by=name), interrupted(), failed(), None], [8, 1, 1, 1])[0]
        if outcome is not None:
            result = JobResult(
                job_id=publication.job.id,
                fence=fence,
                worker=name,
                at=1.0,
                token=publication.token,
                outcome=outcome,
            )
            transport.report(*[result] * rng.randint(1, 2))
        if outcome == interrupted():
            transport.queue.append(publication)
        transport.settle_one()


@pytest.mark.parametrize("seed", [1, 2])
def test_every_job_is_done_despite_an_unreliable_transport(ledger: Ledger, seed: int) -> None:
    transport = FakeTransport(random.Random(seed), loss=0.1, duplicates=0.2, failure=0.1)
    runner = CoordinatorRunner(ledger, transport, count=2)
    stop = Stop()
    workers = [
        threading.Thread(target=_work, args=(transport, f"w{n}", stop, random.Random(seed * 10 + n)))
        for n in range(3)
    ]
    for worker in workers:
        worker.start()
    try:
        for asset in (f"a{n}" for n in range(10)):
            chunks = tuple(f"{asset}-chunk{n}" for n in range(4))
            ledger.submit([new(f"{asset}-probe"), *(new(c, f"{asset}-probe") for c in chunks)])
            ledger.submit([new(f"{asset}-join", *chunks)])
        wait_until(lambda: not ledger.has_open())
    finally:
        stop.request("the test is over")
        for worker in workers:
            worker.join(10)
        runner.close()
    assert runner.failures == []
    assert ledger.counts() == {state: 60 * (state is State.DONE) for state in State}
    assert all(job.unmet == 0 and job.result for job in ledger.jobs())
    for job in ledger.jobs():
        outcomes = Counter(str(start.outcome) for start in ledger.starts.of_job(job.id))
        assert (outcomes.total(), outcomes["done"]) == (job.starts, 1)
        assert outcomes["interrupted"] + outcomes["lost"] >= job.interruptions


def test_only_the_report_that_the_ledger_rejects_is_parked(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = FakeTransport(random.Random(0))
    ledger.submit([new("a-1"), new("a-2")])
    apply = Ledger.apply_reports

    def reject_one(self: Ledger, reports: list[JobResult], **options: Any) -> object:
        if any(report.job_id == "a-1" for report in reports):
            raise UsageError("rejected on purpose")
        return apply(self, reports, **options)

    monkeypatch.setattr(Ledger, "apply_reports", reject_one)
    runner = CoordinatorRunner(ledger, transport)
    wait_until(lambda: len(transport.queue) == 2)
    for publication in list(transport.queue):
        transport.report(
            JobResult(
                job_id=publication.job.id,
                fence=publication.base + 1,
                worker="ada",
                at=1.0,
                token=publication.token,
                outcome=done(by="ada"),
            )
        )
    wait_until(lambda: get(ledger, "a-2").state == State.DONE and transport.parked)
    runner.close()
    ((_, reason),) = transport.parked
    assert reason == "rejected on purpose"
    assert runner.counts[CoordinatorEventKind.REPORTS_PARKED] == 1


def test_reports_received_during_an_outage_of_the_ledger_are_kept_and_applied_later(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = FakeTransport(random.Random(0))
    received: list[int] = []
    receive = FakeTransport.receive_reports

    def count(self: FakeTransport, wait_s: float) -> list[Delivery]:
        deliveries = receive(self, wait_s)
        received.append(len(deliveries))
        return deliveries

    available = threading.Event()
    apply = Ledger.apply_reports

    def fail_until_available(self: Ledger, reports: list[JobResult], **options: Any) -> object:
        if not available.is_set():
            raise TransientError("the database is unavailable")
        return apply(self, reports, **options)

    monkeypatch.setattr(FakeTransport, "receive_reports", count)
    monkeypatch.setattr(Ledger, "apply_reports", fail_until_available)
    ledger.submit([new("a-1")])
    runner = CoordinatorRunner(ledger, transport)
    wait_until(lambda: transport.queue)
    publication = transport.queue[0]
    transport.report(
        JobResult(
            job_id="a-1",
            fence=publication.base + 1,
            worker="ada",
            at=1.0,
            token=publication.token,
            outcome=done(by="ada"),
        )
    )
    wait_until(lambda: runner.counts[CoordinatorEventKind.STEP_FAILED] >= 2)
    assert sum(received) == 1
    available.set()
    wait_until(lambda: get(ledger, "a-1").state == State.DONE)
    runner.close()
    assert runner.failures == []


def test_a_permanent_error_ends_the_coordinator_with_its_reason(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(_self: FakeTransport) -> Mapping[str, int]:
        raise UsageError("no permission for that queue")

    monkeypatch.setattr(FakeTransport, "queue_depths", deny)
    runner = CoordinatorRunner(ledger, FakeTransport(random.Random(0)))
    wait_until(lambda: runner.failures)
    runner.close()
    assert "no permission" in str(runner.failures[0])


class RejectingTransport(FakeTransport):
    """Rejects the jobs whose ids start with `bad`, temporarily or permanently."""

    permanent: bool = False

    def publish(self, publications: Sequence[Publication]) -> list[EddylineError | None]:
        error = (
            UnpublishableError("too long") if self.permanent else TransientError("this queue is unavailable")
        )
        accepted = [publication for publication in publications if not publication.job.id.startswith("bad")]
        super().publish(accepted)
        return [None if publication in accepted else error for publication in publications]


def test_jobs_that_a_queue_accepted_are_not_sent_again_while_another_queue_rejects_jobs(
    ledger: Ledger,
) -> None:
    transport = RejectingTransport(random.Random(0))
    ledger.submit([new("bad-1"), new("a-1"), new("a-2")])
    runner = CoordinatorRunner(ledger, transport, bounds=ReconcileLimits())
    wait_until(
        lambda: (
            runner.counts[CoordinatorEventKind.PUBLISH_FAILED]
            + runner.counts[CoordinatorEventKind.STEP_FAILED]
            >= 3
        )
    )
    runner.close()
    assert sorted(publication.job.id for publication in transport.queue) == ["a-1", "a-2"]
    assert get(ledger, "bad-1").state is State.READY


def test_a_job_that_fits_in_no_message_is_dead_and_its_dependants_are_cancelled(ledger: Ledger) -> None:
    transport = RejectingTransport(random.Random(0))
    transport.permanent = True
    ledger.submit([new("bad-1"), new("bad-2", "bad-1"), new("a-1")])
    runner = CoordinatorRunner(ledger, transport)
    wait_until(lambda: get(ledger, "bad-2").state is State.CANCELLED and transport.queue)
    runner.close()
    job = get(ledger, "bad-1")
    assert job.state is State.DEAD
    assert job.error is not None
    assert (job.error["message"], job.error["error"]) == ("too long", "UnpublishableError")
    assert runner.counts[CoordinatorEventKind.JOBS_QUARANTINED] == 1
    assert runner.failures == []


def test_jobs_without_a_queue_are_reported(ledger: Ledger) -> None:
    ledger.submit([new("a-1", pool="gpu")])
    runner = CoordinatorRunner(ledger, FakeTransport(random.Random(0)))
    wait_until(lambda: runner.counts[CoordinatorEventKind.QUEUE_MISSING])
    runner.close()
    assert get(ledger, "a-1").state == State.READY


def test_a_coordinator_stops_soon_after_the_request(ledger: Ledger) -> None:
    runner = CoordinatorRunner(ledger, FakeTransport(random.Random(0)), count=2)
    time.sleep(0.05)
    started = time.monotonic()
    runner.close()
    assert time.monotonic() - started < 9
    assert not any(thread.is_alive() for thread in runner.threads)


def _with_greeting(publications: Sequence[Publication]) -> list[Publication]:
    return [
        replace(publication, job=replace(publication.job, spec={**publication.job.spec, "greeting": "hello"}))
        for publication in publications
    ]


def test_publications_are_prepared_before_they_are_sent(ledger: Ledger) -> None:
    transport = FakeTransport(random.Random(0))
    ledger.submit([new("a-1"), new("a-2")])
    runner = CoordinatorRunner(ledger, transport, prepare=_with_greeting)
    wait_until(lambda: len(transport.queue) == 2)
    runner.close()
    assert [publication.job.spec for publication in transport.queue] == [{"greeting": "hello"}] * 2
    assert get(ledger, "a-1").spec == {}, "the ledger's copy is unchanged"


def test_jobs_whose_preparation_fails_temporarily_are_published_later(ledger: Ledger) -> None:
    transport = FakeTransport(random.Random(0))
    failures = iter([TransientError("no history yet")])

    def prepare(publications: Sequence[Publication]) -> Sequence[Publication]:
        for failure in failures:
            raise failure
        return _with_greeting(publications)

    ledger.submit([new("a-1")])
    runner = CoordinatorRunner(ledger, transport, prepare=prepare)
    wait_until(lambda: transport.queue)
    runner.close()
    assert runner.counts[CoordinatorEventKind.STEP_FAILED] >= 1
    assert runner.failures == []
    assert transport.queue[0].job.spec == {"greeting": "hello"}


@pytest.mark.parametrize("failure", [0.0, 0.4])
def test_commands_are_delivered_soon_despite_an_unreliable_transport(ledger: Ledger, failure: float) -> None:
    transport = FakeTransport(random.Random(3), failure=failure, duplicates=0.3)
    runner = CoordinatorRunner(ledger, transport, count=2)
    transport.command_queues["ada"] = []
    ledger.register("ada", "here", 1, lease_s=60)
    ledger.register("bob", "here", 1, lease_s=60)
    started = time.monotonic()
    ledger.drain("ada", "enough")
    ledger.drain("bob", "has no command queue yet")
    wait_until(lambda: transport.command_queues["ada"])
    assert failure or time.monotonic() - started < 5
    wait_until(lambda: not ledger.commands("ada"))
    assert [command.worker for command in ledger.commands("bob")] == ["bob"]
    transport.command_queues["bob"] = []
    wait_until(lambda: not ledger.commands("bob"))
    runner.close()
    assert {command.reason for command in transport.command_queues["bob"]} == {"has no command queue yet"}


def test_a_command_is_delivered_while_no_job_can_be_published(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: FakeTransport, _offers: Sequence[Publication]) -> None:
        raise TransientError("the queues are unavailable")

    monkeypatch.setattr(FakeTransport, "publish", fail)
    transport = FakeTransport(random.Random(0), command_queues={"ada": []})
    ledger.submit([new("a-1")])
    ledger.register("ada", "here", 1, lease_s=60)
    runner = CoordinatorRunner(ledger, transport)
    wait_until(lambda: runner.counts[CoordinatorEventKind.STEP_FAILED] >= 3)
    started = time.monotonic()
    ledger.drain("ada")
    wait_until(lambda: transport.command_queues["ada"])
    assert time.monotonic() - started < 5
    runner.close()


@pytest.mark.parametrize("failure", [0.0, 0.7])
def test_the_command_queue_of_a_lost_worker_is_removed(ledger: Ledger, failure: float) -> None:
    command_queues: dict[str, list[Command]] = {"ada": [], "bob": []}
    transport = FakeTransport(random.Random(0), failure=failure, command_queues=command_queues)
    ledger.register("ada", "here", 1, lease_s=0.1)
    ledger.register("bob", "here", 1, lease_s=60)
    runner = CoordinatorRunner(ledger, transport)
    wait_until(lambda: set(transport.command_queues) == {"bob"})
    runner.close()


def test_a_command_queue_of_an_unknown_worker_is_removed(ledger: Ledger) -> None:
    transport = FakeTransport(random.Random(0), command_queues={"ada": [], "unknown": []})
    ledger.register("ada", "here", 1, lease_s=60)
    runner = CoordinatorRunner(ledger, transport, remove_queues_every_s=0.05)
    wait_until(lambda: set(transport.command_queues) == {"ada"})
    runner.close()
    assert runner.counts[CoordinatorEventKind.QUEUES_REMOVED] == 1


def test_a_coordinator_without_permission_to_list_queues_does_everything_else(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(_self: FakeTransport, _known: Sequence[str]) -> int:
        raise UsageError("no permission to list queues")

    monkeypatch.setattr(FakeTransport, "delete_stale_command_queues", deny)
    transport = FakeTransport(random.Random(0))
    runner = CoordinatorRunner(ledger, transport, remove_queues_every_s=0.05)
    wait_until(lambda: runner.counts[CoordinatorEventKind.QUEUE_REMOVAL_FAILED])
    ledger.submit([new("a-1")])
    wait_until(lambda: transport.queue)
    runner.close()
    assert runner.failures == []


def test_old_assets_are_archived_while_jobs_are_published(ledger: Ledger) -> None:
    transport = FakeTransport(random.Random(0))
    ledger.submit([new(f"a{number}-1") for number in range(5)])
    runner = CoordinatorRunner(ledger, transport, count=2, archive_after_s=0.5, archive_every_s=0.1)
    wait_until(lambda: len(transport.queue) == 5)
    for publication in list(transport.queue)[:4]:
        result = JobResult(
            job_id=publication.job.id,
            fence=publication.base + 1,
            worker="ada",
            at=1.0,
            token=publication.token,
            outcome=done(),
        )
        transport.report(result)
    wait_until(lambda: runner.counts[CoordinatorEventKind.JOBS_ARCHIVED] == 4)
    runner.close()
    assert runner.failures == []
    assert len(ledger.jobs()) == 1


def test_old_rows_of_the_start_history_are_removed_without_archiving(ledger: Ledger, tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db", clock=ManualClock(time.time() - KEEP_S - 10.0)) as old:
        old.submit([new("a-1")])
        (claim,) = claim_jobs(old)
        assert settle(old, claim, done())
    assert len(ledger.starts.of_job("a-1")) == 1
    runner = CoordinatorRunner(ledger, FakeTransport(random.Random(0)))
    wait_until(lambda: runner.counts[CoordinatorEventKind.STARTS_REMOVED] == 1)
    runner.close()
    assert runner.failures == []
    assert ledger.starts.of_job("a-1") == []

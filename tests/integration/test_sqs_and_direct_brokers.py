"""One conformance suite for all brokers."""

from __future__ import annotations

import threading
import time
from typing import Any, Self

import pytest
from tests.integration.aws_site import LEASE_S, DirectSite, QueueSite
from tests.integration.broker_helpers import (
    POOLS,
    claim_many,
    keys,
    register,
    registered_broker,
    settle,
    site,
)
from tests.unit.graph.conftest import postgres
from tests.unit.graph.ledger_helpers import done, failed, get, interrupted, new, states
from tests.waiting import wait_until

from eddyline.core.errors import Interrupted
from eddyline.core.stop import Stop
from eddyline.fleet.drain.command_listener import CommandListener
from eddyline.fleet.notices import Notice, NoticeKind
from eddyline.graph.command import Command
from eddyline.graph.events import CoordinatorEventKind
from eddyline.graph.job import Done, Job, Outcome, Settlement
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine
from eddyline.graph.states import State
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker

__all__ = ["keys", "postgres", "site"]


def _wait_for_state(site: DirectSite | QueueSite, name: str, state: State) -> Job:
    wait_until(lambda: get(site.ledger, name).state == state)
    return get(site.ledger, name)


def test_a_claim_carries_the_complete_job(site: DirectSite | QueueSite) -> None:
    site.ledger.submit([new("a-1", spec={"frames": [0, 48]}, weight=2.5, owner="ada")])
    (claim,) = claim_many(registered_broker(site), 1)
    job = claim.job
    assert (job.id, job.asset, job.kind, job.spec) == ("a-1", "a", "work", {"frames": [0, 48]})
    assert (job.weight, job.owner, job.attempt, job.state) == (2.5, "ada", 1, State.RUNNING)
    assert claim.fence == job.fence > 0


def test_a_claim_of_short_jobs_leaves_the_long_ones_to_others(site: DirectSite | QueueSite) -> None:
    site.ledger.submit([new("a-1", weight=50.0), new("a-2", weight=5.0), new("a-3", kind="rare", weight=1.0)])
    draining, other = registered_broker(site), registered_broker(site, "bob")
    taken: list[str] = []

    def claim_short() -> bool:
        claims = draining.claim(
            "ada", pools=POOLS, limit=2, lease_s=LEASE_S, most_weight={"work": 20.0, "other": 9.0}
        )
        taken.extend(claim.job.id for claim in claims)
        return "a-2" in taken

    wait_until(claim_short)
    left = claim_many(other, 2, "bob")
    assert sorted(claim.job.id for claim in left) == ["a-1", "a-3"]
    assert taken == ["a-2"]
    assert all(settle(other, claim, done()) for claim in left)
    for name in ("a-1", "a-3"):
        assert _wait_for_state(site, name, State.DONE).result is not None


def test_a_result_is_applied_and_releases_dependent_jobs(site: DirectSite | QueueSite) -> None:
    site.ledger.submit([new("a-1"), new("a-2", "a-1")])
    broker = registered_broker(site)
    assert settle(broker, claim_many(broker, 1)[0], done(new("a-3"), frames=48))
    assert _wait_for_state(site, "a-1", State.DONE).result == {"frames": 48}
    assert {claim.job.id for claim in claim_many(broker, 2)} == {"a-2", "a-3"}


def test_a_failure_keeps_its_evidence_and_is_retried(site: DirectSite | QueueSite) -> None:
    site.ledger.submit([new("a-1", max_attempts=2)])
    broker = registered_broker(site)
    assert settle(broker, claim_many(broker, 1)[0], failed())
    (again,) = claim_many(broker, 1)
    assert again.job.attempt == 2
    assert settle(broker, again, failed())
    job = _wait_for_state(site, "a-1", State.DEAD)
    assert job.error is not None
    assert job.error["message"] == "on purpose"


def test_a_job_that_is_handed_back_runs_elsewhere_without_using_an_attempt(
    site: DirectSite | QueueSite,
) -> None:
    site.ledger.submit([new("a-1")])
    ada, bob = registered_broker(site), registered_broker(site, "bob")
    (claim,) = claim_many(ada, 1)
    assert bob.claim("bob", pools=POOLS, limit=1, lease_s=LEASE_S) == []
    assert settle(ada, claim, interrupted())
    begin = time.monotonic()
    (again,) = claim_many(bob, 1, "bob")
    assert time.monotonic() - begin < LEASE_S
    assert again.job.attempt == 1
    assert again.fence > claim.fence
    assert not settle(ada, claim, done(by="ada"))
    assert settle(bob, again, done(by="bob"))
    job = _wait_for_state(site, "a-1", State.DONE)
    assert (job.result, job.interruptions, job.attempt) == ({"by": "bob"}, 1, 1)


def test_a_worker_keeps_its_jobs_beyond_a_lease(site: DirectSite | QueueSite) -> None:
    site.ledger.submit([new("a-1")])
    ada, bob = registered_broker(site), registered_broker(site, "bob")
    (claim,) = claim_many(ada, 1)
    end = time.monotonic() + 1.5 * LEASE_S
    while time.monotonic() < end:
        assert ada.heartbeat("ada", LEASE_S) == ada.held_jobs("ada") == {"a-1": claim.fence}
        bob.expire_leases()
        assert bob.claim("bob", pools=POOLS, limit=1, lease_s=LEASE_S) == []
        time.sleep(0.1)
    assert settle(ada, claim, done())
    assert ada.held_jobs("ada") == {}


def test_more_urgent_jobs_are_claimed_first(site: DirectSite | QueueSite) -> None:
    site.ledger.submit([new(f"bulk-{n}", priority=10) for n in range(4)])
    site.ledger.submit([new("now-1")])
    if isinstance(site, QueueSite):
        wait_until(lambda: site.counts[CoordinatorEventKind.JOBS_PUBLISHED] == 5)
    first = claim_many(registered_broker(site), 1)
    assert [claim.job.id for claim in first] == ["now-1"]


def test_a_worker_runs_a_complete_graph(site: DirectSite | QueueSite) -> None:
    chunks = tuple(f"a-chunk{n}" for n in range(6))
    batch = [new("a-probe"), *(new(name, "a-probe") for name in chunks), new("a-join", *chunks)]
    stop = Stop()
    broker = site.broker()

    def work(job: Job, _context: JobContext) -> Done:
        return Done(result={"id": job.id})

    worker = Worker("ada", broker, {"work": work}, slots=2, pools=POOLS, stop=stop, lease_s=LEASE_S)
    thread = threading.Thread(target=worker.run)
    thread.start()
    site.ledger.submit(batch)
    wait_until(lambda: not site.ledger.has_open())
    stop.request("done")
    thread.join(5)
    assert set(states(site.ledger).values()) == {State.DONE}
    assert all(job.result == {"id": job.id} and job.starts == 1 for job in site.ledger.jobs())


def test_a_stopped_worker_hands_back_its_jobs_at_once(site: DirectSite | QueueSite) -> None:
    site.ledger.submit([new("a-1"), new("a-2")])
    stop = Stop()
    running = threading.Semaphore(0)

    def work(_job: Job, context: JobContext) -> Done:
        running.release()
        context.stop.wait(30)
        raise Interrupted("stop requested")

    options: dict[str, Any] = {"slots": 2, "pools": POOLS, "stop": stop, "lease_s": LEASE_S}
    thread = threading.Thread(target=Worker("ada", site.broker(), {"work": work}, **options).run)
    thread.start()
    assert running.acquire(timeout=10)
    assert running.acquire(timeout=10)
    begin = time.monotonic()
    stop.request("the machine is stopped")
    thread.join(5)
    assert time.monotonic() - begin < 5
    bob = registered_broker(site, "bob")
    assert {claim.job.id for claim in claim_many(bob, 2, "bob")} == {"a-1", "a-2"}
    wait_until(lambda: all(job.interruptions == 1 and job.attempt <= 1 for job in site.ledger.jobs()))


class DrainableWorker:
    """A worker and its command listener, on threads; the handler waits for a stop request."""

    def __init__(self, site: DirectSite | QueueSite, name: str = "ada") -> None:
        self.stop = Stop()
        self.running = threading.Semaphore(0)
        self.stopped = threading.Event()
        self.notices: list[Notice] = []
        broker = site.broker()
        options: dict[str, Any] = {"slots": 2, "pools": POOLS, "stop": self.stop, "lease_s": LEASE_S}
        worker = Worker(name, broker, {"work": self._work}, **options)
        self._thread = threading.Thread(target=worker.run, daemon=True)
        self._thread.start()
        self._listener = CommandListener(broker, worker=name, on_notice=self.notices.append)

    def _work(self, _job: Job, context: JobContext) -> Done:
        self.running.release()
        if context.stop.wait(30):
            self.stopped.set()
            raise Interrupted("stop requested")
        return Done(result={})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.request("the test is over")
        self._thread.join(5)
        self._listener.close()


# A worker without a database reports a start after 0.25 s: commands before that cannot be matched.
@pytest.mark.parametrize("after_s", [0.0, 1.0])
def test_a_cancellation_by_another_process_stops_the_handler_within_two_seconds(
    site: DirectSite | QueueSite, after_s: float
) -> None:
    site.ledger.submit([new("a-1")])
    with DrainableWorker(site) as worker:
        assert worker.running.acquire(timeout=10)
        time.sleep(after_s)
        begin = time.monotonic()
        with _open_again(site) as ledger:
            assert ledger.cancel(job="a-1") == ["a-1"]
        assert worker.stopped.wait(5)
        assert time.monotonic() - begin < 9.0
        site.ledger.submit([new("b-1")])
        assert worker.running.acquire(timeout=10), "the worker continues"
        assert get(site.ledger, "a-1").state is State.CANCELLED
        if isinstance(site, QueueSite):
            queues = site.queues
            wait_until(lambda: sum(queues.depth(queue) for queue in queues.naming.job_queues) == 1)


def test_a_drain_by_another_process_is_received_within_two_seconds(site: DirectSite | QueueSite) -> None:
    with DrainableWorker(site) as worker:
        wait_until(site.ledger.workers)
        begin = time.monotonic()
        with _open_again(site) as ledger:
            assert ledger.drain("ada", "the machine is sold")
            assert not ledger.drain("bob")
        wait_until(lambda: worker.notices)
        assert time.monotonic() - begin < 9.0
        assert [(each.kind, each.reason) for each in worker.notices] == [
            (NoticeKind.DRAIN_COMMAND, "the machine is sold")
        ]
        wait_until(lambda: not site.ledger.commands("ada"))


def test_the_machine_of_a_worker_and_the_usage_of_its_starts_are_recorded(
    site: DirectSite | QueueSite,
) -> None:
    machine = Machine(
        pool="cpu", instance="i-0123456789abcdef0", instance_type="c5.4xlarge", lifecycle="spot", slots=1
    )
    broker = register(site.broker(machine=machine))
    wait_until(lambda: [each.machine for each in site.ledger.workers()] == [machine])
    site.ledger.submit([new("a-1")])
    ends: list[tuple[Outcome, float]] = [(interrupted(), 0.5), (done(), 1.0)]
    for number, (outcome, fraction) in enumerate(ends, 1):
        (claim,) = claim_many(broker, 1)
        settlement = Settlement(
            job_id="a-1", fence=claim.fence, outcome=outcome, cpu_s=2.5, fraction=fraction
        )
        assert broker.settle([settlement]) == [True]
        _wait_for_starts(site.ledger, number)
    first, second = site.ledger.starts.of_job("a-1")
    assert [first.outcome, second.outcome] == [StartOutcome.INTERRUPTED, StartOutcome.DONE]
    assert [(each.cpu_s, each.fraction) for each in (first, second)] == [(2.5, 0.5), (2.5, 1.0)]
    assert {each.instance for each in (first, second)} == {"i-0123456789abcdef0"}
    deadline = time.time() + 120.0
    assert site.ledger.drain_instance("i-0123456789abcdef0", deadline, "interruption") == ("ada",)
    received: list[Command] = []
    until = time.monotonic() + 30
    while not received and time.monotonic() < until:
        received += broker.receive_commands("ada", 1.0)
    assert [command.deadline for command in received] == [deadline]


def _wait_for_starts(ledger: Ledger, count: int) -> None:
    """Wait until job a-1 has this many ended starts."""
    wait_until(lambda: len(ledger.starts.of_job("a-1")) == count)


def _open_again(site: DirectSite | QueueSite) -> Ledger:
    """The ledger, opened as by a program that is neither a worker nor a coordinator."""
    url = site.ledger._database.engine.url
    return Ledger.open(url.render_as_string(hide_password=False))


def test_a_worker_that_deregisters_is_removed_before_its_lease_ends(site: DirectSite | QueueSite) -> None:
    broker = site.broker()
    broker.register("eve", "here", 1, 3600.0)
    wait_until(lambda: [worker.name for worker in site.ledger.workers()] == ["eve"])
    broker.deregister("eve")
    wait_until(lambda: not site.ledger.workers(), timeout_s=10)

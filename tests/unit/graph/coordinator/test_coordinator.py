"""Coordinators over a post that loses, doubles, shuffles and closes: every job is done, and counts once."""

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
from tests.unit.graph.coordinator_helpers import Post
from tests.unit.graph.ledger_helpers import done, failed, get, interrupted, new
from tests.waiting import wait_until

from eddyline.core.errors import EddylineError, TransientError, UsageError
from eddyline.core.stop import Stop
from eddyline.graph.command import Command
from eddyline.graph.coordinator.coordinator import Coordinator
from eddyline.graph.events import CoordinatorEvent
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.reconcile import ReconcileLimits
from eddyline.graph.messages import Delivery, JobResult, JobStarted, Publication, UnpublishableError
from eddyline.graph.retry import RetryPolicy
from eddyline.graph.states import State

BOUNDS = ReconcileLimits(grace_s=0.05, stale_s=0.2, give_up_s=1.0)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    policy = RetryPolicy(base_s=0.01, max_attempts=50)
    with Ledger.open(tmp_path / "ledger.db", policy=policy, poison_after=1000, publishes=True) as opened:
        yield opened


class Office:
    """Coordinators in threads, and one who counts what they note."""

    def __init__(self, ledger: Ledger, post: Post, count: int = 1, **more: Any) -> None:
        self.stop = Stop()
        self.notes: Counter[str] = Counter()
        self.failures: list[Exception] = []
        self.coordinators = [
            Coordinator(
                ledger,
                post,
                pools=("cpu",),
                stop=self.stop,
                lease_s=5,
                hold_s=0.2,
                sweep_every_s=0.05,
                on_event=self._note,
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

    def _note(self, note: CoordinatorEvent) -> None:
        self.notes[note.kind] += note.count

    def close(self) -> None:
        self.stop.request("the test is over")
        for thread in self.threads:
            thread.join(10)


def _work(post: Post, name: str, stop: Stop, rng: random.Random) -> None:
    """A worker that now and then forgets, hands back, fails, or says things twice."""
    receipts: Counter[tuple[str, int]] = Counter()
    while not stop.requested:
        offer = post.take()
        if offer is None:
            stop.wait(0.002)
            continue
        key = (offer.job.id, offer.base)
        receipts[key] += 1
        fence = offer.base + receipts[key]
        if rng.random() < 0.5:
            post.tell(JobStarted(job_id=offer.job.id, fence=fence, worker=name, at=1.0, token=offer.token))
        outcome = rng.choices([done(by=name), interrupted(), failed(), None], [8, 1, 1, 1])[0]
        if outcome is not None:
            said = JobResult(
                job_id=offer.job.id, fence=fence, worker=name, at=1.0, token=offer.token, outcome=outcome
            )
            post.tell(*[said] * rng.randint(1, 2))
        if outcome == interrupted():
            post.queue.append(offer)
        post.settled()


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_the_post_does_every_job_is_done(ledger: Ledger, seed: int) -> None:
    post = Post(random.Random(seed), loses=0.1, doubles=0.2, fails=0.1)
    office = Office(ledger, post, count=2)
    stop = Stop()
    workers = [
        threading.Thread(target=_work, args=(post, f"w{n}", stop, random.Random(seed * 10 + n)))
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
        stop.request("over")
        for worker in workers:
            worker.join(10)
        office.close()
    assert office.failures == []
    assert ledger.counts() == {state: 60 * (state is State.DONE) for state in State}
    assert all(job.unmet == 0 and job.result for job in ledger.jobs())


def test_an_answer_that_the_ledger_refuses_is_parked_alone(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post(random.Random(0))
    ledger.submit([new("a-1"), new("a-2")])
    apply = Ledger.apply_reports

    def picky(self: Ledger, facts: list[JobResult], **options: Any) -> object:
        if any(fact.job_id == "a-1" for fact in facts):
            raise UsageError("not that one")
        return apply(self, facts, **options)

    monkeypatch.setattr(Ledger, "apply_reports", picky)
    office = Office(ledger, post)
    wait_until(lambda: len(post.queue) == 2)
    for offer in list(post.queue):
        post.tell(
            JobResult(
                job_id=offer.job.id,
                fence=offer.base + 1,
                worker="ada",
                at=1.0,
                token=offer.token,
                outcome=done(by="ada"),
            )
        )
    wait_until(lambda: get(ledger, "a-2").state == State.DONE and post.parked)
    office.close()
    ((_, reason),) = post.parked
    assert reason == "not that one"
    assert office.notes["parked"] == 1


def test_what_the_ledger_could_not_take_is_kept_in_hand_and_recorded_later(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post(random.Random(0))
    collected: list[int] = []
    collect = Post.receive_reports

    def counted(self: Post, wait_s: float) -> list[Delivery]:
        found = collect(self, wait_s)
        collected.append(len(found))
        return found

    outage = threading.Event()
    apply = Ledger.apply_reports

    def away(self: Ledger, facts: list[JobResult], **options: Any) -> object:
        if not outage.is_set():
            raise TransientError("the database is away")
        return apply(self, facts, **options)

    monkeypatch.setattr(Post, "receive_reports", counted)
    monkeypatch.setattr(Ledger, "apply_reports", away)
    ledger.submit([new("a-1")])
    office = Office(ledger, post)
    wait_until(lambda: post.queue)
    offer = post.queue[0]
    post.tell(
        JobResult(
            job_id="a-1",
            fence=offer.base + 1,
            worker="ada",
            at=1.0,
            token=offer.token,
            outcome=done(by="ada"),
        )
    )
    wait_until(lambda: office.notes["waiting"] >= 2)
    assert sum(collected) == 1
    outage.set()
    wait_until(lambda: get(ledger, "a-1").state == State.DONE)
    office.close()
    assert office.failures == []


def test_what_waiting_cannot_mend_ends_the_coordinator_with_its_reason(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: Post) -> Mapping[str, int]:
        raise UsageError("no permission for that queue")

    monkeypatch.setattr(Post, "queue_depths", refused)
    office = Office(ledger, Post(random.Random(0)))
    wait_until(lambda: office.failures)
    office.close()
    assert "no permission" in str(office.failures[0])


class Picky(Post):
    """Does not take some jobs: now, or never."""

    never: bool = False

    def publish(self, offers: Sequence[Publication]) -> list[EddylineError | None]:
        wrong = UnpublishableError("far too long") if self.never else TransientError("this lane is closed")
        good = [offer for offer in offers if not offer.job.id.startswith("bad")]
        super().publish(good)
        return [None if offer in good else wrong for offer in offers]


def test_what_a_queue_took_is_not_sent_again_while_another_takes_nothing(ledger: Ledger) -> None:
    post = Picky(random.Random(0))
    ledger.submit([new("bad-1"), new("a-1"), new("a-2")])
    office = Office(ledger, post, bounds=ReconcileLimits())
    wait_until(lambda: office.notes["unpublished"] + office.notes["waiting"] >= 3)
    office.close()
    assert sorted(offer.job.id for offer in post.queue) == ["a-1", "a-2"]
    assert get(ledger, "bad-1").state is State.READY


def test_what_no_message_can_carry_is_dead_and_what_needs_it_cancelled(ledger: Ledger) -> None:
    post = Picky(random.Random(0))
    post.never = True
    ledger.submit([new("bad-1"), new("bad-2", "bad-1"), new("a-1")])
    office = Office(ledger, post)
    wait_until(lambda: get(ledger, "bad-2").state is State.CANCELLED and post.queue)
    office.close()
    job = get(ledger, "bad-1")
    assert job.state is State.DEAD
    assert job.error is not None
    assert (job.error["message"], job.error["error"]) == ("far too long", "UnpublishableError")
    assert office.notes["refused"] == 1
    assert office.failures == []


def test_jobs_without_a_queue_are_told_of(ledger: Ledger) -> None:
    ledger.submit([new("a-1", pool="gpu")])
    office = Office(ledger, Post(random.Random(0)))
    wait_until(lambda: office.notes["no queue"])
    office.close()
    assert get(ledger, "a-1").state == State.READY


def test_a_coordinator_stops_soon_after_it_is_told(ledger: Ledger) -> None:
    office = Office(ledger, Post(random.Random(0)), count=2)
    time.sleep(0.05)
    begin = time.monotonic()
    office.close()
    assert time.monotonic() - begin < 9
    assert not any(thread.is_alive() for thread in office.threads)


def _with_word(offers: Sequence[Publication]) -> list[Publication]:
    return [
        replace(offer, job=replace(offer.job, spec={**offer.job.spec, "word": "hello"})) for offer in offers
    ]


def test_what_is_published_has_been_prepared(ledger: Ledger) -> None:
    post = Post(random.Random(0))
    ledger.submit([new("a-1"), new("a-2")])
    office = Office(ledger, post, prepare=_with_word)
    wait_until(lambda: len(post.queue) == 2)
    office.close()
    assert [offer.job.spec for offer in post.queue] == [{"word": "hello"}] * 2
    assert get(ledger, "a-1").spec == {}, "the ledger's own is as it was"


def test_what_cannot_be_prepared_now_is_published_later(ledger: Ledger) -> None:
    post = Post(random.Random(0))
    failures = iter([TransientError("no history yet")])

    def prepare(offers: Sequence[Publication]) -> Sequence[Publication]:
        for failure in failures:
            raise failure
        return _with_word(offers)

    ledger.submit([new("a-1")])
    office = Office(ledger, post, prepare=prepare)
    wait_until(lambda: post.queue)
    office.close()
    assert office.notes["waiting"] >= 1
    assert office.failures == []
    assert post.queue[0].job.spec == {"word": "hello"}


@pytest.mark.parametrize("fails", [0.0, 0.4])
def test_orders_are_carried_soon_whatever_the_post_does(ledger: Ledger, fails: float) -> None:
    post = Post(random.Random(3), fails=fails, doubles=0.3)
    office = Office(ledger, post, count=2)
    post.boxes["ada"] = []
    ledger.register("ada", "here", 1, lease_s=60)
    ledger.register("bob", "here", 1, lease_s=60)
    begin = time.monotonic()
    ledger.drain("ada", "enough")
    ledger.drain("bob", "who has no box yet")
    wait_until(lambda: post.boxes["ada"])
    assert fails or time.monotonic() - begin < 5
    wait_until(lambda: not ledger.commands("ada"))
    assert [order.worker for order in ledger.commands("bob")] == ["bob"]
    post.boxes["bob"] = []
    wait_until(lambda: not ledger.commands("bob"))
    office.close()
    assert {order.reason for order in post.boxes["bob"]} == {"who has no box yet"}


def test_an_order_reaches_its_worker_though_nothing_can_be_published(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(_self: Post, _offers: Sequence[Publication]) -> None:
        raise TransientError("the lanes are closed")

    monkeypatch.setattr(Post, "publish", stuck)
    post = Post(random.Random(0), boxes={"ada": []})
    ledger.submit([new("a-1")])
    ledger.register("ada", "here", 1, lease_s=60)
    office = Office(ledger, post)
    wait_until(lambda: office.notes["waiting"] >= 3)
    begin = time.monotonic()
    ledger.drain("ada")
    wait_until(lambda: post.boxes["ada"])
    assert time.monotonic() - begin < 5
    office.close()


@pytest.mark.parametrize("fails", [0.0, 0.7])
def test_the_box_of_a_worker_given_up_is_removed(ledger: Ledger, fails: float) -> None:
    boxes: dict[str, list[Command]] = {"ada": [], "bob": []}
    post = Post(random.Random(0), fails=fails, boxes=boxes)
    ledger.register("ada", "here", 1, lease_s=0.1)
    ledger.register("bob", "here", 1, lease_s=60)
    office = Office(ledger, post)
    wait_until(lambda: set(post.boxes) == {"bob"})
    office.close()


def test_a_box_that_belongs_to_nobody_is_removed(ledger: Ledger) -> None:
    post = Post(random.Random(0), boxes={"ada": [], "never heard of": []})
    ledger.register("ada", "here", 1, lease_s=60)
    office = Office(ledger, post, remove_queues_every_s=0.05)
    wait_until(lambda: set(post.boxes) == {"ada"})
    office.close()
    assert office.notes["tidied"] == 1


def test_who_may_not_look_for_boxes_does_all_else(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_self: Post, _known: Sequence[str]) -> int:
        raise UsageError("no permission to list queues")

    monkeypatch.setattr(Post, "delete_stale_command_queues", refused)
    post = Post(random.Random(0))
    office = Office(ledger, post, remove_queues_every_s=0.05)
    wait_until(lambda: office.notes["untidy"])
    ledger.submit([new("a-1")])
    wait_until(lambda: post.queue)
    office.close()
    assert office.failures == []


def test_old_assets_go_to_the_archive_beside_the_work(ledger: Ledger) -> None:
    post = Post(random.Random(0))
    ledger.submit([new(f"a{number}-1") for number in range(5)])
    office = Office(ledger, post, count=2, archive_after_s=0.5, archive_every_s=0.1)
    wait_until(lambda: len(post.queue) == 5)
    for offer in list(post.queue)[:4]:
        fact = JobResult(
            job_id=offer.job.id, fence=offer.base + 1, worker="ada", at=1.0, token=offer.token, outcome=done()
        )
        post.tell(fact)
    wait_until(lambda: office.notes["archived"] == 4)
    office.close()
    assert office.failures == []
    assert len(ledger.jobs()) == 1

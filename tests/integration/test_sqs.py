"""Behaviour specific to SQS: dead letters, zombies, foreign messages and deleted queues."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import pytest
from tests.integration.aws_site import LEASE_S, REGION, Distant, naming, queues
from tests.integration.broker_helpers import claimed, distant, joined, keys, settle
from tests.servers.ministack import Ministack, ministack
from tests.unit.graph.ledger_helpers import done, get, interrupted, new
from tests.waiting import wait_until

from eddyline.aws.client_errors import QueueNotFoundError
from eddyline.aws.sqs.broker import SqsBroker
from eddyline.aws.sqs.client import sqs_client
from eddyline.aws.sqs.dead_letters import redrive_dead_letters
from eddyline.graph.events import CoordinatorEventKind
from eddyline.graph.job import Done
from eddyline.graph.ledger.outbox.reconcile import ReconcileLimits
from eddyline.graph.messages import STRIDE
from eddyline.graph.states import State
from eddyline.graph.worker.broker import Broker

__all__ = ["distant", "keys", "ministack"]

pytestmark = pytest.mark.usefixtures("keys")


def _freeze(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SIGSTOP does: no more requests to the queue."""
    assert isinstance(broker, SqsBroker)
    monkeypatch.setattr(broker, "_extend", lambda: None)


def test_repeated_hand_backs_never_exhaust_the_receive_count(distant: Callable[..., Distant]) -> None:
    place = distant(max_receive_count=4)
    place.ledger.submit([new("a-1")])
    broker = joined(place)
    fences = []
    for _ in range(14):
        claim = claimed(broker)
        fences.append(claim.fence)
        assert settle(broker, claim, interrupted())
    assert fences == sorted(set(fences))
    assert fences[-1] < 2 * STRIDE
    assert settle(broker, claimed(broker), done())
    wait_until(lambda: get(place.ledger, "a-1").state == State.DONE)
    wait_until(lambda: get(place.ledger, "a-1").interruptions >= 13)
    assert place.queues.depth(place.names.dead_letters) == 0


def test_the_job_of_a_frozen_worker_runs_elsewhere_and_its_late_result_is_ignored(
    distant: Callable[..., Distant], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = distant()
    place.ledger.submit([new("a-1")])
    zombie, bob = joined(place), joined(place, "bob")
    claim = claimed(zombie)
    _freeze(zombie, monkeypatch)
    begin = time.monotonic()
    again = claimed(bob, "bob")
    assert time.monotonic() - begin < 10 * LEASE_S
    assert zombie.held_jobs("ada") == {}
    assert not settle(zombie, claim, done(by="zombie"))
    wait_until(lambda: get(place.ledger, "a-1").lease_owner == "bob")
    # Even if it did not notice that time had passed.
    monkeypatch.undo()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert isinstance(zombie, SqsBroker)
    from eddyline.graph.messages import JobResult

    late = JobResult(job_id="a-1", fence=claim.fence, worker="ada", at=1.0, outcome=Done(result={"by": "z"}))
    zombie._reporter.send_results([late], timeout_s=1)
    wait_until(lambda: place.counts[CoordinatorEventKind.REPORTS_IGNORED] > 0)
    assert settle(bob, again, done(by="bob"))
    wait_until(lambda: get(place.ledger, "a-1").state == State.DONE)
    job = get(place.ledger, "a-1")
    assert (job.result, job.starts, job.attempt, job.interruptions) == ({"by": "bob"}, 2, 1, 1)


def test_foreign_messages_are_parked_and_do_not_block_others(
    distant: Callable[..., Distant],
) -> None:
    place = distant()
    lane = place.names.job_queue("cpu", 0)
    assert lane is not None
    place.queues.send(lane, ["hello", '{"v":1,"base":0,"job":{}}', "z:AAAA", "[" * 5000])
    place.queues.send(place.names.reports, ["hello", '{"v":1,"facts":[{"fact":"odd"}]}', '{"v":2}'])
    place.ledger.submit([new("a-1")])
    broker = joined(place)
    assert settle(broker, claimed(broker), done())
    wait_until(lambda: get(place.ledger, "a-1").state == State.DONE)
    broker.claim("ada", pools=("cpu",), limit=9, lease_s=LEASE_S)
    wait_until(lambda: place.queues.depth(place.names.dead_letters) == 7)
    letters = place.queues.receive(place.names.dead_letters, limit=10, wait_s=1, visibility_s=0)
    assert all(letter.attributes["reason"] and letter.attributes["queue"] for letter in letters)


def test_dead_letters_are_redriven_through_the_ledger(distant: Callable[..., Distant]) -> None:
    place = distant(max_receive_count=2, bounds=ReconcileLimits(stale_s=3600))
    place.ledger.submit([new("a-1")])
    # Two workers that take the message and vanish.
    lane = place.names.job_queue("cpu", 0)
    assert lane is not None
    for _ in range(2):
        wait_until(lambda: place.queues.receive(lane, limit=1, wait_s=1, visibility_s=0))
    wait_until(lambda: not place.queues.receive(lane, limit=1, wait_s=0, visibility_s=0))
    assert place.queues.depth(place.names.dead_letters) == 1
    place.queues.send(place.names.dead_letters, ["not a job"])
    found = redrive_dead_letters(place.queues, place.ledger)
    assert found.again == ["a-1"]
    assert len(found.kept) == 1
    broker = joined(place)
    claim = claimed(broker)
    assert claim.fence > STRIDE * 2
    assert settle(broker, claim, done())
    wait_until(lambda: get(place.ledger, "a-1").state == State.DONE)
    assert place.queues.depth(place.names.dead_letters) == 1
    assert redrive_dead_letters(place.queues, place.ledger).again == []
    dropped = redrive_dead_letters(place.queues, place.ledger, drop=True)
    assert (list(dropped.dropped.values()), dropped.kept) == (list(found.kept.values()), {})
    assert place.queues.depth(place.names.dead_letters) == 0


def test_a_superfluous_dead_letter_is_deleted(
    distant: Callable[..., Distant],
) -> None:
    place = distant(bounds=ReconcileLimits(stale_s=3600))
    lane = place.names.job_queue("cpu", 0)
    assert lane is not None
    place.ledger.submit([new("a-1"), new("b-1")])
    wait_until(lambda: place.queues.depth(lane) == 2)
    old = place.queues.receive(lane, limit=10, wait_s=1, visibility_s=60)
    place.ledger.publications.republish("a-1")
    broker = joined(place)
    claim = claimed(broker)
    wait_until(lambda: get(place.ledger, "a-1").lease_owner == "ada")
    place.ledger.cancel(job="b-1")
    place.queues.send(place.names.dead_letters, [message.body for message in old])
    found = redrive_dead_letters(place.queues, place.ledger)
    assert (found.again, sorted(found.settled), found.kept) == ([], ["a-1", "b-1"], {})
    assert settle(broker, claim, done())
    wait_until(lambda: get(place.ledger, "a-1").state == State.DONE)
    assert get(place.ledger, "b-1").state == State.CANCELLED
    assert place.queues.depth(place.names.dead_letters) == 0


def test_a_redrive_cancels_the_job_on_its_worker(distant: Callable[..., Distant]) -> None:
    place = distant(bounds=ReconcileLimits(stale_s=3600))
    lane = place.names.job_queue("cpu", 0)
    assert lane is not None
    place.ledger.submit([new("a-1")])
    broker = joined(place)
    claim = claimed(broker)
    wait_until(lambda: get(place.ledger, "a-1").lease_owner == "ada")
    assert isinstance(broker, SqsBroker)
    holding = broker._in_flight.find(("a-1", claim.fence))
    assert holding is not None
    place.queues.send(place.names.dead_letters, [holding.message.body])
    assert redrive_dead_letters(place.queues, place.ledger).again == ["a-1"]
    wait_until(lambda: broker.receive_commands("ada", 1) == [] and not broker.held_jobs("ada"))
    again = claimed(broker)
    assert again.fence > claim.fence
    assert settle(broker, again, done())
    wait_until(lambda: get(place.ledger, "a-1").state == State.DONE)


def test_commands_wait_for_a_command_queue_that_is_created_again(
    distant: Callable[..., Distant],
) -> None:
    place = distant()
    broker = joined(place)
    wait_until(place.ledger.workers)
    place.queues.delete_queue(place.names.command_queue("ada"))
    assert place.ledger.drain("ada", "enough")
    time.sleep(0.3)
    received: list[str] = []

    def hear() -> list[str]:
        received.extend(order.reason for order in broker.receive_commands("ada", 1))
        return received

    wait_until(hear)
    assert received == ["enough"]
    wait_until(lambda: place.ledger.commands("ada") == [])


def test_a_command_queue_is_deleted_with_its_worker_and_created_again_by_a_live_one(
    distant: Callable[..., Distant],
) -> None:
    place = distant()
    ada, bob = joined(place), joined(place, "bob")
    boxes = {name: place.names.command_queue(name) for name in ("ada", "bob")}
    wait_until(lambda: len(place.ledger.workers()) == 2)
    assert isinstance(ada, SqsBroker)
    ada.close()
    with pytest.raises(QueueNotFoundError):
        place.queues.depth(boxes["ada"])
    # As a worker that is frozen for longer than its leases.
    place.ledger._database.write(lambda c: c.exec_driver_sql("UPDATE workers SET deadline = 1"))
    wait_until(lambda: not place.ledger.workers())
    wait_until(lambda: _is_gone(place, boxes["bob"]))
    assert bob.receive_commands("bob", 1) == []
    assert place.queues.depth(boxes["bob"]) == 0


def _is_gone(place: Distant, name: str) -> bool:
    try:
        place.queues.depth(name)
    except QueueNotFoundError:
        return True
    return False


def test_deleted_queues_are_created_and_filled_again(distant: Callable[..., Distant]) -> None:
    place = distant(bounds=ReconcileLimits(stale_s=0.5))
    place.ledger.submit([new("a-1"), new("a-2")])
    wait_until(lambda: place.counts[CoordinatorEventKind.JOBS_PUBLISHED] == 2)
    client = sqs_client(endpoint=place.endpoint, region=REGION)
    for name in (*place.names.job_queues, place.names.reports):
        client.delete_queue(QueueUrl=client.get_queue_url(QueueName=name)["QueueUrl"])
    broker = joined(place)
    for _ in range(2):
        claim = claimed(broker)
        assert settle(broker, claim, done())
    wait_until(lambda: not place.ledger.has_open())
    assert place.counts[CoordinatorEventKind.JOBS_REPUBLISHED] >= 2


def test_a_worker_without_queues_waits_for_them(ministack: Ministack) -> None:
    names = naming()
    broker = SqsBroker(queues(ministack.url, names), visibility_s=LEASE_S, wait_s=1)
    broker.subscribe(lambda: None)
    assert broker.claim("ada", pools=("cpu",), limit=1, lease_s=LEASE_S) == []
    time.sleep(0.3)
    assert broker.claim("ada", pools=("cpu",), limit=1, lease_s=LEASE_S) == []
    with pytest.raises(QueueNotFoundError, match="start a coordinator"):
        queues(ministack.url, names).depth(names.dead_letters)
    broker.close()


def test_creating_queues_is_idempotent_and_concurrent(ministack: Ministack) -> None:
    names = naming()
    made = [queues(ministack.url, names) for _ in range(4)]
    threads = [threading.Thread(target=each.ensure_queues) for each in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made[0].ensure_queues()
    policy = json.loads(made[0].attributes(names.job_queues[0], "All")["RedrivePolicy"])
    assert policy["deadLetterTargetArn"].endswith(names.dead_letters)
    assert int(policy["maxReceiveCount"]) == 10


def test_a_long_plan_is_compressed_and_an_oversized_result_fails_its_job(
    distant: Callable[..., Distant],
) -> None:
    place = distant()
    place.ledger.submit([new("a-1"), new("b-1")])
    broker = joined(place)
    for _ in range(2):
        claim = claimed(broker)
        if claim.job.id == "a-1":
            spawn = tuple(
                new(f"a-chunk{n}", spec={"frames": [n, n + 1], "n": "x" * 200}) for n in range(3000)
            )
            assert settle(broker, claim, Done(result={}, spawn=spawn))
        else:
            import random

            noise = random.Random(1).randbytes(400_000).hex()
            assert settle(broker, claim, Done(result={"noise": noise}))
    wait_until(lambda: get(place.ledger, "a-1").state == State.DONE)
    wait_until(lambda: get(place.ledger, "b-1").state == State.DEAD)
    error = get(place.ledger, "b-1").error
    assert error is not None
    assert error["error"] == "TooLongError"
    assert len(place.ledger.jobs(asset="a")) == 3001

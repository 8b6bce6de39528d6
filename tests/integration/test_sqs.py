"""Behaviour specific to SQS: dead letters, zombies, foreign messages and deleted queues."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.aws_site import LEASE_S, REGION, QueueSite, queue_names, queues
from tests.integration.broker_helpers import (
    POOLS,
    claim_many,
    claim_one,
    keys,
    make_site,
    registered_broker,
    settle,
)
from tests.servers.ministack import Ministack
from tests.unit.graph.ledger_helpers import done, get, interrupted, new
from tests.waiting import wait_until

from eddyline.aws.client_errors import QueueNotFoundError
from eddyline.aws.clients import open_client
from eddyline.aws.sqs.broker import SqsBroker
from eddyline.aws.sqs.client import Message
from eddyline.aws.sqs.dead_letters import redrive_dead_letters
from eddyline.graph.events import CoordinatorEventKind
from eddyline.graph.job import Done
from eddyline.graph.ledger.outbox.reconcile import ReconcileLimits
from eddyline.graph.messages import STRIDE
from eddyline.graph.states import State
from eddyline.graph.worker.broker import Broker

__all__ = ["keys", "make_site"]

pytestmark = pytest.mark.usefixtures("keys")


def _freeze(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops the requests of a broker to its queue, as SIGSTOP does."""
    assert isinstance(broker, SqsBroker)
    monkeypatch.setattr(broker, "_extend", lambda: None)


def test_repeated_hand_backs_never_exhaust_the_receive_count(make_site: Callable[..., QueueSite]) -> None:
    site = make_site(max_receive_count=4)
    site.ledger.submit([new("a-1")])
    broker = registered_broker(site)
    fences = []
    for _ in range(14):
        claim = claim_one(broker)
        fences.append(claim.fence)
        assert settle(broker, claim, interrupted())
    assert fences == sorted(set(fences))
    assert fences[-1] < 2 * STRIDE
    assert settle(broker, claim_one(broker), done())
    wait_until(lambda: get(site.ledger, "a-1").state == State.DONE)
    wait_until(lambda: get(site.ledger, "a-1").interruptions >= 13)
    assert site.queues.depth(site.names.dead_letters) == 0


def test_a_worker_that_takes_only_short_jobs_soon_stops_receiving_long_ones(
    make_site: Callable[..., QueueSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site(max_receive_count=4)
    names = [f"a-{number}" for number in range(4)]
    site.ledger.submit([new(name, weight=50.0) for name in names])
    broker = registered_broker(site)
    assert isinstance(broker, SqsBroker)
    received: list[int] = []
    receive = broker._queues.receive

    def count(*args: Any, **options: Any) -> list[Message]:
        found = receive(*args, **options)
        received.append(len(found))
        return found

    monkeypatch.setattr(broker._queues, "receive", count)
    for _ in range(20):
        assert broker.claim("ada", pools=POOLS, limit=2, lease_s=LEASE_S, most_weight={"work": 9.0}) == []
        time.sleep(0.1)
    wait_until(lambda: sum(received) >= 5)
    assert sum(received) <= 7
    # Nothing was started or lost, and once it takes all jobs it receives them again.
    assert site.queues.depth(site.names.dead_letters) == 0
    assert {get(site.ledger, name).starts for name in names} == {0}
    claims = claim_many(broker, 4)
    assert sorted(claim.job.id for claim in claims) == names
    assert all(settle(broker, claim, done()) for claim in claims)
    wait_until(lambda: all(get(site.ledger, name).state == State.DONE for name in names))


def test_the_job_of_a_frozen_worker_runs_elsewhere_and_its_late_result_is_ignored(
    make_site: Callable[..., QueueSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site()
    site.ledger.submit([new("a-1")])
    zombie, bob = registered_broker(site), registered_broker(site, "bob")
    claim = claim_one(zombie)
    _freeze(zombie, monkeypatch)
    begin = time.monotonic()
    again = claim_one(bob, "bob")
    assert time.monotonic() - begin < 10 * LEASE_S
    assert zombie.held_jobs("ada") == {}
    assert not settle(zombie, claim, done(by="zombie"))
    wait_until(lambda: get(site.ledger, "a-1").lease_owner == "bob")
    # The ledger ignores the result even if the worker sends it.
    monkeypatch.undo()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert isinstance(zombie, SqsBroker)
    from eddyline.graph.messages import JobResult

    late = JobResult(job_id="a-1", fence=claim.fence, worker="ada", at=1.0, outcome=Done(result={"by": "z"}))
    zombie._reporter.send_results([late], timeout_s=1)
    wait_until(lambda: site.counts[CoordinatorEventKind.REPORTS_IGNORED] > 0)
    assert settle(bob, again, done(by="bob"))
    wait_until(lambda: get(site.ledger, "a-1").state == State.DONE)
    job = get(site.ledger, "a-1")
    assert (job.result, job.starts, job.attempt, job.interruptions) == ({"by": "bob"}, 2, 1, 1)


def test_foreign_messages_are_parked_and_do_not_block_others(
    make_site: Callable[..., QueueSite],
) -> None:
    site = make_site()
    queue = site.names.job_queue("cpu", 0)
    assert queue is not None
    site.queues.send(queue, ["hello", '{"v":1,"base":0,"job":{}}', "z:AAAA", "[" * 5000])
    site.queues.send(site.names.reports, ["hello", '{"v":1,"facts":[{"fact":"odd"}]}', '{"v":2}'])
    site.ledger.submit([new("a-1")])
    broker = registered_broker(site)
    assert settle(broker, claim_one(broker), done())
    wait_until(lambda: get(site.ledger, "a-1").state == State.DONE)
    broker.claim("ada", pools=("cpu",), limit=9, lease_s=LEASE_S)
    wait_until(lambda: site.queues.depth(site.names.dead_letters) == 7)
    parked = site.queues.receive(site.names.dead_letters, limit=10, wait_s=1, visibility_s=0)
    assert all(message.attributes["reason"] and message.attributes["queue"] for message in parked)


def test_dead_letters_are_redriven_through_the_ledger(make_site: Callable[..., QueueSite]) -> None:
    site = make_site(max_receive_count=2, bounds=ReconcileLimits(stale_s=3600))
    site.ledger.submit([new("a-1")])
    # Two workers receive the message and are lost.
    queue = site.names.job_queue("cpu", 0)
    assert queue is not None
    for _ in range(2):
        wait_until(lambda: site.queues.receive(queue, limit=1, wait_s=1, visibility_s=0))
    wait_until(lambda: not site.queues.receive(queue, limit=1, wait_s=0, visibility_s=0))
    assert site.queues.depth(site.names.dead_letters) == 1
    site.queues.send(site.names.dead_letters, ["not a job"])
    found = redrive_dead_letters(site.queues, site.ledger)
    assert found.again == ["a-1"]
    assert len(found.kept) == 1
    broker = registered_broker(site)
    claim = claim_one(broker)
    assert claim.fence > STRIDE * 2
    assert settle(broker, claim, done())
    wait_until(lambda: get(site.ledger, "a-1").state == State.DONE)
    assert site.queues.depth(site.names.dead_letters) == 1
    assert redrive_dead_letters(site.queues, site.ledger).again == []
    dropped = redrive_dead_letters(site.queues, site.ledger, drop=True)
    assert (list(dropped.dropped.values()), dropped.kept) == (list(found.kept.values()), {})
    assert site.queues.depth(site.names.dead_letters) == 0


def test_a_dead_letter_of_a_job_that_is_running_or_ended_is_deleted(
    make_site: Callable[..., QueueSite],
) -> None:
    site = make_site(bounds=ReconcileLimits(stale_s=3600))
    queue = site.names.job_queue("cpu", 0)
    assert queue is not None
    site.ledger.submit([new("a-1"), new("b-1")])
    wait_until(lambda: site.queues.depth(queue) == 2)
    old = site.queues.receive(queue, limit=10, wait_s=1, visibility_s=60)
    site.ledger.publications.republish("a-1")
    broker = registered_broker(site)
    claim = claim_one(broker)
    wait_until(lambda: get(site.ledger, "a-1").lease_owner == "ada")
    site.ledger.cancel(job="b-1")
    site.queues.send(site.names.dead_letters, [message.body for message in old])
    found = redrive_dead_letters(site.queues, site.ledger)
    assert (found.again, sorted(found.settled), found.kept) == ([], ["a-1", "b-1"], {})
    assert settle(broker, claim, done())
    wait_until(lambda: get(site.ledger, "a-1").state == State.DONE)
    assert get(site.ledger, "b-1").state == State.CANCELLED
    assert site.queues.depth(site.names.dead_letters) == 0


def test_a_redrive_cancels_the_job_on_its_worker(make_site: Callable[..., QueueSite]) -> None:
    site = make_site(bounds=ReconcileLimits(stale_s=3600))
    queue = site.names.job_queue("cpu", 0)
    assert queue is not None
    site.ledger.submit([new("a-1")])
    broker = registered_broker(site)
    claim = claim_one(broker)
    wait_until(lambda: get(site.ledger, "a-1").lease_owner == "ada")
    assert isinstance(broker, SqsBroker)
    in_flight = broker._in_flight.find(("a-1", claim.fence))
    assert in_flight is not None
    site.queues.send(site.names.dead_letters, [in_flight.message.body])
    assert redrive_dead_letters(site.queues, site.ledger).again == ["a-1"]
    wait_until(lambda: broker.receive_commands("ada", 1) == [] and not broker.held_jobs("ada"))
    again = claim_one(broker)
    assert again.fence > claim.fence
    assert settle(broker, again, done())
    wait_until(lambda: get(site.ledger, "a-1").state == State.DONE)


def test_commands_wait_for_a_command_queue_that_is_created_again(
    make_site: Callable[..., QueueSite],
) -> None:
    site = make_site()
    broker = registered_broker(site)
    wait_until(site.ledger.workers)
    site.queues.delete_queue(site.names.command_queue("ada"))
    assert site.ledger.drain("ada", "enough")
    time.sleep(0.3)
    received: list[str] = []

    def receive() -> list[str]:
        received.extend(command.reason for command in broker.receive_commands("ada", 1))
        return received

    wait_until(receive)
    assert received == ["enough"]
    wait_until(lambda: site.ledger.commands("ada") == [])


def test_a_command_queue_is_deleted_with_its_worker_and_created_again_by_a_live_one(
    make_site: Callable[..., QueueSite],
) -> None:
    site = make_site()
    ada, bob = registered_broker(site), registered_broker(site, "bob")
    command_queues = {name: site.names.command_queue(name) for name in ("ada", "bob")}
    wait_until(lambda: len(site.ledger.workers()) == 2)
    assert isinstance(ada, SqsBroker)
    ada.close()
    with pytest.raises(QueueNotFoundError):
        site.queues.depth(command_queues["ada"])
    # As if the workers were frozen for longer than their leases.
    site.ledger._database.write(lambda c: c.exec_driver_sql("UPDATE workers SET deadline = 1"))
    wait_until(lambda: not site.ledger.workers())
    wait_until(lambda: _is_gone(site, command_queues["bob"]))
    assert bob.receive_commands("bob", 1) == []
    assert site.queues.depth(command_queues["bob"]) == 0


def _is_gone(site: QueueSite, name: str) -> bool:
    try:
        site.queues.depth(name)
    except QueueNotFoundError:
        return True
    return False


def test_deleted_queues_are_created_and_filled_again(make_site: Callable[..., QueueSite]) -> None:
    site = make_site(bounds=ReconcileLimits(stale_s=0.5))
    site.ledger.submit([new("a-1"), new("a-2")])
    wait_until(lambda: site.counts[CoordinatorEventKind.JOBS_PUBLISHED] == 2)
    client = open_client("sqs", endpoint=site.endpoint, region=REGION)
    for name in (*site.names.job_queues, site.names.reports):
        client.delete_queue(QueueUrl=client.get_queue_url(QueueName=name)["QueueUrl"])
    broker = registered_broker(site)
    for _ in range(2):
        claim = claim_one(broker)
        assert settle(broker, claim, done())
    wait_until(lambda: not site.ledger.has_open())
    assert site.counts[CoordinatorEventKind.JOBS_REPUBLISHED] >= 2


def test_a_worker_waits_until_its_queues_exist(ministack: Ministack) -> None:
    names = queue_names()
    broker = SqsBroker(queues(ministack.url, names), visibility_s=LEASE_S, wait_s=1)
    broker.subscribe(lambda: None)
    assert broker.claim("ada", pools=("cpu",), limit=1, lease_s=LEASE_S) == []
    time.sleep(0.3)
    assert broker.claim("ada", pools=("cpu",), limit=1, lease_s=LEASE_S) == []
    with pytest.raises(QueueNotFoundError, match="start a coordinator"):
        queues(ministack.url, names).depth(names.dead_letters)
    broker.close()


def test_creating_queues_is_idempotent_and_concurrent(ministack: Ministack) -> None:
    names = queue_names()
    clients = [queues(ministack.url, names) for _ in range(4)]
    threads = [threading.Thread(target=each.ensure_queues) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clients[0].ensure_queues()
    policy = json.loads(clients[0].attributes(names.job_queues[0], "All")["RedrivePolicy"])
    assert policy["deadLetterTargetArn"].endswith(names.dead_letters)
    assert int(policy["maxReceiveCount"]) == 10


def test_a_long_plan_is_compressed_and_an_oversized_result_fails_its_job(
    make_site: Callable[..., QueueSite],
) -> None:
    site = make_site()
    site.ledger.submit([new("a-1"), new("b-1")])
    broker = registered_broker(site)
    for _ in range(2):
        claim = claim_one(broker)
        if claim.job.id == "a-1":
            spawn = tuple(
                new(f"a-chunk{n}", spec={"frames": [n, n + 1], "n": "x" * 200}) for n in range(3000)
            )
            assert settle(broker, claim, Done(result={}, spawn=spawn))
        else:
            import random

            noise = random.Random(1).randbytes(400_000).hex()
            assert settle(broker, claim, Done(result={"noise": noise}))
    wait_until(lambda: get(site.ledger, "a-1").state == State.DONE)
    wait_until(lambda: get(site.ledger, "b-1").state == State.DEAD)
    error = get(site.ledger, "b-1").error
    assert error is not None
    assert error["error"] == "TooLongError"
    assert len(site.ledger.jobs(asset="a")) == 3001

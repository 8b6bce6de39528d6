"""Faults of queues: rejected and oversized jobs, duplicates, poison jobs, and the limit of 12 hours."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.aws_site import LEASE_S, REGION, Distant
from tests.integration.broker_helpers import claimed, distant, keys, present, settle
from tests.servers.ministack import ministack
from tests.unit.graph.ledger_helpers import done, get, interrupted, new
from tests.waiting import wait_until

from eddyline.aws.client_errors import QueueNotFoundError
from eddyline.aws.sqs.client import QueueNames, SqsClient, sqs_client
from eddyline.aws.sqs.dead_letters import redrive_dead_letters
from eddyline.aws.sqs.message_body import encode_body
from eddyline.aws.sqs.transport import SqsTransport
from eddyline.core.log_fields import record_fields
from eddyline.graph.events import CoordinatorEventKind
from eddyline.graph.ledger.outbox.reconcile import ReconcileLimits
from eddyline.graph.messages import STRIDE, Publication
from eddyline.graph.states import State

__all__ = ["distant", "keys", "ministack"]

pytestmark = pytest.mark.usefixtures("keys")

HERE = Path(__file__).parent


def _lane(place: Distant) -> str:
    lane = place.names.job_queue("cpu", 0)
    assert lane is not None
    return lane


def test_a_rejected_job_is_reported_and_the_others_are_sent_once(
    distant: Callable[..., Distant],
) -> None:
    place = distant()
    place.pause()
    place.ledger.submit([new("a-1"), new("b-1", pool="gpu")])
    taken = place.ledger.publications.take(pools=("cpu", "gpu"), limit=9, hold_s=20)
    names = QueueNames(prefix=place.names.prefix, pools=("cpu", "gpu"), priorities=(0,))
    both = SqsClient(sqs_client(endpoint=place.endpoint, region=REGION), names)
    exchange = SqsTransport(both)
    first = {offer.job.id: why for offer, why in zip(taken, exchange.publish(taken), strict=True)}
    assert first["a-1"] is None
    assert isinstance(first["b-1"], QueueNotFoundError)
    assert exchange.publish([offer for offer in taken if offer.job.id == "b-1"]) == [None], "made meanwhile"
    assert [both.depth(lane) for lane in names.job_queues] == [1, 1]
    exchange.close()


def test_a_job_too_long_for_a_message_is_dead_and_blocks_no_other(
    distant: Callable[..., Distant],
) -> None:
    place = distant()
    noise = random.Random(1).randbytes(400_000).hex()
    place.ledger.submit([new("a-1", spec={"noise": noise}), new("a-2", "a-1"), new("b-1")])
    wait_until(lambda: get(place.ledger, "a-1").state is State.DEAD)
    error = get(place.ledger, "a-1").error
    assert error is not None
    assert (error["error"], error["buried"]) == ("TooLongError", "no message can carry it")
    assert get(place.ledger, "a-2").state is State.CANCELLED
    broker = present(place.broker())
    assert settle(broker, claimed(broker), done())
    wait_until(lambda: get(place.ledger, "b-1").state is State.DONE)
    # Retried, it fails again: it is not retried without end.
    assert place.ledger.redrive("a-1") == ["a-1", "a-2"]
    wait_until(lambda: get(place.ledger, "a-1").state is State.DEAD)
    assert place.counts[CoordinatorEventKind.JOBS_QUARANTINED] == 2


def test_a_worker_runs_a_duplicate_job_once(distant: Callable[..., Distant]) -> None:
    place = distant(bounds=ReconcileLimits(stale_s=3600))
    place.ledger.submit([new("a-1")])
    wait_until(lambda: place.counts[CoordinatorEventKind.JOBS_PUBLISHED] == 1)
    job = get(place.ledger, "a-1")
    # As by a coordinator that is killed between sending and noting that it has sent.
    assert place.exchange.publish([Publication(job=job, base=STRIDE)]) == [None]
    assert place.queues.depth(_lane(place)) == 2
    broker = present(place.broker())
    claim = claimed(broker)
    for _ in range(20):
        assert broker.claim("ada", pools=("cpu",), limit=1, lease_s=LEASE_S) == []
        time.sleep(0.05)
    assert settle(broker, claim, done())
    wait_until(lambda: get(place.ledger, "a-1").state is State.DONE)
    assert get(place.ledger, "a-1").starts == 1
    assert place.queues.depth(_lane(place)) == 0


def test_messages_that_cannot_be_parked_block_no_others(
    distant: Callable[..., Distant], caplog: pytest.LogCaptureFixture
) -> None:
    place = distant()
    place.queues.delete_queue(place.names.dead_letters)
    place.queues.send(place.names.reports, ["hello"])
    place.queues.send(_lane(place), ["hello"])
    place.ledger.submit([new("a-1"), new("a-2", "a-1")])
    broker = present(place.broker())
    for _ in range(2):
        assert settle(broker, claimed(broker), done())
    wait_until(lambda: not place.ledger.has_open())
    broker.claim("ada", pools=("cpu",), limit=9, lease_s=LEASE_S)
    wait_until(lambda: _depth(place, place.names.dead_letters) == 2)

    def is_logged(event: str, queue: str) -> bool:
        return any(
            record.getMessage() == event and record_fields(record)["queue"] == queue
            for record in caplog.records
            if record.name == "eddyline.queues"
        )

    assert is_logged("queue created again after deletion", place.names.dead_letters)
    wait_until(lambda: is_logged("message parked", place.names.reports))
    wait_until(lambda: is_logged("message parked", _lane(place)))


def test_reports_whose_queue_was_deleted_meanwhile_block_no_others(
    distant: Callable[..., Distant],
) -> None:
    place = distant()
    place.pause()
    exchange = SqsTransport(place.queues)
    body = encode_body({"v": 1, "facts": []})
    assert place.queues.send(place.names.reports, [body]) == [True]
    found = exchange.receive_reports(5)
    assert len(found) == 1
    place.queues.delete_queue(place.names.reports)
    exchange.acknowledge(found)
    assert place.queues.send(place.names.reports, [body]) == [True], "the queue was created again"
    exchange.close()


def _depth(place: Distant, queue: str) -> int:
    try:
        return place.queues.depth(queue)
    except QueueNotFoundError:
        return -1


def test_a_job_longer_than_the_maximum_time_in_flight_continues_and_its_result_counts(
    distant: Callable[..., Distant],
) -> None:
    place = distant(bounds=ReconcileLimits(stale_s=3600))
    place.ledger.submit([new("a-1"), new("b-1")])
    ada = present(place.broker(max_in_flight_s=0.5))
    claims = [claimed(ada), claimed(ada)]
    wait_until(lambda: place.queues.depth(_lane(place)) == 0)
    bob = present(place.broker(), "bob")
    time.sleep(1.5 * LEASE_S)
    assert bob.claim("bob", pools=("cpu",), limit=1, lease_s=LEASE_S) == []
    assert set(ada.held_jobs("ada")) == {"a-1", "b-1"}
    assert settle(ada, claims[0], done(by="ada"))
    assert settle(ada, claims[1], interrupted())
    again = claimed(bob, "bob")
    assert again.job.id == claims[1].job.id
    assert settle(bob, again, done(by="bob"))
    wait_until(lambda: not place.ledger.has_open())
    assert get(place.ledger, claims[0].job.id).result == {"by": "ada"}
    assert get(place.ledger, claims[1].job.id).result == {"by": "bob"}


def test_such_a_job_of_a_lost_worker_is_published_again(
    distant: Callable[..., Distant],
) -> None:
    place = distant(bounds=ReconcileLimits(stale_s=0.5))
    place.ledger.submit([new("a-1")])
    ada = present(place.broker(max_in_flight_s=0.1))
    claim = claimed(ada)
    wait_until(
        lambda: get(place.ledger, "a-1").lease_owner == "ada" and place.queues.depth(_lane(place)) == 0
    )
    place.ledger._database.write(lambda c: c.exec_driver_sql("UPDATE workers SET deadline = 1"))
    bob = present(place.broker(), "bob")
    again = claimed(bob, "bob")
    assert again.fence > claim.fence
    assert settle(bob, again, done())
    wait_until(lambda: get(place.ledger, "a-1").state is State.DONE)


def test_a_dead_letter_of_an_archived_job_is_deleted(distant: Callable[..., Distant]) -> None:
    place = distant()
    place.ledger.submit([new("a-1")])
    broker = present(place.broker())
    claim = claimed(broker)
    holding = broker._in_flight.find(("a-1", claim.fence))
    assert holding is not None
    assert settle(broker, claim, done())
    wait_until(lambda: not place.ledger.has_open())
    assert place.ledger.archive(older_than_s=0) == 1
    place.queues.send(place.names.dead_letters, [holding.message.body])
    found = redrive_dead_letters(place.queues, place.ledger)
    assert (found.again, found.settled, found.kept) == ([], ["a-1"], {})
    assert place.queues.depth(place.names.dead_letters) == 0


def test_an_orphaned_command_queue_is_deleted_and_created_again_by_a_returning_worker(
    distant: Callable[..., Distant],
) -> None:
    place = distant()
    ada, bob = present(place.broker()), present(place.broker(), "bob")
    boxes = {name: place.names.command_queue(name) for name in ("ada", "bob", "killed")}
    place.queues.create_queue(boxes["killed"], retention_s=3600)
    place.queues.create_queue(f"{place.names.command_queue_prefix}of-another-program", retention_s=3600)
    exchange = SqsTransport(place.queues, orphaned_s=0.5)
    assert exchange.delete_stale_command_queues(["ada", "bob"]) == 0, "it may only just have been made"
    time.sleep(0.6)
    assert exchange.delete_stale_command_queues(["ada"]) == 1
    assert [_depth(place, box) for box in boxes.values()] == [0, 0, -1]
    time.sleep(0.6)
    assert exchange.delete_stale_command_queues(["ada"]) == 1
    assert [_depth(place, box) for box in boxes.values()] == [0, -1, -1]
    assert place.queues.depth(f"{place.names.command_queue_prefix}of-another-program") == 0
    assert bob.receive_commands("bob", 1) == []
    assert [_depth(place, box) for box in boxes.values()] == [0, 0, -1]
    assert ada.receive_commands("ada", 0) == []
    exchange.close()


@pytest.mark.slow
def test_a_job_that_kills_its_workers_before_their_first_report_is_quarantined(
    distant: Callable[..., Distant],
) -> None:
    place = distant(bounds=ReconcileLimits(stale_s=3600))
    place.ledger.submit([new("a-1")])
    words = (place.endpoint, place.names.prefix)
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    ended = 0
    while get(place.ledger, "a-1").state is not State.DEAD:
        assert ended < 10, "it went on and on"
        victim = subprocess.run(
            [sys.executable, str(HERE / "lost_messages.py"), *words, f"w{ended}"],
            env=environment,
            check=False,
        )
        assert victim.returncode == 9
        ended += 1
        time.sleep(0.2)
    error = get(place.ledger, "a-1").error
    assert error is not None
    assert error["error"] == "KillsItsWorker"

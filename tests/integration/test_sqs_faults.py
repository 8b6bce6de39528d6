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
from tests.integration.aws_site import LEASE_S, REGION, QueueSite
from tests.integration.broker_helpers import claim_one, keys, make_site, register, settle
from tests.unit.graph.ledger_helpers import done, get, interrupted, new
from tests.waiting import wait_until

from eddyline.aws.client_errors import QueueNotFoundError
from eddyline.aws.clients import open_client
from eddyline.aws.sqs.client import QueueNames, SqsClient
from eddyline.aws.sqs.dead_letters import redrive_dead_letters
from eddyline.aws.sqs.message_body import encode_body
from eddyline.aws.sqs.transport import SqsTransport
from eddyline.core.log_fields import record_fields
from eddyline.graph.events import CoordinatorEventKind
from eddyline.graph.ledger.outbox.reconcile import ReconcileLimits
from eddyline.graph.messages import STRIDE, Publication
from eddyline.graph.states import State

__all__ = ["keys", "make_site"]

pytestmark = pytest.mark.usefixtures("keys")

HERE = Path(__file__).parent


def _job_queue(site: QueueSite) -> str:
    queue = site.names.job_queue("cpu", 0)
    assert queue is not None
    return queue


def test_a_rejected_job_is_reported_and_the_others_are_sent_once(
    make_site: Callable[..., QueueSite],
) -> None:
    site = make_site()
    site.stop_coordinator()
    site.ledger.submit([new("a-1"), new("b-1", pool="gpu")])
    taken = site.ledger.publications.take(pools=("cpu", "gpu"), limit=9, hold_s=20)
    names = QueueNames(prefix=site.names.prefix, pools=("cpu", "gpu"), priorities=(0,))
    client = SqsClient(open_client("sqs", endpoint=site.endpoint, region=REGION), names)
    transport = SqsTransport(client)
    errors = {
        publication.job.id: error for publication, error in zip(taken, transport.publish(taken), strict=True)
    }
    assert errors["a-1"] is None
    assert isinstance(errors["b-1"], QueueNotFoundError)
    assert transport.publish([each for each in taken if each.job.id == "b-1"]) == [None], (
        "the queue was created"
    )
    assert [client.depth(queue) for queue in names.job_queues] == [1, 1]
    transport.close()


def test_a_job_too_long_for_a_message_is_dead_and_blocks_no_other(
    make_site: Callable[..., QueueSite],
) -> None:
    site = make_site()
    noise = random.Random(1).randbytes(400_000).hex()
    site.ledger.submit([new("a-1", spec={"noise": noise}), new("a-2", "a-1"), new("b-1")])
    wait_until(lambda: get(site.ledger, "a-1").state is State.DEAD)
    error = get(site.ledger, "a-1").error
    assert error is not None
    assert (error["error"], error["buried"]) == ("TooLongError", "no message can carry it")
    assert get(site.ledger, "a-2").state is State.CANCELLED
    broker = register(site.broker())
    assert settle(broker, claim_one(broker), done())
    wait_until(lambda: get(site.ledger, "b-1").state is State.DONE)
    # A redriven job fails again and is not retried endlessly.
    assert site.ledger.redrive("a-1") == ["a-1", "a-2"]
    wait_until(lambda: get(site.ledger, "a-1").state is State.DEAD)
    assert site.counts[CoordinatorEventKind.JOBS_QUARANTINED] == 2


def test_a_worker_runs_a_duplicate_job_once(make_site: Callable[..., QueueSite]) -> None:
    site = make_site(bounds=ReconcileLimits(stale_s=3600))
    site.ledger.submit([new("a-1")])
    wait_until(lambda: site.counts[CoordinatorEventKind.JOBS_PUBLISHED] == 1)
    job = get(site.ledger, "a-1")
    # As if the coordinator was killed between sending the message and confirming that.
    assert site.transport.publish([Publication(job=job, base=STRIDE)]) == [None]
    assert site.queues.depth(_job_queue(site)) == 2
    broker = register(site.broker())
    claim = claim_one(broker)
    for _ in range(20):
        assert broker.claim("ada", pools=("cpu",), limit=1, lease_s=LEASE_S) == []
        time.sleep(0.05)
    assert settle(broker, claim, done())
    wait_until(lambda: get(site.ledger, "a-1").state is State.DONE)
    assert get(site.ledger, "a-1").starts == 1
    assert site.queues.depth(_job_queue(site)) == 0


def test_messages_that_cannot_be_parked_block_no_others(
    make_site: Callable[..., QueueSite], caplog: pytest.LogCaptureFixture
) -> None:
    site = make_site()
    site.queues.delete_queue(site.names.dead_letters)
    site.queues.send(site.names.reports, ["hello"])
    site.queues.send(_job_queue(site), ["hello"])
    site.ledger.submit([new("a-1"), new("a-2", "a-1")])
    broker = register(site.broker())
    for _ in range(2):
        assert settle(broker, claim_one(broker), done())
    wait_until(lambda: not site.ledger.has_open())
    broker.claim("ada", pools=("cpu",), limit=9, lease_s=LEASE_S)
    wait_until(lambda: _depth(site, site.names.dead_letters) == 2)

    def is_logged(event: str, queue: str) -> bool:
        return any(
            record.getMessage() == event and record_fields(record)["queue"] == queue
            for record in caplog.records
            if record.name == "eddyline.queues"
        )

    assert is_logged("queue created again after deletion", site.names.dead_letters)
    wait_until(lambda: is_logged("message parked", site.names.reports))
    wait_until(lambda: is_logged("message parked", _job_queue(site)))


def test_reports_whose_queue_was_deleted_meanwhile_block_no_others(
    make_site: Callable[..., QueueSite],
) -> None:
    site = make_site()
    site.stop_coordinator()
    transport = SqsTransport(site.queues)
    body = encode_body({"v": 1, "facts": []})
    assert site.queues.send(site.names.reports, [body]) == [True]
    found = transport.receive_reports(5)
    assert len(found) == 1
    site.queues.delete_queue(site.names.reports)
    transport.acknowledge(found)
    assert site.queues.send(site.names.reports, [body]) == [True], "the queue was created again"
    transport.close()


def _depth(site: QueueSite, queue: str) -> int:
    try:
        return site.queues.depth(queue)
    except QueueNotFoundError:
        return -1


def test_a_job_longer_than_the_maximum_time_in_flight_continues_and_its_result_counts(
    make_site: Callable[..., QueueSite],
) -> None:
    site = make_site(bounds=ReconcileLimits(stale_s=3600))
    site.ledger.submit([new("a-1"), new("b-1")])
    ada = register(site.broker(max_in_flight_s=0.5))
    claims = [claim_one(ada), claim_one(ada)]
    wait_until(lambda: site.queues.depth(_job_queue(site)) == 0)
    bob = register(site.broker(), "bob")
    time.sleep(1.5 * LEASE_S)
    assert bob.claim("bob", pools=("cpu",), limit=1, lease_s=LEASE_S) == []
    assert set(ada.held_jobs("ada")) == {"a-1", "b-1"}
    assert settle(ada, claims[0], done(by="ada"))
    assert settle(ada, claims[1], interrupted())
    again = claim_one(bob, "bob")
    assert again.job.id == claims[1].job.id
    assert settle(bob, again, done(by="bob"))
    wait_until(lambda: not site.ledger.has_open())
    assert get(site.ledger, claims[0].job.id).result == {"by": "ada"}
    assert get(site.ledger, claims[1].job.id).result == {"by": "bob"}


def test_a_job_past_the_maximum_time_in_flight_is_published_again_if_its_worker_is_lost(
    make_site: Callable[..., QueueSite],
) -> None:
    site = make_site(bounds=ReconcileLimits(stale_s=0.5))
    site.ledger.submit([new("a-1")])
    ada = register(site.broker(max_in_flight_s=0.1))
    claim = claim_one(ada)
    wait_until(
        lambda: get(site.ledger, "a-1").lease_owner == "ada" and site.queues.depth(_job_queue(site)) == 0
    )
    site.ledger._database.write(lambda c: c.exec_driver_sql("UPDATE workers SET deadline = 1"))
    bob = register(site.broker(), "bob")
    again = claim_one(bob, "bob")
    assert again.fence > claim.fence
    assert settle(bob, again, done())
    wait_until(lambda: get(site.ledger, "a-1").state is State.DONE)


def test_a_dead_letter_of_an_archived_job_is_deleted(make_site: Callable[..., QueueSite]) -> None:
    site = make_site()
    site.ledger.submit([new("a-1")])
    broker = register(site.broker())
    claim = claim_one(broker)
    in_flight = broker._in_flight.find(("a-1", claim.fence))
    assert in_flight is not None
    assert settle(broker, claim, done())
    wait_until(lambda: not site.ledger.has_open())
    assert site.ledger.archive(older_than_s=0) == 1
    site.queues.send(site.names.dead_letters, [in_flight.message.body])
    found = redrive_dead_letters(site.queues, site.ledger)
    assert (found.again, found.settled, found.kept) == ([], ["a-1"], {})
    assert site.queues.depth(site.names.dead_letters) == 0


def test_an_orphaned_command_queue_is_deleted_and_created_again_by_a_returning_worker(
    make_site: Callable[..., QueueSite],
) -> None:
    site = make_site()
    ada, bob = register(site.broker()), register(site.broker(), "bob")
    command_queues = {name: site.names.command_queue(name) for name in ("ada", "bob", "killed")}
    site.queues.create_queue(command_queues["killed"], retention_s=3600)
    site.queues.create_queue(f"{site.names.command_queue_prefix}of-another-program", retention_s=3600)
    transport = SqsTransport(site.queues, orphaned_s=0.5)
    assert transport.delete_stale_command_queues(["ada", "bob"]) == 0, "it may be new"
    time.sleep(0.6)
    assert transport.delete_stale_command_queues(["ada"]) == 1
    assert [_depth(site, queue) for queue in command_queues.values()] == [0, 0, -1]
    time.sleep(0.6)
    assert transport.delete_stale_command_queues(["ada"]) == 1
    assert [_depth(site, queue) for queue in command_queues.values()] == [0, -1, -1]
    assert site.queues.depth(f"{site.names.command_queue_prefix}of-another-program") == 0
    assert bob.receive_commands("bob", 1) == []
    assert [_depth(site, queue) for queue in command_queues.values()] == [0, 0, -1]
    assert ada.receive_commands("ada", 0) == []
    transport.close()


@pytest.mark.slow
def test_a_job_that_kills_its_workers_before_their_first_report_is_quarantined(
    make_site: Callable[..., QueueSite],
) -> None:
    site = make_site(bounds=ReconcileLimits(stale_s=3600))
    site.ledger.submit([new("a-1")])
    arguments = (site.endpoint, site.names.prefix)
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    ended = 0
    while get(site.ledger, "a-1").state is not State.DEAD:
        assert ended < 10, "the job is not quarantined"
        victim = subprocess.run(
            [sys.executable, str(HERE / "crashing_worker.py"), *arguments, f"w{ended}"],
            env=environment,
            check=False,
        )
        assert victim.returncode == 9
        ended += 1
        time.sleep(0.2)
    error = get(site.ledger, "a-1").error
    assert error is not None
    assert error["error"] == "KillsItsWorker"

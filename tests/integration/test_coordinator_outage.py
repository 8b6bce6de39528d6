"""An outage of all coordinators that is longer than the leases loses no work."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from tests.integration.aws_site import LEASE_S, QueueSite
from tests.integration.broker_helpers import keys, make_site
from tests.unit.graph.ledger_helpers import done, get, new
from tests.waiting import wait_until

from eddyline.aws.sqs.broker import SqsBroker
from eddyline.aws.sqs.message_body import encode_body
from eddyline.graph.coordinator.wire import report_to_json
from eddyline.graph.events import CoordinatorEventKind
from eddyline.graph.job import Claim, Settlement
from eddyline.graph.ledger.outbox.reconcile import ReconcileLimits
from eddyline.graph.messages import Heartbeat
from eddyline.graph.states import State

__all__ = ["keys", "make_site"]


@pytest.fixture
def site(make_site: Callable[..., QueueSite]) -> QueueSite:
    return make_site(bounds=ReconcileLimits(stale_s=0.5))


def _claim(broker: SqsBroker) -> Claim:
    claims: list[Claim] = []

    def has_claimed() -> bool:
        claims.extend(broker.claim("ada", pools=("cpu",), limit=1, lease_s=LEASE_S))
        broker.heartbeat("ada", LEASE_S)
        return bool(claims)

    wait_until(has_claimed)
    return claims[0]


def _heartbeat(worker: str) -> Heartbeat:
    return Heartbeat(worker=worker, host="there", pid=1, lease_s=600)


@pytest.mark.slow
def test_an_outage_of_all_coordinators_loses_no_lease_and_no_result(site: QueueSite) -> None:
    site.ledger.submit([new("a-1"), new("a-2")])
    broker = site.broker()
    broker.register("ada", "here", 1, LEASE_S)
    broker.subscribe(lambda: None)
    first, second = _claim(broker), _claim(broker)
    wait_until(lambda: site.ledger.counts()[State.RUNNING] == 2)
    site.stop_coordinator()
    heartbeats = [
        encode_body({"v": 1, "facts": [report_to_json(_heartbeat(f"w{number}"))]}) for number in range(400)
    ]
    assert all(site.queues.send(site.names.reports, heartbeats))
    # One job ends and its message is deleted; the other runs, and ada continues to send heartbeats.
    assert broker.settle([Settlement(job_id=first.job.id, fence=first.fence, outcome=done(by="ada"))]) == [
        True
    ]
    end = time.monotonic() + 3.5 * LEASE_S
    while time.monotonic() < end:
        broker.heartbeat("ada", LEASE_S)
        time.sleep(0.1)
    site.start_coordinator()
    wait_until(lambda: get(site.ledger, first.job.id).state is State.DONE)
    end = time.monotonic() + 3 * LEASE_S
    while time.monotonic() < end:
        broker.heartbeat("ada", LEASE_S)
        time.sleep(0.1)
    running = get(site.ledger, second.job.id)
    assert (running.state, running.lease_owner, running.interruptions) == (State.RUNNING, "ada", 0)
    assert (
        site.counts[CoordinatorEventKind.JOBS_EXPIRED]
        == site.counts[CoordinatorEventKind.JOBS_REPUBLISHED]
        == 0
    )
    assert get(site.ledger, first.job.id).result == {"by": "ada"}
    assert site.queues.depth(site.names.command_queue("ada")) == 0, "the command queue exists"

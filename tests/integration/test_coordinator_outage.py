"""An outage of all coordinators that is longer than the leases loses no work."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from tests.integration.aws_site import LEASE_S, Distant
from tests.integration.broker_helpers import distant, keys
from tests.servers.ministack import ministack
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

__all__ = ["distant", "keys", "ministack"]


@pytest.fixture
def place(distant: Callable[..., Distant]) -> Distant:
    return distant(bounds=ReconcileLimits(stale_s=0.5))


def _claim(broker: SqsBroker) -> Claim:
    found: list[Claim] = []

    def one() -> bool:
        found.extend(broker.claim("ada", pools=("cpu",), limit=1, lease_s=LEASE_S))
        broker.heartbeat("ada", LEASE_S)
        return bool(found)

    wait_until(one)
    return found[0]


def _beat(worker: str) -> Heartbeat:
    return Heartbeat(worker=worker, host="there", pid=1, lease_s=600)


@pytest.mark.slow
def test_an_outage_of_all_coordinators_loses_no_lease_and_no_result(place: Distant) -> None:
    place.ledger.submit([new("a-1"), new("a-2")])
    broker = place.broker()
    broker.register("ada", "here", 1, LEASE_S)
    broker.subscribe(lambda: None)
    first, second = _claim(broker), _claim(broker)
    wait_until(lambda: place.ledger.counts()[State.RUNNING] == 2)
    place.pause()
    others = [encode_body({"v": 1, "facts": [report_to_json(_beat(f"w{number}"))]}) for number in range(400)]
    assert all(place.queues.send(place.names.reports, others))
    # One is done meanwhile, its message deleted; the other runs, and ada goes on to tell that she lives.
    assert broker.settle([Settlement(job_id=first.job.id, fence=first.fence, outcome=done(by="ada"))]) == [
        True
    ]
    give_up = time.monotonic() + 3.5 * LEASE_S
    while time.monotonic() < give_up:
        broker.heartbeat("ada", LEASE_S)
        time.sleep(0.1)
    place.resume()
    wait_until(lambda: get(place.ledger, first.job.id).state is State.DONE)
    give_up = time.monotonic() + 3 * LEASE_S
    while time.monotonic() < give_up:
        broker.heartbeat("ada", LEASE_S)
        time.sleep(0.1)
    running = get(place.ledger, second.job.id)
    assert (running.state, running.lease_owner, running.interruptions) == (State.RUNNING, "ada", 0)
    assert (
        place.counts[CoordinatorEventKind.JOBS_EXPIRED]
        == place.counts[CoordinatorEventKind.JOBS_REPUBLISHED]
        == 0
    )
    assert get(place.ledger, first.job.id).result == {"by": "ada"}
    assert place.queues.depth(place.names.command_queue("ada")) == 0, "it is there"

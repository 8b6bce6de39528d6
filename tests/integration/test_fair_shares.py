"""The order of jobs on every transport: shares of owners, urgency and deadlines."""

from __future__ import annotations

import threading
import time

import pytest
from tests.integration.aws_site import LEASE_S, Direct, Distant
from tests.integration.broker_helpers import CLASSES, keys, place
from tests.servers.ministack import ministack
from tests.unit.graph.conftest import postgres
from tests.unit.graph.ledger_helpers import done, new
from tests.waiting import wait_until

from eddyline.graph.events import CoordinatorEventKind
from eddyline.graph.job import Job, Settlement
from eddyline.graph.worker.broker import Broker

__all__ = ["keys", "ministack", "place", "postgres"]

BULK = 10
MANY = 2000
# What may be ahead of anybody: two windows of a queue, what workers hold, and a share as large as one's own.
AHEAD = 60


class Hall:
    """Workers that do one job after the other, and who was served, in order."""

    def __init__(self, place: Direct | Distant, count: int = 3) -> None:
        self.served: list[Job] = []
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(place.broker(), f"w{number}"))
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, broker: Broker, name: str) -> None:
        broker.register(name, "here", 1, LEASE_S)
        unsubscribe = broker.subscribe(lambda: None)
        while not self._over.is_set():
            for claim in broker.claim(name, pools=CLASSES, limit=1, lease_s=LEASE_S):
                self.served.append(claim.job)
                broker.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=done())])
            time.sleep(0.01)
        unsubscribe()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)


def _settled(place: Direct | Distant) -> None:
    """Publication has come as far as it will for now."""
    if isinstance(place, Distant):
        published = -1
        while place.counts[CoordinatorEventKind.JOBS_PUBLISHED] > published:
            published = place.counts[CoordinatorEventKind.JOBS_PUBLISHED]
            time.sleep(1.0)


@pytest.mark.slow
def test_one_owners_backlog_delays_no_other_owner_urgency_or_deadline(
    place: Direct | Distant,
) -> None:
    crowd = [new(f"a-{number:04d}", owner="A", priority=BULK) for number in range(MANY)]
    place.ledger.submit(crowd)
    _settled(place)
    soon = time.time() + 600
    place.ledger.submit([new(f"b-{number:02d}", owner="B", priority=BULK) for number in range(20)])
    place.ledger.submit([new("c-01", owner="A", priority=BULK, deadline=soon)])
    hall = Hall(place)
    try:
        wait_until(lambda: {"b-19", "c-01"} <= {job.id for job in hall.served}, timeout_s=60)
        place.ledger.submit([new(f"d-{number}", owner="A", priority=0) for number in range(5)])
        before = len(hall.served)
        wait_until(lambda: "d-4" in {job.id for job in hall.served}, timeout_s=60)
    finally:
        hall.end()
    order = [job.id for job in hall.served]
    assert order.index("c-01") <= AHEAD, "half of the places are for what has a deadline"
    assert order.index("b-19") <= 20 + AHEAD
    assert order.index("d-4") <= before + 5 + AHEAD
    assert sum(job.owner == "A" for job in hall.served[: order.index("b-19")]) >= 10, "nor does A starve"

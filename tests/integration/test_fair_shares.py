"""The order of jobs on every transport: shares of owners, urgency and deadlines."""

from __future__ import annotations

import threading
import time

import pytest
from tests.integration.aws_site import LEASE_S, DirectSite, QueueSite
from tests.integration.broker_helpers import POOLS, keys, site
from tests.unit.graph.conftest import postgres
from tests.unit.graph.ledger_helpers import done, new
from tests.waiting import wait_until

from eddyline.graph.events import CoordinatorEventKind
from eddyline.graph.job import Job, Settlement
from eddyline.graph.worker.broker import Broker

__all__ = ["keys", "postgres", "site"]

BULK = 10
MANY = 2000
# The jobs that may precede those of another owner: two publish windows, the jobs of workers, an equal share.
AHEAD = 60


class Workers:
    """Workers on threads that complete one job at a time; `served` lists the jobs in their order."""

    def __init__(self, site: DirectSite | QueueSite, count: int = 3) -> None:
        self.served: list[Job] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(site.broker(), f"w{number}")) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, broker: Broker, name: str) -> None:
        broker.register(name, "here", 1, LEASE_S)
        unsubscribe = broker.subscribe(lambda: None)
        while not self._stop.is_set():
            for claim in broker.claim(name, pools=POOLS, limit=1, lease_s=LEASE_S):
                self.served.append(claim.job)
                broker.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=done())])
            time.sleep(0.01)
        unsubscribe()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)


def _wait_until_published(site: DirectSite | QueueSite) -> None:
    """Waits until the coordinator publishes no further jobs."""
    if isinstance(site, QueueSite):
        published = -1
        while site.counts[CoordinatorEventKind.JOBS_PUBLISHED] > published:
            published = site.counts[CoordinatorEventKind.JOBS_PUBLISHED]
            time.sleep(1.0)


@pytest.mark.slow
def test_the_backlog_of_an_owner_delays_no_other_owner_urgent_job_or_deadline(
    site: DirectSite | QueueSite,
) -> None:
    backlog = [new(f"a-{number:04d}", owner="A", priority=BULK) for number in range(MANY)]
    site.ledger.submit(backlog)
    _wait_until_published(site)
    soon = time.time() + 600
    site.ledger.submit([new(f"b-{number:02d}", owner="B", priority=BULK) for number in range(20)])
    site.ledger.submit([new("c-01", owner="A", priority=BULK, deadline=soon)])
    workers = Workers(site)
    try:
        wait_until(lambda: {"b-19", "c-01"} <= {job.id for job in workers.served}, timeout_s=60)
        site.ledger.submit([new(f"d-{number}", owner="A", priority=0) for number in range(5)])
        before = len(workers.served)
        wait_until(lambda: "d-4" in {job.id for job in workers.served}, timeout_s=60)
    finally:
        workers.stop()
    order = [job.id for job in workers.served]
    assert order.index("c-01") <= AHEAD, "half of the positions are for jobs with deadlines"
    assert order.index("b-19") <= 20 + AHEAD
    assert order.index("d-4") <= before + 5 + AHEAD
    assert sum(job.owner == "A" for job in workers.served[: order.index("b-19")]) >= 10, (
        "A does not starve either"
    )

"""A queue server loses its state while workers that received jobs from it continue."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.integration.aws_site import LEASE_S, REGION, Distant
from tests.servers.ministack import Ministack, NoServerError, running
from tests.unit.graph.ledger_helpers import get, new
from tests.waiting import wait_until

from eddyline.core.stop import Stop
from eddyline.graph.job import Done, Job
from eddyline.graph.ledger.outbox.reconcile import ReconcileLimits
from eddyline.graph.states import State
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker

STALE_S = 3.0


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ministack]:
    for name, value in {
        "ACCESS_KEY_ID": "test",
        "SECRET_ACCESS_KEY": "test",
        "DEFAULT_REGION": REGION,
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    try:
        server = running()
        with server as own:
            yield own
    except NoServerError as error:
        pytest.skip(str(error))


@dataclass
class Hands:
    """Handlers that a test holds up; `begun` are the jobs whose handler began."""

    go: threading.Event = field(default_factory=threading.Event)
    begun: list[str] = field(default_factory=list)

    def work(self, job: Job, context: JobContext) -> Done:
        self.begun.append(job.id)
        while not self.go.wait(0.02):
            context.stop.check()
        return Done(result={})


@pytest.mark.slow
def test_jobs_of_live_workers_are_done_after_the_queue_lost_its_messages(
    queue: Ministack, tmp_path: Path
) -> None:
    place = Distant(queue.url, tmp_path / "ledger.db", bounds=ReconcileLimits(stale_s=STALE_S))
    hands, stop = Hands(), Stop()
    worker = Worker(
        "ada", place.broker(), {"work": hands.work}, slots=2, pools=("cpu",), stop=stop, lease_s=LEASE_S
    )
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        place.ledger.submit([new("a-1"), new("b-1")])
        wait_until(lambda: sorted(hands.begun) == ["a-1", "b-1"])
        wait_until(lambda: get(place.ledger, "a-1").state == State.RUNNING)
        queue.stop()
        queue.start()
        time.sleep(2 * LEASE_S)
        hands.go.set()
        wait_until(lambda: not place.ledger.has_open(), timeout_s=90)
        assert get(place.ledger, "a-1").state == State.DONE
    finally:
        hands.go.set()
        stop.request("the test is over")
        thread.join(20)
        place.close()

"""A queue server loses its state while workers that received jobs from it continue."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.integration.aws_site import LEASE_S, REGION, QueueSite
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
class BlockedHandler:
    """A handler that waits for `release`; `started` lists its jobs."""

    release: threading.Event = field(default_factory=threading.Event)
    started: list[str] = field(default_factory=list)

    def work(self, job: Job, context: JobContext) -> Done:
        self.started.append(job.id)
        while not self.release.wait(0.02):
            context.stop.check()
        return Done(result={})


@pytest.mark.slow
def test_jobs_of_live_workers_are_done_after_the_queue_lost_its_messages(
    queue: Ministack, tmp_path: Path
) -> None:
    site = QueueSite(queue.url, tmp_path / "ledger.db", bounds=ReconcileLimits(stale_s=STALE_S))
    handler, stop = BlockedHandler(), Stop()
    worker = Worker(
        "ada", site.broker(), {"work": handler.work}, slots=2, pools=("cpu",), stop=stop, lease_s=LEASE_S
    )
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        site.ledger.submit([new("a-1"), new("b-1")])
        wait_until(lambda: sorted(handler.started) == ["a-1", "b-1"])
        wait_until(lambda: get(site.ledger, "a-1").state == State.RUNNING)
        queue.stop()
        queue.start()
        time.sleep(2 * LEASE_S)
        handler.release.set()
        wait_until(lambda: not site.ledger.has_open(), timeout_s=90)
        assert get(site.ledger, "a-1").state == State.DONE
    finally:
        handler.release.set()
        stop.request("the test is over")
        thread.join(20)
        site.close()

"""A scale-in grants running jobs the time of the hook, whether SIGTERM comes before or after its notice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.servers.imds import FakeMachine, machine
from tests.unit.graph.ledger_helpers import new
from tests.waiting import wait_until

from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.starts import Start
from eddyline.graph.states import State

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

INSTANCE = "i-0123456789abcdef0"


@dataclass(kw_only=True)
class RunningWorker:
    """A worker process on a fake instance, and its ledger."""

    process: subprocess.Popen[bytes]
    metadata: FakeMachine
    ledger: Ledger
    log: Path

    def start_job(self, seconds: float) -> None:
        """Submit a job and wait until it runs."""
        self.ledger.submit([new("a-1", spec={"seconds": seconds})])
        wait_until(lambda: self.ledger.jobs(state=State.RUNNING), message=self.log.read_text)

    def scale_in(self) -> None:
        """Show what an Auto Scaling group that terminates the instance shows."""
        self.metadata.responses["autoscaling/target-lifecycle-state"] = "Terminated"

    def wait_for_phase(self, reason: str) -> None:
        """Wait until the worker has logged a decision for this reason."""
        wait_until(
            lambda: any(
                line.get("event") == "drain phase" and line["reason"] == reason
                for line in map(json.loads, self.log.read_text().splitlines())
            ),
            message=self.log.read_text,
        )

    def ended_start(self, within_s: float) -> Start:
        """Wait until the process has ended; the only start in the history."""
        assert self.process.wait(within_s) == 0, self.log.read_text()
        (start,) = self.ledger.starts.of_job("a-1")
        return start


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[RunningWorker]:
    with machine() as metadata, _worker(metadata, tmp_path) as running:
        yield running


@contextmanager
def _worker(metadata: FakeMachine, folder: Path) -> Iterator[RunningWorker]:
    metadata.responses |= {"instance-id": INSTANCE, "instance-life-cycle": "spot"}
    location, log = folder / "ledger.db", folder / "log"
    with Ledger.open(location) as ledger, log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.notified_worker", str(location)],
            env={
                **os.environ,
                "AWS_EC2_METADATA_DISABLED": "false",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url,
            },
            stdout=output,
            stderr=output,
        )
        try:
            wait_until(ledger.workers, message=log.read_text)
            yield RunningWorker(process=process, metadata=metadata, ledger=ledger, log=log)
        finally:
            process.kill()
            process.wait()


def test_a_long_job_is_finished_although_sigterm_came_before_the_notice_of_the_scale_in(
    worker: RunningWorker,
) -> None:
    worker.start_job(18.0)  # longer than the 12 s from SIGTERM to SIGKILL
    worker.process.send_signal(signal.SIGTERM)
    worker.wait_for_phase("SIGTERM")
    time.sleep(1.0)  # the poll that SIGTERM causes is over: only the next one shows the scale-in
    worker.scale_in()
    start = worker.ended_start(60)
    assert (start.outcome, start.fraction, start.instance) == (StartOutcome.DONE, 1.0, INSTANCE)
    assert start.ended - start.started >= 18.0


def test_a_long_job_is_handed_back_after_sigterm_without_a_scale_in(worker: RunningWorker) -> None:
    worker.start_job(120.0)
    sent = time.time()
    worker.process.send_signal(signal.SIGTERM)
    start = worker.ended_start(30)
    assert (start.outcome, start.instance) == (StartOutcome.INTERRUPTED, INSTANCE)
    assert 7.0 < start.ended - sent < 12.0
    assert [job.attempt for job in worker.ledger.jobs(state=State.READY)] == [0]


def test_a_spot_notice_tightens_what_a_scale_in_granted(worker: RunningWorker) -> None:
    worker.start_job(40.0)
    worker.scale_in()
    worker.wait_for_phase("scale-in")
    worker.process.send_signal(signal.SIGTERM)
    time.sleep(13.0)  # SIGTERM alone would have ended the worker
    assert worker.process.poll() is None
    assert worker.ledger.jobs(state=State.RUNNING)
    ends = time.time() + 15.0
    worker.metadata.responses["spot/instance-action"] = json.dumps(
        {"action": "terminate", "time": datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    )
    start = worker.ended_start(20)
    assert time.time() < ends
    assert start.outcome is StartOutcome.INTERRUPTED
    assert 0.2 < (start.fraction or 0) < 0.9

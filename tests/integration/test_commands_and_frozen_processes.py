"""Workers and coordinators in real processes: commands, frozen processes and lost queues."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.integration.aws_site import LEASE_S, queue_names
from tests.integration.broker_helpers import KEYS
from tests.servers.ministack import Ministack, NoServerError, running
from tests.unit.graph.conftest import postgres
from tests.unit.graph.ledger_helpers import get, new
from tests.unit.graph.postgres_server import empty_database
from tests.waiting import wait_until

from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State

__all__ = ["postgres"]

HERE = Path(__file__).parent


@dataclass
class Site:
    """A ledger and processes that use it; with queues, workers know only the endpoint of the queues."""

    location: str
    folder: Path
    endpoint: str = ""
    prefix: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        Ledger.open(self.location).close()
        if self.endpoint:
            self.prefix = queue_names().prefix
            self._start("coordinator", "coordinator_process.py", self.location, self.endpoint, self.prefix)

    def worker(self, name: str, seconds: float) -> None:
        arguments = (self.endpoint or self.location, self.prefix, name, str(self.folder / name), str(seconds))
        self._start(name, "drainable_worker.py", *arguments)

    def _start(self, name: str, script: str, *arguments: str) -> None:
        environment = {**os.environ, **KEYS, "PYTHONPATH": str(HERE.parents[1])}
        argv = [sys.executable, str(HERE / script), *arguments]
        self.processes[name] = subprocess.Popen(argv, env=environment)

    def signal(self, name: str, number: int) -> None:
        os.kill(self.processes[name].pid, number)

    def logged_at(self, name: str, event: str, job_id: str) -> float | None:
        """The time at which a worker logged an event of a job; None if it has not."""
        log = self.folder / name
        lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
        return next((float(at) for logged, about, at in lines if (logged, about) == (event, job_id)), None)

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


@pytest.fixture(params=["direct-sqlite", "direct-postgresql", "sqs-postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    broker, dialect = request.param.split("-")
    location = str(tmp_path / "ledger.db")
    if dialect == "postgresql":
        location = empty_database(request.getfixturevalue("postgres"))
    server: Ministack | None = request.getfixturevalue("ministack") if broker == "sqs" else None
    with _running(Site(location, tmp_path, server.url if server else "")) as started:
        yield started


@contextmanager
def _running(site: Site) -> Iterator[Site]:
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.mark.slow
def test_a_cancellation_and_a_drain_reach_a_worker_within_two_seconds(site: Site) -> None:
    site.worker("ada", seconds=60)
    with Ledger.open(site.location) as ledger:
        ledger.submit([new("a-1"), new("b-1", priority=5)])
        wait_until(lambda: site.logged_at("ada", "start", "a-1"))
        wait_until(lambda: get(ledger, "a-1").state == State.RUNNING)
        begin = time.time()
        ledger.cancel(job="a-1")
        wait_until(lambda: site.logged_at("ada", "stopped", "a-1"))
        assert (site.logged_at("ada", "stopped", "a-1") or 0) - begin < 9.0
        # The worker continues with the next job.
        wait_until(lambda: site.logged_at("ada", "start", "b-1"))
        ledger.cancel(job="b-1")
        wait_until(lambda: site.logged_at("ada", "stopped", "b-1"))
        begin = time.time()
        assert ledger.drain("ada", "the machine is sold")
        site.processes["ada"].wait(10)
        assert time.time() - begin < 9.0
        assert site.processes["ada"].returncode == 0
        assert not ledger.drain("eve")
        wait_until(lambda: not ledger.commands("ada"))
        assert ledger.counts()[State.CANCELLED] == 2


@pytest.mark.slow
def test_the_late_result_of_a_frozen_worker_is_ignored(site: Site) -> None:
    site.worker("ada", seconds=1.0)
    with Ledger.open(site.location) as ledger:
        ledger.submit([new("a-1")])
        wait_until(lambda: site.logged_at("ada", "start", "a-1"))
        wait_until(lambda: get(ledger, "a-1").lease_owner == "ada")
        site.signal("ada", signal.SIGSTOP)
        frozen = time.time()
        site.worker("bob", seconds=1.0)
        wait_until(lambda: site.logged_at("bob", "start", "a-1"))
        assert time.time() - frozen >= LEASE_S * 0.5
        wait_until(lambda: get(ledger, "a-1").lease_owner == "bob")
        site.signal("ada", signal.SIGCONT)
        wait_until(lambda: site.logged_at("ada", "end", "a-1") or site.logged_at("ada", "stopped", "a-1"))
        wait_until(lambda: not ledger.has_open())
        time.sleep(0.5)
        job = get(ledger, "a-1")
        assert (job.result, job.starts, job.attempt, job.interruptions) == ({"by": "bob"}, 2, 1, 1)
        # The worker that was frozen continues with other jobs.
        site.signal("bob", signal.SIGKILL)
        ledger.submit([new("b-1")])
        wait_until(lambda: not ledger.has_open(), timeout_s=30)
        assert get(ledger, "b-1").result == {"by": "ada"}


@pytest.mark.slow
def test_commands_reach_workers_after_the_queues_lost_everything(tmp_path: Path) -> None:
    try:
        with running() as server, _running(Site(str(tmp_path / "ledger.db"), tmp_path, server.url)) as site:
            _lose_everything(site, server)
    except NoServerError as error:
        pytest.skip(str(error))


def _lose_everything(site: Site, server: Ministack) -> None:
    site.worker("ada", seconds=60)
    with Ledger.open(site.location) as ledger:
        wait_until(ledger.workers)
        server.stop()
        server.start()
        ledger.submit([new("a-1")])
        wait_until(lambda: site.logged_at("ada", "start", "a-1"), timeout_s=40)
        begin = time.time()
        ledger.cancel(job="a-1")
        wait_until(lambda: site.logged_at("ada", "stopped", "a-1"), timeout_s=40)
        assert (site.logged_at("ada", "stopped", "a-1") or 0) - begin < 9.0
        assert ledger.drain("ada")
        site.processes["ada"].wait(20)
        assert site.processes["ada"].returncode == 0

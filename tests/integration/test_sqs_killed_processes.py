"""Coordinators and workers in real processes, killed at random times."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from tests.integration.aws_site import queue_names, queues
from tests.integration.broker_helpers import KEYS
from tests.servers.ministack import Ministack
from tests.unit.graph.conftest import postgres
from tests.unit.graph.ledger_helpers import new
from tests.unit.graph.postgres_server import empty_database
from tests.waiting import wait_until

from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State

__all__ = ["postgres"]

HERE = Path(__file__).parent
ASSETS = 70
CHUNKS = 2
KILLS = 5
WITHIN_S = 100.0  # less than the age at which reconciliation publishes jobs again


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    return empty_database(str(request.getfixturevalue("postgres")))


class ProcessGroup:
    """Processes of one kind; a killed one is replaced."""

    def __init__(self, script: str, count: int, *arguments: str) -> None:
        self._script = str(HERE / script)
        self._arguments = arguments
        self._number = 0
        self.processes = [self._start() for _ in range(count)]

    def _start(self) -> subprocess.Popen[bytes]:
        self._number += 1
        arguments = [argument.format(n=self._number) for argument in self._arguments]
        environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        return subprocess.Popen([sys.executable, self._script, *arguments], env=environment)

    def kill_one(self, rng: random.Random) -> None:
        victim = rng.randrange(len(self.processes))
        assert self.processes[victim].poll() is None, "it exited by itself"
        self.processes[victim].kill()
        self.processes[victim].wait()
        self.processes[victim] = self._start()

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_killed_processes_leave_no_unfinished_asset(
    location: str, ministack: Ministack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    rng = random.Random(5)
    names = queue_names()
    coordinators = ProcessGroup("coordinator_process.py", 2, location, ministack.url, names.prefix)
    workers = ProcessGroup(
        "worker_process.py", 2, ministack.url, names.prefix, "w{n}", str(tmp_path / "w{n}.log")
    )
    try:
        with Ledger.open(location, publishes=True) as ledger:
            batch = []
            for asset in (f"a{n}" for n in range(ASSETS)):
                chunks = tuple(f"{asset}-chunk{n}" for n in range(CHUNKS))
                batch.append(new(f"{asset}-probe", spec={"n": 0}))
                batch += [new(name, f"{asset}-probe", spec={"n": 1}) for name in chunks]
                batch.append(new(f"{asset}-join", *chunks, spec={"n": 2}))
            ledger.submit(batch)
            expected = len(batch) + ASSETS
            for number in range(1, KILLS + 1):
                goal = number * expected // (KILLS + 2)
                wait_until(partial(_has_done, ledger, goal), timeout_s=WITHIN_S, message=ledger.counts)
                (workers if number % 3 == 0 else coordinators).kill_one(rng)
            wait_until(lambda: not ledger.has_open(), timeout_s=WITHIN_S, message=ledger.counts)
            assert ledger.counts() == {state: expected * (state is State.DONE) for state in State}
            found = ledger.jobs()
            assert all(job.result is not None and job.unmet == 0 for job in found)
            # A job may have been started twice, but every recorded start was real.
            starts = Counter(line for log in tmp_path.glob("w*.log") for line in log.read_text().split())
            assert set(starts) == {job.id for job in found}
            assert ledger.stats().redone <= sum(starts.values()) - expected
            assert all(job.attempt == 1 for job in found)
    finally:
        coordinators.stop()
        workers.stop()
    client = queues(ministack.url, names)
    assert client.depth(names.dead_letters) == 0


def _has_done(ledger: Ledger, goal: int) -> bool:
    return ledger.counts()[State.DONE] >= goal

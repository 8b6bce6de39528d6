"""Several processes on one ledger, some of which are killed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

from tests.waiting import wait_until

from eddyline.graph.job import NewJob
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State

CLAIM_PROCESS = Path(__file__).parents[1] / "claim_process.py"
ASSETS = 30
CHUNKS = 6


def _graph() -> list[NewJob]:
    batch = []
    for asset in (f"a{number}" for number in range(ASSETS)):
        chunks = tuple(f"{asset}-chunk{number}" for number in range(CHUNKS))
        batch.append(NewJob(id=f"{asset}-probe", asset=asset, kind="probe", spec={}))
        batch += [
            NewJob(id=c, asset=asset, kind="chunk", spec={}, dependencies=(f"{asset}-probe",)) for c in chunks
        ]
        batch.append(NewJob(id=f"{asset}-join", asset=asset, kind="join", spec={}, dependencies=chunks))
    return batch


def test_no_job_is_lost_or_done_twice_when_processes_are_killed(ledger_url: str, tmp_path: Path) -> None:
    rng = random.Random(11)
    with Ledger.open(ledger_url) as ledger:
        batch = _graph()
        ledger.submit(batch)
        logs = [tmp_path / f"process{number}.log" for number in range(4)]
        go = tmp_path / "go"
        processes = [
            subprocess.Popen([sys.executable, str(CLAIM_PROCESS), ledger_url, str(log), str(go)])
            for log in logs
        ]
        wait_until(lambda: all(log.exists() for log in logs))
        go.touch()
        for number, killed in enumerate(processes[:2], 1):
            wait_until(partial(_settled_more_than, logs, number * len(batch) // 5))
            time.sleep(rng.uniform(0, 0.02))
            killed.kill()
        for process in processes:
            process.wait(timeout=60)
        assert [process.returncode for process in processes] == [-9, -9, 0, 0]
        expected = len(batch) + ASSETS
        assert ledger.counts() == {state: expected if state is State.DONE else 0 for state in State}
        accepted = Counter(_lines(logs))
        assert set(accepted.values()) == {1}
        # A process may be killed between the commit and the line in its log: at most one batch each.
        assert expected - 2 * 4 <= len(accepted) <= expected
        assert all(job.result is not None and job.unmet == 0 for job in ledger.jobs())


def _lines(logs: list[Path]) -> list[str]:
    return [line for log in logs for line in log.read_text().splitlines()]


def _settled_more_than(logs: list[Path], count: int) -> bool:
    return len(_lines(logs)) > count

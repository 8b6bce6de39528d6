"""Runs a scenario with real processes: one worker for each machine, notices in its metadata, SIGKILL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.servers.imds import FakeMachine, machine
from tests.servers.parent_watch import end_with_parent
from tests.validation.scenario import Figures, MachineLife, PastLife, Scenario
from tests.waiting import wait_until

from eddyline.graph.job import NewJob
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.starts import Start
from eddyline.graph.states import State

_TIMEOUT_S = 240.0


@dataclass(frozen=True, kw_only=True)
class RealRun:
    """The figures, the lives of the machines, and the times from a SIGKILL until its jobs were found lost.

    `false_losses` counts starts that were lost though their worker was alive: this machine was so busy that
    the worker could not renew its lease.
    """

    figures: Figures
    machines: Sequence[PastLife]
    found_after_s: tuple[float, ...]
    false_losses: int


class _Machine:
    """Lives the life of one machine, in a thread. Times are in seconds since 1970."""

    def __init__(self, number: int, life: MachineLife, scenario: Scenario, location: str, log: Path) -> None:
        self.instance = f"i-{number:08x}"
        self.ready = 0.0
        self.notice: float | None = None
        self.exited: float | None = None
        self.killed: float | None = None
        self.ends: float | None = None
        self._life = life
        self._command = [
            sys.executable,
            *("-m", "tests.validation.worker_process", location, self.instance, str(scenario.slots)),
        ]
        self._log = log

    def live(self, submitted: float, over: threading.Event) -> None:
        """From the launch to the SIGKILL, or until the run is over."""
        if over.wait(max(submitted + self._life.launch_s - time.time(), 0.0)):
            return
        with machine() as metadata, self._log.open("wb") as log:
            metadata.responses["instance-id"] = self.instance
            environment = {
                **os.environ,
                "AWS_EC2_METADATA_DISABLED": "false",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url,
            }
            with subprocess.Popen(
                self._command,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - it makes one system call
            ) as process:
                try:
                    assert process.stdout is not None
                    self.ready = float(process.stdout.readline())
                    self._live(process, metadata, over)
                finally:
                    process.kill()

    def _live(self, process: subprocess.Popen[bytes], metadata: FakeMachine, over: threading.Event) -> None:
        if self._life.lives_s is None:
            over.wait()
            return
        ends = self.ready + self._life.lives_s
        if over.wait(max(ends - self._life.notice_s - time.time(), 0.0)):
            return
        if self._life.notice_s:
            when = datetime.fromtimestamp(ends, UTC).isoformat()
            metadata.responses["spot/instance-action"] = json.dumps({"action": "terminate", "time": when})
            self.notice, self.ends = time.time(), ends
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(ends - time.time(), 0.0))
                self.exited = time.time()
                assert process.returncode == 0, self._log.read_text()
        if over.wait(max(ends - time.time(), 0.0)):
            return
        self.killed = time.time()
        self.ends = self.ends or self.killed
        process.kill()

    def past(self, submitted: float) -> PastLife:
        """What happened, after the submission."""

        def after(at: float | None) -> float | None:
            return None if at is None else at - submitted

        return PastLife(
            ready=self.ready - submitted,
            notice=after(self.notice),
            exited=after(self.exited),
            killed=after(self.killed),
            ends=after(self.ends),
        )


def run_for_real(scenario: Scenario, location: str, folder: Path) -> RealRun:
    """Run a scenario on a new ledger at `location`; logs of the workers are written to `folder`."""
    over = threading.Event()
    machines = [
        _Machine(number, life, scenario, location, folder / f"worker-{number}.log")
        for number, life in enumerate(scenario.machines)
    ]
    with Ledger.open(location) as ledger, ThreadPoolExecutor(len(machines)) as threads:
        submitted = time.time()
        ledger.submit([_job(number, seconds) for number, seconds in enumerate(scenario.jobs)])
        lives = [threads.submit(each.live, submitted, over) for each in machines]
        try:
            wait_until(
                lambda: len(ledger.jobs(state=State.DONE)) == len(scenario.jobs),
                timeout_s=_TIMEOUT_S,
                message=lambda: [(each.id, str(each.state)) for each in ledger.jobs()],
            )
        finally:
            over.set()
        for each in lives:
            each.result()
        starts = [start for job in ledger.jobs() for start in ledger.starts.of_job(job.id)]
    return _result(starts, {each.instance: each for each in machines}, submitted)


def _job(number: int, seconds: float) -> NewJob:
    return NewJob(
        id=f"job-{number:04}", asset="asset", kind="work", spec={"seconds": seconds}, weight=seconds
    )


def _result(starts: Sequence[Start], machines: Mapping[str, _Machine], submitted: float) -> RealRun:
    done = [each for each in starts if each.outcome is StartOutcome.DONE]
    back = [each for each in starts if each.outcome is StartOutcome.INTERRUPTED]
    lost = [each for each in starts if each.outcome is StartOutcome.LOST]
    assert len(done) + len(back) + len(lost) == len(starts), "a job has failed"
    assert len({each.job_id for each in done}) == len(done), "a job was done twice"
    redone_s = sum(each.ended - each.started for each in back)
    false_losses = 0
    found_after: dict[str, float] = {}
    for start in lost:
        killed = machines[start.instance].killed
        if killed is None or killed > start.ended:
            false_losses += 1
            continue
        # The ledger learns of the loss later: the work ended with the machine.
        redone_s += killed - start.started
        found_after[start.instance] = start.ended - killed
    past = [each.past(submitted) for each in machines.values()]
    return RealRun(
        figures=Figures(
            makespan_s=max(each.ended for each in done) - submitted,
            redone_s=redone_s,
            drains_s=tuple(
                ended - each.notice
                for each in past
                if each.notice is not None and (ended := each.exited or each.killed) is not None
            ),
            handed_back=len(back),
            lost=len(lost),
            done=len(done),
        ),
        machines=past,
        found_after_s=tuple(found_after.values()),
        false_losses=false_losses,
    )

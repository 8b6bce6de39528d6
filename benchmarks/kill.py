"""How soon a job goes on elsewhere: after kill -9 of its worker's process, and after SIGTERM.

`python -m benchmarks.kill` prints the figures; `measure()` returns them. Two workers are processes of their
own, with leases of 6 s, and one long job runs in one of them. Measured is from the signal to the moment when
the job's handler begins in the other process: the worst case and the median, with the ledger on PostgreSQL
as the broker, and over SQS (MiniStack on loopback, one coordinator, another process).
"""

from __future__ import annotations

import os
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.ministack import _started
from tests.unit.graph.postgres_server import Server

from benchmarks.sqs import KEYS
from eddyline.aws.sqs.broker import SqsBroker
from eddyline.aws.sqs.client import QueueNames, SqsClient, sqs_client
from eddyline.aws.sqs.transport import SqsTransport
from eddyline.cli.signals import Interruption
from eddyline.core.errors import Interrupted
from eddyline.core.stop import Stop
from eddyline.graph.coordinator.coordinator import Coordinator
from eddyline.graph.job import Done, Job, NewJob
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.broker import Broker
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker

KILLS = 4
HAND_BACKS = 8
_LEASE_S = 6.0
_PATIENCE_S = 60.0
_SETTLED_S = 0.7  # by then a new worker is idle and waits
_PHASE_S = 0.7  # kills fall at different moments between two heartbeats
_SQS = "sqs"


def measure() -> dict[str, float]:
    """Seconds from kill -9, and from SIGTERM, until the same job runs in another process."""
    os.environ.update(KEYS)
    with Server("fsync=on") as server:
        found = _figures(("postgres", server.url, server.url), "")
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as name:
        ministack = _started(Path(name))
        try:
            found |= _figures((_SQS, ministack.url, str(Path(name) / "ledger.db")), "_sqs")
        finally:
            ministack.stop()
    return found


def _figures(way: tuple[str, str, str], suffix: str) -> dict[str, float]:
    with _crew(*way) as crew:
        backs = [crew.end(signal.SIGTERM, after_s=0.0) for _ in range(HAND_BACKS)]
        kills = [crew.end(signal.SIGKILL, after_s=number * _PHASE_S) for number in range(KILLS)]
    return {
        f"kill_to_restart{suffix}_s": round(max(kills), 3),
        f"kill_to_restart{suffix}_median_s": round(statistics.median(kills), 3),
        f"handback_to_restart{suffix}_s": round(max(backs), 4),
        f"handback_to_restart{suffix}_median_s": round(statistics.median(backs), 4),
    }


@dataclass(kw_only=True)
class _Crew:
    """Workers as processes; `starts` tells who began the job and when."""

    command: list[str]
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    starts: queue.Queue[tuple[str, float]] = field(default_factory=queue.Queue)
    holder: str = ""
    hired: int = 0

    def hire(self) -> None:
        """One worker more, idle when this returns."""
        name = f"worker-{self.hired}"
        self.hired += 1
        process = subprocess.Popen([*self.command, name], stdout=subprocess.PIPE, text=True)
        self.processes[name] = process
        assert process.stdout is not None
        process.stdout.readline()
        threading.Thread(target=self._listen, args=(name, process), daemon=True).start()
        time.sleep(_SETTLED_S)

    def _listen(self, name: str, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self.starts.put((name, float(line)))

    def begin(self) -> None:
        """Wait until the job runs for the first time."""
        self.holder, _ = self.starts.get(timeout=_PATIENCE_S)

    def end(self, how: signal.Signals, *, after_s: float) -> float:
        """Send a signal to whoever has the job; seconds until another has it. Hires a new one."""
        time.sleep(after_s)
        leaver = self.holder
        sent = time.time()
        self.processes[leaver].send_signal(how)
        self.holder, began = self.starts.get(timeout=_PATIENCE_S)
        assert self.holder != leaver
        self.processes.pop(leaver).wait(_PATIENCE_S)
        self.hire()
        return began - sent

    def dismiss(self) -> None:
        """End them all."""
        for process in self.processes.values():
            process.kill()
            process.wait()


@contextmanager
def _crew(kind: str, address: str, location: str) -> Iterator[_Crew]:
    """Two workers, one long job that one of them runs, and a coordinator if they need one."""
    command = [sys.executable, "-m", "benchmarks.kill"]
    coordinator = None
    if kind == _SQS:
        coordinator = subprocess.Popen(
            [*command, "coordinator", address, location], stdout=subprocess.PIPE, text=True
        )
        assert coordinator.stdout is not None
        coordinator.stdout.readline()
    crew = _Crew(command=[*command, "worker", kind, address])
    try:
        with Ledger.open(location, publishes=kind == _SQS) as ledger:
            crew.hire()
            crew.hire()
            ledger.submit([NewJob(id="long", asset="long", kind="long", pool="cpu", spec={})])
            crew.begin()
            yield crew
    finally:
        crew.dismiss()
        if coordinator is not None:
            coordinator.kill()
            coordinator.wait()


def worker(kind: str, address: str, name: str) -> None:
    """A worker; prints when it is there, and when the job's handler begins."""

    def run(broker: Broker) -> None:
        print("ready", flush=True)
        with Interruption(Stop()) as interruption:
            Worker(
                name,
                broker,
                {"long": _long},
                slots=1,
                pools=("cpu",),
                stop=interruption.stop,
                lease_s=_LEASE_S,
            ).run()

    if kind == _SQS:
        broker = SqsBroker(_queues(address), visibility_s=_LEASE_S)
        run(broker)
        broker.close()
    else:
        with Ledger.open(address) as ledger:
            run(DirectBroker(ledger))


def _long(_job: Job, context: JobContext) -> Done:
    print(time.time(), flush=True)
    context.stop.wait(600)
    raise Interrupted("told to stop")


def coordinator(address: str, location: str) -> None:
    """A coordinator, until it is killed."""
    queues = _queues(address)
    queues.ensure_queues()
    with Ledger.open(location, publishes=True) as ledger:
        print("ready", flush=True)
        Coordinator(ledger, SqsTransport(queues), pools=("cpu",), stop=Stop()).run()


def _queues(address: str) -> SqsClient:
    return SqsClient(sqs_client(endpoint=address), QueueNames(prefix="kill", pools=("cpu",)))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["worker", kind, address, name]:
            worker(kind, address, name)
        case ["coordinator", address, location]:
            coordinator(address, location)
        case _:
            for key, value in measure().items():
                print(f"{key} {value}")

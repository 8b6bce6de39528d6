"""Measures how soon a job restarts in another process, after kill -9 of its worker and after SIGTERM.

`python -m benchmarks.kill` prints the figures; `measure()` returns them. Two workers run in separate
processes with leases of 6 s, and one of them runs a long job. The time is from the signal to the start of the
job's handler in the other process, as maximum and median: with a ledger on PostgreSQL as the broker, and over
SQS (MiniStack on loopback, and one coordinator in another process).
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

from tests.servers.ministack import start_server
from tests.unit.graph.postgres_server import Server

from benchmarks.sqs import CREDENTIALS
from eddyline.aws.clients import open_client
from eddyline.aws.sqs.broker import SqsBroker
from eddyline.aws.sqs.client import QueueNames, SqsClient
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
_TIMEOUT_S = 60.0
_SETTLE_S = 0.7  # after this, a new worker is idle and waits
_PHASE_S = 0.7  # so that kills are at different times between two heartbeats
_SQS = "sqs"


def measure() -> dict[str, float]:
    """Return the seconds from kill -9, and from SIGTERM, until the same job runs in another process."""
    os.environ.update(CREDENTIALS)
    with Server("fsync=on") as server:
        found = _figures(("postgres", server.url, server.url), "")
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as name:
        ministack = start_server(Path(name))
        try:
            found |= _figures((_SQS, ministack.url, str(Path(name) / "ledger.db")), "_sqs")
        finally:
            ministack.stop()
    return found


def _figures(broker: tuple[str, str, str], suffix: str) -> dict[str, float]:
    with _workers(*broker) as workers:
        hand_backs = [workers.end(signal.SIGTERM, after_s=0.0) for _ in range(HAND_BACKS)]
        kills = [workers.end(signal.SIGKILL, after_s=number * _PHASE_S) for number in range(KILLS)]
    return {
        f"kill_to_restart{suffix}_s": round(max(kills), 3),
        f"kill_to_restart{suffix}_median_s": round(statistics.median(kills), 3),
        f"handback_to_restart{suffix}_s": round(max(hand_backs), 4),
        f"handback_to_restart{suffix}_median_s": round(statistics.median(hand_backs), 4),
    }


@dataclass(kw_only=True)
class _Workers:
    """Worker processes. `starts` has the name of the worker and the time for each start of the job."""

    command: list[str]
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    starts: queue.Queue[tuple[str, float]] = field(default_factory=queue.Queue)
    current: str = ""
    count: int = 0

    def start_worker(self) -> None:
        """Start a worker; it is idle when this returns."""
        name = f"worker-{self.count}"
        self.count += 1
        process = subprocess.Popen([*self.command, name], stdout=subprocess.PIPE, text=True)
        self.processes[name] = process
        assert process.stdout is not None
        process.stdout.readline()
        threading.Thread(target=self._listen, args=(name, process), daemon=True).start()
        time.sleep(_SETTLE_S)

    def _listen(self, name: str, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self.starts.put((name, float(line)))

    def wait_for_start(self) -> None:
        """Wait until the job runs for the first time."""
        self.current, _ = self.starts.get(timeout=_TIMEOUT_S)

    def end(self, how: signal.Signals, *, after_s: float) -> float:
        """Signal the worker that runs the job; return the seconds until another one runs it.

        A new worker replaces it.
        """
        time.sleep(after_s)
        ended = self.current
        sent = time.time()
        self.processes[ended].send_signal(how)
        self.current, started = self.starts.get(timeout=_TIMEOUT_S)
        assert self.current != ended
        self.processes.pop(ended).wait(_TIMEOUT_S)
        self.start_worker()
        return started - sent

    def kill_all(self) -> None:
        """Kill all workers."""
        for process in self.processes.values():
            process.kill()
            process.wait()


@contextmanager
def _workers(kind: str, address: str, location: str) -> Iterator[_Workers]:
    """Two workers, one of which runs a long job, and a coordinator if the broker is SQS."""
    command = [sys.executable, "-m", "benchmarks.kill"]
    coordinator = None
    if kind == _SQS:
        coordinator = subprocess.Popen(
            [*command, "coordinator", address, location], stdout=subprocess.PIPE, text=True
        )
        assert coordinator.stdout is not None
        coordinator.stdout.readline()
    workers = _Workers(command=[*command, "worker", kind, address])
    try:
        with Ledger.open(location, publishes=kind == _SQS) as ledger:
            workers.start_worker()
            workers.start_worker()
            ledger.submit([NewJob(id="long", asset="long", kind="long", pool="cpu", spec={})])
            workers.wait_for_start()
            yield workers
    finally:
        workers.kill_all()
        if coordinator is not None:
            coordinator.kill()
            coordinator.wait()


def worker(kind: str, address: str, name: str) -> None:
    """Run a worker; print a line when it is ready, and the time of each start of the job's handler."""

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
    raise Interrupted("stop requested")


def coordinator(address: str, location: str) -> None:
    """Run a coordinator until it is killed."""
    queues = _queues(address)
    queues.ensure_queues()
    with Ledger.open(location, publishes=True) as ledger:
        print("ready", flush=True)
        Coordinator(ledger, SqsTransport(queues), pools=("cpu",), stop=Stop()).run()


def _queues(address: str) -> SqsClient:
    return SqsClient(open_client("sqs", endpoint=address), QueueNames(prefix="kill", pools=("cpu",)))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["worker", kind, address, name]:
            worker(kind, address, name)
        case ["coordinator", address, location]:
            coordinator(address, location)
        case _:
            for key, value in measure().items():
                print(f"{key} {value}")

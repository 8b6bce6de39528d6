"""Measures no-op jobs per second over SQS, compared with the maximum rate of the same server.

`python -m benchmarks.sqs` prints the figures; `measure()` returns them. One coordinator and two workers of
two slots run in separate processes; the ledger is SQLite. The server is MiniStack on loopback, a single
Python process.

`sqs.jobs_vs_server` compares rounds of 1,100 jobs, from submission to the last result, with the messages that
two threads move through the same server. That is unfair in both directions. A round takes about a second,
and its jobs depend on each other in three levels: five or six times a long poll finds the queue empty, which
costs up to 0.1 s each, because MiniStack looks at its queues every 0.1 s (SQS answers at once); the two
threads never wait. On the other hand the threads share one interpreter, and create their clients within the
measured time: the server can do more. So there is a second comparison that has neither fault:
`sqs.sustained_vs_peak` compares rounds of 4,400 jobs with two processes whose clients exist already.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers.ministack import start_server

from benchmarks.graph import ASSETS, graph
from eddyline.aws.clients import open_client
from eddyline.aws.sqs.broker import SqsBroker
from eddyline.aws.sqs.client import QueueNames, SqsClient
from eddyline.aws.sqs.transport import SqsTransport
from eddyline.core.stop import Stop
from eddyline.graph.coordinator.coordinator import Coordinator
from eddyline.graph.job import Done, Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker

ROUNDS = 3
SUSTAINED_ASSETS = 200
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def measure() -> dict[str, float]:
    """Return jobs per second, the maximum of the server in messages per second, and their ratios."""
    os.environ.update(CREDENTIALS)
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as name:
        folder = Path(name)
        server = start_server(folder)
        try:
            limits, jobs, peaks, sustained = [], [], [], []
            with _fleet(server.url, folder) as ledger:
                _round(ledger, "warm")
                # Alternating, so that other load of the machine affects both.
                for number in range(ROUNDS):
                    limits.append(_server_limit(server.url))
                    jobs.append(_round(ledger, f"r{number}"))
                    peaks.append(_server_peak(server.url))
                    sustained.append(_round(ledger, f"s{number}", SUSTAINED_ASSETS))
        finally:
            server.stop()
    limit, rate = statistics.median(limits), statistics.median(jobs)
    peak, sustained_rate = statistics.median(peaks), statistics.median(sustained)
    return {
        "sqs.jobs_per_s": round(rate, 1),
        "sqs.server_messages_per_s": round(limit, 1),
        "sqs.jobs_vs_server": round(rate / limit, 3),
        "sqs.sustained_jobs_per_s": round(sustained_rate, 1),
        "sqs.server_peak_messages_per_s": round(peak, 1),
        "sqs.sustained_vs_peak": round(sustained_rate / peak, 3),
    }


def _queues(url: str, prefix: str) -> SqsClient:
    return SqsClient(open_client("sqs", endpoint=url), QueueNames(prefix=prefix, pools=("cpu",)))


@contextmanager
def _fleet(url: str, folder: Path) -> Iterator[Ledger]:
    """Run a coordinator and two workers in separate processes."""
    _queues(url, "fleet").ensure_queues()
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_coordinate, args=(url, str(folder / "ledger.db")), daemon=True)]
    processes += [spawn.Process(target=_work, args=(url, f"w{n}"), daemon=True) for n in range(2)]
    with Ledger.open(folder / "ledger.db", publishes=True) as ledger:
        for process in processes:
            process.start()
        try:
            yield ledger
        finally:
            for process in processes:
                process.kill()
                process.join()


def _coordinate(url: str, location: str) -> None:
    with Ledger.open(location, publishes=True) as ledger:
        Coordinator(ledger, SqsTransport(_queues(url, "fleet")), pools=("cpu",), stop=Stop()).run()


def _return_empty(_job: Job, _context: JobContext) -> Done:
    return Done(result={})


def _work(url: str, name: str) -> None:
    handlers = dict.fromkeys(("probe", "chunk", "join"), _return_empty)
    broker = SqsBroker(_queues(url, "fleet"), wait_s=5)
    Worker(name, broker, handlers, slots=2, pools=("cpu",), stop=Stop()).run()


def _round(ledger: Ledger, prefix: str, assets: int = ASSETS) -> float:
    batch = graph(prefix, assets)
    started = time.perf_counter()
    ledger.submit(batch)
    while ledger.has_open():
        time.sleep(0.01)
    return len(batch) / (time.perf_counter() - started)


def _server_limit(url: str, seconds: float = 2.0) -> float:
    """Return the messages per second that two clients send, receive and delete in batches of ten."""
    moved = [0, 0]
    deadline = time.perf_counter() + seconds

    def move(number: int) -> None:
        moved[number] = _move(_new_queues(url, number), deadline)

    started = time.perf_counter()
    threads = [threading.Thread(target=move, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(moved) / (time.perf_counter() - started)


def _server_peak(url: str, seconds: float = 2.0) -> float:
    """The same with two processes, whose clients exist before the measurement starts."""
    spawn = multiprocessing.get_context("spawn")
    barrier, moved = spawn.Barrier(3), spawn.Queue()
    processes = [
        spawn.Process(target=_move_in_process, args=(url, number, seconds, barrier, moved), daemon=True)
        for number in range(2)
    ]
    for process in processes:
        process.start()
    barrier.wait(60)
    started = time.perf_counter()
    total = sum(moved.get(timeout=60) for _ in processes)
    elapsed = time.perf_counter() - started
    for process in processes:
        process.join()
    return float(total / elapsed)


def _move_in_process(url: str, number: int, seconds: float, barrier: Any, moved: Any) -> None:  # noqa: ANN401 - of multiprocessing
    queues = _new_queues(url, number)
    barrier.wait(60)
    moved.put(_move(queues, time.perf_counter() + seconds))


def _new_queues(url: str, number: int) -> SqsClient:
    queues = _queues(url, f"limit{number}")
    queues.ensure_queues()
    return queues


def _move(queues: SqsClient, deadline: float) -> int:
    """Send, receive and delete messages until `deadline`; returns their number."""
    job_queue, moved = queues.naming.job_queues[0], 0
    while time.perf_counter() < deadline:
        queues.send(job_queue, ["x" * 500] * 10)
        messages = queues.receive(job_queue, limit=10, wait_s=0, visibility_s=30)
        queues.delete(messages)
        moved += len(messages)
    return moved


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key} {value}")

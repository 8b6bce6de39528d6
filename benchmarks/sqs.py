"""Measures no-op jobs per second over SQS, compared with the maximum rate of the same server.

`python -m benchmarks.sqs` prints the figures; `measure()` returns them. One coordinator and two workers of
two slots run in separate processes; the ledger is SQLite. The server is MiniStack on loopback, a single
Python process that limits the rate, so the ratio to its maximum is the main result.
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

from tests.servers.ministack import start_server

from benchmarks.graph import graph
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
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def measure() -> dict[str, float]:
    """Return jobs per second, the maximum of the server in messages per second, and their ratio."""
    os.environ.update(CREDENTIALS)
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as name:
        folder = Path(name)
        server = start_server(folder)
        try:
            limits, jobs = [], []
            with _fleet(server.url, folder) as ledger:
                _round(ledger, "warm")
                # Alternating, so that other load of the machine affects both.
                for number in range(ROUNDS):
                    limits.append(_server_limit(server.url))
                    jobs.append(_round(ledger, f"r{number}"))
        finally:
            server.stop()
    limit, rate = statistics.median(limits), statistics.median(jobs)
    return {
        "sqs.jobs_per_s": round(rate, 1),
        "sqs.server_messages_per_s": round(limit, 1),
        "sqs.jobs_vs_server": round(rate / limit, 3),
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


def _round(ledger: Ledger, prefix: str) -> float:
    batch = graph(prefix)
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
        queues = _queues(url, f"limit{number}")
        queues.ensure_queues()
        job_queue = queues.naming.job_queues[0]
        while time.perf_counter() < deadline:
            queues.send(job_queue, ["x" * 500] * 10)
            messages = queues.receive(job_queue, limit=10, wait_s=0, visibility_s=30)
            queues.delete(messages)
            moved[number] += len(messages)

    started = time.perf_counter()
    threads = [threading.Thread(target=move, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(moved) / (time.perf_counter() - started)


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key} {value}")

"""What the queues carry: no-op jobs a second, beside what the same server moves at most.

`python -m benchmarks.sqs` prints the figures; `measure()` returns them. One coordinator and two workers of
two slots are processes of their own, the ledger is SQLite, the server is MiniStack on loopback: a single
Python process, so it is the limit, and the ratio to it is what counts.
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

from tests.servers.ministack import _started

from benchmarks.graph import graph
from eddyline.aws.sqs.broker import SqsBroker
from eddyline.aws.sqs.client import QueueNames, SqsClient, sqs_client
from eddyline.aws.sqs.transport import SqsTransport
from eddyline.core.stop import Stop
from eddyline.graph.coordinator.coordinator import Coordinator
from eddyline.graph.job import Done, Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker

ROUNDS = 3
KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "us-east-1"}


def measure() -> dict[str, float]:
    """Jobs per second, the server's own limit, their ratio, and hand-back to restart (median, s)."""
    os.environ.update(KEYS)
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as name:
        folder = Path(name)
        server = _started(folder)
        try:
            limits, jobs = [], []
            with _crew(server.url, folder) as ledger:
                _round(ledger, "warm")
                # In turns, so that whatever else the machine does meets both.
                for number in range(ROUNDS):
                    limits.append(_limit(server.url))
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
    return SqsClient(sqs_client(endpoint=url), QueueNames(prefix=prefix, pools=("cpu",)))


@contextmanager
def _crew(url: str, folder: Path) -> Iterator[Ledger]:
    """A coordinator and two workers, each a process."""
    _queues(url, "crew").ensure_queues()
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
        Coordinator(ledger, SqsTransport(_queues(url, "crew")), pools=("cpu",), stop=Stop()).run()


def _nothing(_job: Job, _context: JobContext) -> Done:
    return Done(result={})


def _work(url: str, name: str) -> None:
    handlers = dict.fromkeys(("probe", "chunk", "join"), _nothing)
    broker = SqsBroker(_queues(url, "crew"), wait_s=5)
    Worker(name, broker, handlers, slots=2, pools=("cpu",), stop=Stop()).run()


def _round(ledger: Ledger, prefix: str) -> float:
    batch = graph(prefix)
    begin = time.perf_counter()
    ledger.submit(batch)
    while ledger.has_open():
        time.sleep(0.01)
    return len(batch) / (time.perf_counter() - begin)


def _limit(url: str, seconds: float = 2.0) -> float:
    """Messages a second that two clients move through one queue: sent, received and deleted in tens."""
    moved = [0, 0]
    give_up = time.perf_counter() + seconds

    def move(number: int) -> None:
        queues = _queues(url, f"limit{number}")
        queues.ensure_queues()
        lane = queues.naming.job_queues[0]
        while time.perf_counter() < give_up:
            queues.send(lane, ["x" * 500] * 10)
            messages = queues.receive(lane, limit=10, wait_s=0, visibility_s=30)
            queues.delete(messages)
            moved[number] += len(messages)

    begin = time.perf_counter()
    threads = [threading.Thread(target=move, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(moved) / (time.perf_counter() - begin)


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key} {value}")

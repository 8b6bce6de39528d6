"""Measures the ledger on PostgreSQL: jobs per second with 4 and 16 clients, and ready-to-start times.

`python -m benchmarks.postgres` prints the figures; `measure()` returns them. The server is started for the
benchmark, on this machine, with its data on disk and every commit synced. A client is a process that opens
the ledger, and claims and settles in batches of 50, as a coordinator does; the assets are [probe -> 20 chunks
-> join]. The start and end of a process (imports, connecting, first statements) are not counted. Ready to
started is measured with a worker in another process, which sleeps while no job is ready.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from tests.unit.graph.postgres_server import Server

from benchmarks.graph import graph
from eddyline.core.stop import Stop
from eddyline.graph.job import Done, Job, NewJob, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker

BATCH = 50
ROUNDS = 3
JOBS = 11_000
SAMPLES = 200
_LEASE_S = 30.0
_FIRST_PAUSE_S = 0.005  # of a client that finds no ready job
_MAX_PAUSE_S = 0.1
_WARM: dict[int, tuple[int, ...]] = {
    n: (n - 1,) if n else () for n in range(12)
}  # a chain of jobs per client


def measure() -> dict[str, float]:
    """Jobs per second with 4 and with 16 clients, and milliseconds from ready to started."""
    with Server("fsync=on", "shared_buffers=256MB", "max_connections=100") as server:
        rates = {
            count: [rate(server.url, count, f"c{count}r{n}") for n in range(ROUNDS)] for count in (4, 16)
        }
        waits = sorted(_waits(server.url))
    return {
        "postgres.jobs_per_s_4": round(statistics.median(rates[4]), 1),
        "postgres.jobs_per_s_16": round(statistics.median(rates[16]), 1),
        "ready_to_start_ms.p50": round(waits[len(waits) // 2] * 1000, 2),
        "ready_to_start_ms.p99": round(waits[int(len(waits) * 0.99)] * 1000, 2),
    }


def rate(url: str, clients: int, prefix: str, jobs: int = JOBS) -> float:
    """Jobs per second, from the first claim to the last result, without submission."""
    with Ledger.open(url) as ledger:
        before = ledger.counts()[State.DONE]
        per_round = len(graph(prefix))
        rounds = range(max(1, jobs // per_round))
        for number in rounds:
            ledger.submit(graph(f"{prefix}-{number}"))
        expected = per_round * len(rounds)
        command = [sys.executable, "-m", "benchmarks.postgres", "client", url]
        processes = [
            subprocess.Popen(
                [*command, f"{prefix}-{n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for n in range(clients)
        ]
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()  # it has run its own chain of jobs, and waits
        started = time.time()
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        ends = [float(process.stdout.readline()) for process in processes if process.stdout is not None]
        for process in processes:
            assert process.wait() == 0
        assert ledger.counts()[State.DONE] == before + expected + clients * len(_WARM)
        assert not ledger.has_open()
        return expected / (max(ends) - started)


def client(url: str, name: str) -> None:
    """Claim and settle until no job is open; prints when it starts to wait and when it settled last."""
    with Ledger.open(url) as ledger:
        ledger.register(name, "here", 0, _LEASE_S)
        ledger.submit(
            [
                NewJob(
                    id=f"{name}-{n}",
                    asset=name,
                    kind="warm",
                    pool=name,
                    spec={},
                    dependencies=tuple(f"{name}-{m}" for m in dependencies),
                )
                for n, dependencies in _WARM.items()
            ]
        )
        while _settle_batch(ledger, name, name):
            pass
        print("ready", flush=True)
        sys.stdin.read()
        last = time.time()
        pause = _FIRST_PAUSE_S
        while True:
            if _settle_batch(ledger, name, "cpu"):
                last = time.time()
                pause = _FIRST_PAUSE_S
            elif not ledger.has_open():
                print(last, flush=True)
                return
            else:
                time.sleep(pause)
                pause = min(pause * 2, _MAX_PAUSE_S)


def _settle_batch(ledger: Ledger, name: str, pool: str) -> bool:
    """Claim and settle a batch; returns False if no job was ready."""
    claims = ledger.claim(name, pools=(pool,), limit=BATCH, lease_s=_LEASE_S)
    done = [Settlement(job_id=c.job.id, fence=c.fence, outcome=Done(result={})) for c in claims]
    return bool(ledger.settle(done))


def _waits(url: str) -> list[float]:
    """Seconds from submitted to started, one job at a time, in a worker of another process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.postgres", "worker", url], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    waits = []
    with Ledger.open(url) as ledger:
        for number in range(SAMPLES):
            time.sleep(0.02)
            started = time.time()
            ledger.submit([NewJob(id=f"wait-{number}", asset="wait", kind="stamp", pool="light", spec={})])
            waits.append(float(process.stdout.readline()) - started)
        ledger.submit([NewJob(id="wait-end", asset="wait", kind="end", pool="light", spec={})])
        process.wait()
    return waits


def worker(url: str) -> None:
    """Print when each job starts."""
    stop = Stop()

    def stamp(_job: Job, _context: JobContext) -> Done:
        print(time.time(), flush=True)
        return Done(result={})

    def end(_job: Job, _context: JobContext) -> Done:
        stop.request("enough")
        return Done(result={})

    with Ledger.open(url) as ledger:
        print("ready", flush=True)
        handlers = {"stamp": stamp, "end": end}
        Worker("waiter", DirectBroker(ledger), handlers, slots=1, pools=("light",), stop=stop).run()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["client", url, name]:
            client(url, name)
        case ["worker", url]:
            worker(url)
        case _:
            for key, value in measure().items():
                print(f"{key} {value}")

"""Measures the ledger as it grows: 0 to 1,000,000 jobs done, then 100,000 waiting and 100,000 ready ones.

`python -m benchmarks growth` (about five minutes; not part of the default run) measures on PostgreSQL with 4
clients and on SQLite with one: no-op jobs per second in batches of 50, and the latency of a claim of one job.
On PostgreSQL it also measures the bytes of a job on disk and in the write-ahead log (WAL). `--quick` stops
at 10,000.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, text
from tests.unit.graph.postgres_server import Server

from benchmarks.graph import graph
from eddyline.graph.db.bulk import many
from eddyline.graph.db.schema import dependencies, jobs
from eddyline.graph.job import Done, Interrupted, NewJob, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State

DONE = (0, 10_000, 100_000, 1_000_000)
BACKLOG = 100_000
ROUNDS = 5  # of 1,100 jobs each
SAMPLES = 200
BATCH = 50
_CHUNK = 20_000
_LEASE_S = 60.0
_BULK = 100  # the priority of the backlog: the measured jobs go first


def measure(*, done: tuple[int, ...] = DONE, backlog: int = BACKLOG) -> dict[str, float]:
    """Jobs per second and claim latencies, by database and content of the ledger."""
    found: dict[str, float] = {}
    with Server("fsync=on", "shared_buffers=256MB", "max_wal_size=4GB") as server:
        found |= _grow("postgres", server.url, 4, done, backlog)
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as folder:
        found |= _grow("sqlite", str(Path(folder) / "ledger.db"), 1, done, backlog)
    return found


def _grow(database: str, url: str, clients: int, done: tuple[int, ...], backlog: int) -> dict[str, float]:
    found: dict[str, float] = {}
    with Ledger.open(url) as ledger:
        ledger.submit([NewJob(id="blocker", asset="blocked", kind="probe", pool="elsewhere", spec={})])
        before = 0
        for count in done:
            _fill(ledger, State.DONE, before, count)
            before = count
            found |= _figures(f"growth.{database}.done_{count}", ledger, url, clients)
        for state in (State.WAITING, State.READY):
            _fill(ledger, state, 0, backlog)
            found |= _figures(f"growth.{database}.{state}_{backlog}", ledger, url, clients)
    return found


def _figures(name: str, ledger: Ledger, url: str, clients: int) -> dict[str, float]:
    log = _log_bytes(ledger)
    rate = _rate(ledger, url, clients, name)
    latencies = _latencies(ledger, name)
    found = {
        f"{name}.jobs_per_s": round(rate, 1),
        f"{name}.claim_ms.p50": round(latencies[len(latencies) // 2] * 1000, 2),
        f"{name}.claim_ms.p99": round(latencies[int(len(latencies) * 0.99)] * 1000, 2),
    }
    if log is not None:
        total = ROUNDS * len(graph(name)) + SAMPLES
        found[f"{name}.wal_bytes_per_job"] = round(((_log_bytes(ledger) or 0) - log) / total)
        found[f"{name}.disk_bytes_per_job"] = round(_disk_bytes(ledger) / _rows(ledger))
    print(f"  {name}: {found[f'{name}.jobs_per_s']} jobs/s", file=sys.stderr, flush=True)
    return found


def _rate(ledger: Ledger, url: str, clients: int, prefix: str) -> float:
    """Jobs per second, from the first claim to the last result, without submission."""
    total = 0
    for number in range(ROUNDS):
        batch = graph(f"{prefix}-{number}")
        joins = tuple(job.id for job in batch if job.kind == "join")
        batch.append(
            NewJob(id=f"{prefix}-end-{number}", asset=prefix, kind="end", spec={}, dependencies=joins)
        )
        total += len(batch)
        ledger.submit(batch)
    command = [sys.executable, "-m", "benchmarks.growth", "client", url, prefix]
    processes = [
        subprocess.Popen([*command, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for n in range(clients)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    started = time.time()
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    ends = [float(process.stdout.readline()) for process in processes if process.stdout is not None]
    for process in processes:
        assert process.wait() == 0
    return total / (max(ends) - started)


def client(url: str, prefix: str, number: str) -> None:
    """Claim and settle until the last of the measured jobs is done; prints the time of its last result."""
    name = f"{prefix}-client-{number}"
    ends = [f"{prefix}-end-{number}" for number in range(ROUNDS)]
    with Ledger.open(url) as ledger:
        ledger.submit([NewJob(id=name, asset=name, kind="warm", pool=name, spec={})])
        _settle_batch(ledger, name, name)
        print("ready", flush=True)
        sys.stdin.read()
        last = time.time()
        while True:
            if _settle_batch(ledger, name, "cpu"):
                last = time.time()
            elif all(job is not None and job.state is State.DONE for job in map(ledger.job, ends)):
                print(last, flush=True)
                return
            else:
                time.sleep(0.005)


def _settle_batch(ledger: Ledger, name: str, pool: str) -> bool:
    """Claim a batch, settle the measured jobs, hand back the backlog's; False if there were no others."""
    claims = ledger.claim(name, pools=(pool,), limit=BATCH, lease_s=_LEASE_S)
    outcomes = [Interrupted() if claim.job.priority == _BULK else Done(result={}) for claim in claims]
    ledger.settle(
        [
            Settlement(job_id=claim.job.id, fence=claim.fence, outcome=outcome)
            for claim, outcome in zip(claims, outcomes, strict=True)
        ]
    )
    return any(isinstance(outcome, Done) for outcome in outcomes)


def _latencies(ledger: Ledger, prefix: str) -> list[float]:
    """Seconds that a claim of one job takes, ascending, without other clients."""
    ledger.submit([NewJob(id=f"{prefix}-one-{n}", asset=prefix, kind="one", spec={}) for n in range(SAMPLES)])
    found = []
    for _ in range(SAMPLES):
        started = time.perf_counter()
        claim = ledger.claim("latency", pools=("cpu",), limit=1, lease_s=_LEASE_S)[0]
        found.append(time.perf_counter() - started)
        ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=Done(result={}))])
    return sorted(found)


def _fill(ledger: Ledger, state: State, first: int, end: int) -> None:
    """Insert rows of an old ledger, each with one dependency, and update the planner's statistics."""

    def write(connection: Connection, rows: list[dict[str, Any]]) -> None:
        many(connection, insert(jobs), [column.name for column in jobs.columns], rows)
        edges = [
            {
                "job_id": row["id"],
                "dependency_id": "blocker",
                "optional": False,
                "met": state is not State.WAITING,
            }
            for row in rows
        ]
        many(connection, insert(dependencies), [column.name for column in dependencies.columns], edges)

    for rows in _rows_of(state, first, end):
        ledger._database.write(lambda c, rows=rows: write(c, rows))  # type: ignore[misc]  # noqa: SLF001 - submitting a million jobs would take minutes
    ledger.compact()


def _rows_of(state: State, first: int, end: int) -> Iterator[list[dict[str, Any]]]:
    changes: dict[State, dict[str, Any]] = {
        State.DONE: {"result": '{"frames":1800}', "finished": 1.7e9, "attempt": 1, "starts": 1, "fence": 1},
        State.WAITING: {"unmet": 1},
        State.READY: {"ready_at": 1.7e9},
    }
    empty = dict.fromkeys(column.name for column in jobs.columns)
    numbers = ("unmet", "attempt", "starts", "interruptions", "losses", "fence", "answered")
    common = {
        **empty,
        **dict.fromkeys(numbers, 0),
        "kind": "chunk",
        "pool": "cpu",
        "priority": _BULK,
        "owner": "",
        "spec": '{"first":0,"last":1800,"source":"an-asset"}',
        "weight": 1.0,
        "created": 1.7e9,
        "state": str(state),
        **changes[state],
    }
    for start in range(first, end, _CHUNK):
        yield [
            {**common, "id": f"{state}-{n // 22}-{n}", "asset": f"{state}-{n // 22}", "start_tag": float(n)}
            for n in range(start, min(start + _CHUNK, end))
        ]


def _query_int(ledger: Ledger, query: str) -> int:
    return int(ledger._database.read(lambda c: c.execute(text(query)).scalar()) or 0)  # noqa: SLF001 - the ledger has no method for these figures


def _log_bytes(ledger: Ledger) -> int | None:
    if ledger._database.is_sqlite:  # noqa: SLF001 - see above
        return None
    return _query_int(ledger, "SELECT (pg_current_wal_lsn() - '0/0')::bigint")


def _disk_bytes(ledger: Ledger) -> int:
    return _query_int(
        ledger, "SELECT pg_total_relation_size('jobs') + pg_total_relation_size('dependencies')"
    )


def _rows(ledger: Ledger) -> int:
    return _query_int(ledger, "SELECT count(*) FROM jobs")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["client", url, prefix, number]:
            client(url, prefix, number)
        case ["--quick"]:
            for key, value in measure(done=(0, 10_000), backlog=1_000).items():
                print(f"{key} {value}")
        case _:
            for key, value in measure().items():
                print(f"{key} {value}")

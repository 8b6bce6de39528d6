"""Measures what rows in the start history cost: a ledger with 1,000,000 of them, relative to one with none.

`python -m benchmarks.starts` prints the figures; `measure()` returns them. The jobs are those of
`benchmarks.graph` on SQLite and, with 16 clients, of `benchmarks.postgres` on PostgreSQL. Two ledgers are
measured in turn, and a figure is the median of the ratios of the pairs: of jobs per second, and of the CPU
time of a job (that of the clients and the server), which other load of the machine hardly changes.
`starts.totals_ms` is the time of the totals of one day out of 400, on SQLite.
"""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import Connection, insert, text
from tests.unit.graph.postgres_server import Server

from benchmarks import graph, postgres
from eddyline.core.processes.cpu_meter import CpuMeter
from eddyline.graph.db.schema import starts
from eddyline.graph.ledger.ledger import Ledger

ROWS = 1_000_000
DAYS = 400
PAIRS = 9
POSTGRES_PAIRS = 5
CLIENTS = 16
JOBS = 3_300  # of one measurement on PostgreSQL
_BATCH = 20_000
_DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One measurement: jobs per second, and CPU seconds."""

    rate: float
    cpu_s: float


def measure(
    *, rows: int = ROWS, pairs: int = PAIRS, postgres_pairs: int = POSTGRES_PAIRS, jobs: int = JOBS
) -> dict[str, float]:
    """Return the ratios of a ledger with `rows` rows to one with none, and the time of a query."""
    return {**_measure_sqlite(rows, pairs), **_measure_postgres(rows, postgres_pairs, jobs)}


def _measure_sqlite(rows: int, pairs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as name:
        folder = Path(name)
        with Ledger.open(folder / "full.db") as full, Ledger.open(folder / "empty.db") as empty:
            fill(full, rows)
            began = time.perf_counter()
            totals = full.starts.totals(time.time() - 2 * _DAY_S, time.time() - _DAY_S)
            seconds = time.perf_counter() - began
            assert sum(each.starts for each in totals) >= rows // DAYS - 1

            def sample(ledger: Ledger, prefix: str) -> Sample:
                before = time.process_time()
                rate = graph.measure_round(ledger, prefix)
                return Sample(rate=rate, cpu_s=time.process_time() - before)

            ledgers = {True: full, False: empty}
            found = _ratios("sqlite", lambda is_full, prefix: sample(ledgers[is_full], prefix), pairs)
    return {**found, "starts.totals_ms": round(seconds * 1000, 2)}


def _measure_postgres(rows: int, pairs: int, jobs: int) -> dict[str, float]:
    with Server("fsync=on", "shared_buffers=256MB", "max_connections=100", "max_wal_size=4GB") as server:
        urls = {True: _database(server, "with_rows"), False: _database(server, "without_rows")}
        with Ledger.open(urls[True]) as ledger:
            fill(ledger, rows)
        with psycopg.connect(urls[True], autocommit=True) as connection:
            # Otherwise the server does both later, during a measurement.
            connection.execute("VACUUM (ANALYZE) starts")
            connection.execute("CHECKPOINT")

        def sample(is_full: bool, prefix: str) -> Sample:  # noqa: FBT001 - which of two ledgers
            before = _cpu_s(server)
            rate = postgres.rate(urls[is_full], CLIENTS, prefix, jobs)
            return Sample(rate=rate, cpu_s=_cpu_s(server) - before)

        return _ratios("postgres_16", sample, pairs)


def _cpu_s(server: Server) -> float:
    """The CPU seconds of this process and its ended children, and of the server's processes."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    meter = CpuMeter()
    for pid in server.processes():
        meter.add_program(pid)
    return sum(each.ru_utime + each.ru_stime for each in used) + meter.read_s()


def _ratios(name: str, sample: Callable[[bool, str], Sample], pairs: int) -> dict[str, float]:
    """The medians of the ratios of pairs, after a pair that is not counted; their order alternates."""
    rates, cpu = [], []
    for number in range(pairs + 1):
        first_is_full = bool(number % 2)
        found = {is_full: sample(is_full, f"r{number}") for is_full in (first_is_full, not first_is_full)}
        if number:
            rates.append(found[True].rate / found[False].rate)
            cpu.append(found[True].cpu_s / found[False].cpu_s)
    return {
        f"starts.{name}_rate_ratio": round(statistics.median(rates), 3),
        f"starts.{name}_cpu_ratio": round(statistics.median(cpu), 3),
    }


def _database(server: Server, name: str) -> str:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.url.replace("/postgres?", f"/{name}?")


def fill(ledger: Ledger, rows: int) -> None:
    """Insert rows of starts that ended evenly over the last 400 days."""

    def write(connection: Connection) -> None:
        for batch in _batches(rows):
            connection.execute(insert(starts), batch)
        # Not of the other tables: they are empty, and the planner must not assume that they remain so.
        connection.execute(text("ANALYZE starts"))

    ledger._database.write(write)  # noqa: SLF001 - a million jobs would take minutes


def _batches(rows: int) -> Iterator[list[dict[str, object]]]:
    oldest = time.time() - DAYS * _DAY_S
    for first in range(0, rows, _BATCH):
        yield [
            _row(number, oldest + DAYS * _DAY_S * number / rows)
            for number in range(first, min(first + _BATCH, rows))
        ]


def _row(number: int, ended: float) -> dict[str, object]:
    # The jobs of one asset are neighbors in the index, and assets are anywhere in it: each measured asset
    # (r3-17 on SQLite, r3-0-17 on PostgreSQL) has some hundred rows before and after it.
    asset = f"r{number % 10}-{number // 10 % 50}"
    if number // 500 % 2:
        asset = f"r{number % 10}-{number // 1000 % 3}-{number // 10 % 50}"
    return {
        "job_id": f"{asset}-{'az'[number // 3000 % 2]}{number}",
        "fence": 1,
        "pool": "cpu",
        "kind": "chunk",
        "worker": f"cpu@ip-10-0-0-{number % 251}:4242",
        "instance": f"i-{number % 251:017x}",
        "started": ended - 40.0,
        "ended": ended,
        "outcome": ("done", "done", "done", "interrupted")[number % 4],
        "cpu_s": 38.5,
        "fraction": 1.0,
    }


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key} {value}")

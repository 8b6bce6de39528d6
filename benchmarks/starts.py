"""Measures what the start history costs: jobs per second with 0 and with 1,000,000 rows, as a ratio.

`python -m benchmarks.starts` prints the figures; `measure()` returns them. The jobs are those of
`benchmarks.graph` on SQLite and, with 16 clients, of `benchmarks.postgres` on PostgreSQL. Two ledgers are
measured in turn, so that other load of the machine affects both, and a figure is the median of the ratios of
the pairs. `starts.totals_ms` is the time of the totals of one day out of 400, on SQLite.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, insert, text
from tests.unit.graph.postgres_server import Server

from benchmarks import graph, postgres
from eddyline.graph.db.schema import starts
from eddyline.graph.ledger.ledger import Ledger

ROWS = 1_000_000
DAYS = 400
PAIRS = 9
POSTGRES_PAIRS = 3
CLIENTS = 16
_BATCH = 20_000
_DAY_S = 86_400.0


def measure(
    *, rows: int = ROWS, pairs: int = PAIRS, postgres_pairs: int = POSTGRES_PAIRS
) -> dict[str, float]:
    """Return the ratios of jobs per second, with `rows` rows to with none, and the time of a query."""
    return {**_measure_sqlite(rows, pairs), **_measure_postgres(rows, postgres_pairs)}


def _measure_sqlite(rows: int, pairs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as name:
        folder = Path(name)
        with Ledger.open(folder / "full.db") as full, Ledger.open(folder / "empty.db") as empty:
            fill(full, rows)
            began = time.perf_counter()
            totals = full.starts.totals(time.time() - 2 * _DAY_S, time.time() - _DAY_S)
            seconds = time.perf_counter() - began
            assert sum(each.starts for each in totals) >= rows // DAYS - 1
            graph.measure_round(full, "warm"), graph.measure_round(empty, "warm")
            ratios = [
                _ratio(graph.measure_round, full, empty, f"r{number}", full_first=bool(number % 2))
                for number in range(pairs)
            ]
    return {
        "starts.sqlite_full_vs_empty": round(statistics.median(ratios), 3),
        "starts.totals_ms": round(seconds * 1000, 2),
    }


def _measure_postgres(rows: int, pairs: int) -> dict[str, float]:
    def rate(url: str, prefix: str) -> float:
        return postgres.rate(url, CLIENTS, prefix)

    with Server("fsync=on", "shared_buffers=256MB", "max_connections=100", "max_wal_size=4GB") as server:
        full, empty = _database(server, "with_rows"), _database(server, "without_rows")
        with Ledger.open(full) as ledger:
            fill(ledger, rows)
            ledger.compact()
        ratios = [
            _ratio(rate, full, empty, f"r{number}", full_first=bool(number % 2)) for number in range(pairs)
        ]
    return {"starts.postgres_16_full_vs_empty": round(statistics.median(ratios), 3)}


def _ratio(measure_one: Any, full: Any, empty: Any, name: str, *, full_first: bool) -> float:  # noqa: ANN401 - of either database
    """The rate of the full ledger relative to that of the empty one; the order alternates."""
    if full_first:
        first = measure_one(full, name)
        return float(first / measure_one(empty, name))
    second = measure_one(empty, name)
    return float(measure_one(full, name) / second)


def _database(server: Server, name: str) -> str:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.url.replace("/postgres?", f"/{name}?")


def fill(ledger: Ledger, rows: int) -> None:
    """Insert rows of starts that ended evenly over the last 400 days."""

    def write(connection: Connection) -> None:
        for batch in _batches(rows):
            connection.execute(insert(starts), batch)
        connection.execute(text("ANALYZE"))

    ledger._database.write(write)  # noqa: SLF001 - a million jobs would take minutes


def _batches(rows: int) -> Iterator[list[dict[str, object]]]:
    oldest = time.time() - DAYS * _DAY_S
    for first in range(0, rows, _BATCH):
        yield [
            _row(number, oldest + DAYS * _DAY_S * number / rows)
            for number in range(first, min(first + _BATCH, rows))
        ]


def _row(number: int, ended: float) -> dict[str, object]:
    return {
        "job_id": f"{number % 977:016x}-chunk-{number}",
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

"""Measures what the scaling of the fleet costs a coordinator, and how its policies do in a modelled week.

`python -m benchmarks.scaling` prints the figures; `measure()` returns them. The ledger, on SQLite and on
PostgreSQL, has 100,000 due, 10,000 running and 100,000 done jobs. The week is that of
docs/images/scaling-week.svg.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from docs import scaling_week
from sqlalchemy import Connection, Table, insert
from tests.unit.graph.postgres_server import Server

from eddyline.graph.db.schema import jobs, starts
from eddyline.graph.db.transactions import Database, as_url
from eddyline.graph.ledger.fleet.load import read_load
from eddyline.graph.ledger.ledger import Ledger

DUE, RUNNING, DONE = 100_000, 10_000, 100_000
NOW = 1_800_000_000.0
_ROUNDS = 5
_BATCH = 20_000


def measure() -> dict[str, float]:
    """Milliseconds to read work and capacity, CPU seconds of a modelled week, and its outcome."""
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as folder:
        sqlite_ms = _read_ms(f"{folder}/ledger.db")
    with Server() as server:
        postgres_ms = _read_ms(server.url)
    begun = time.process_time()
    week = scaling_week.week()
    return {
        "scaling.read_sqlite_ms": sqlite_ms,
        "scaling.read_postgres_ms": postgres_ms,
        "scaling.week_cpu_s": round(time.process_time() - begun, 2),
        "scaling.week_capacity_used": round(
            sum(minute.load_vcpu for minute in week)
            / sum(minute.provided + minute.on_demand_provided for minute in week),
            3,
        ),
    }


def _read_ms(url: str) -> float:
    with Ledger.open(url):
        database = Database(as_url(url), random.Random(1))
    try:
        for table, rows in ((jobs, _job_rows()), (starts, _start_rows())):
            for batch in _batches(rows):
                database.write(partial(_insert, table=table, rows=batch))
        times = []
        for _ in range(_ROUNDS):
            begun = time.perf_counter()
            found = database.read(lambda connection: read_load(connection, NOW, ready_after_s=300.0))
            times.append(time.perf_counter() - begun)
            assert (found.due[0].jobs, found.running[0].jobs) == (DUE, RUNNING)
    finally:
        database.close()
    return round(1000 * statistics.median(times), 1)


def _insert(connection: Connection, *, table: Table, rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(table), rows)


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _job_rows() -> Iterator[dict[str, Any]]:
    fixed: dict[str, Any] = dict.fromkeys(column.name for column in jobs.columns)
    fixed |= {"kind": "chunk", "pool": "cpu", "priority": 30, "owner": "", "spec": "{}", "weight": 1.0}
    fixed |= {"created": NOW, "ready_at": NOW, "started": NOW - 5, "start_tag": 0.0, "answered": 0}
    fixed |= dict.fromkeys(("unmet", "attempt", "starts", "interruptions", "losses", "fence"), 0)
    for number in range(DUE + RUNNING + DONE):
        state = "ready" if number < DUE else "running" if number < DUE + RUNNING else "done"
        own = {
            "id": f"{number}",
            "asset": f"{number // 100}",
            "state": state,
            "lease_owner": f"w{number % 1000}",
        }
        yield fixed | own


def _start_rows() -> Iterator[dict[str, Any]]:
    fixed: dict[str, Any] = dict.fromkeys(column.name for column in starts.columns)
    fixed |= {"fence": 1, "pool": "cpu", "kind": "chunk", "worker": "w", "instance": "", "outcome": "done"}
    for number in range(DONE):
        own = {"job_id": f"{DUE + RUNNING + number}", "started": NOW - 40, "ended": NOW - 1e-6 * number}
        yield fixed | own


if __name__ == "__main__":
    for name, figure in measure().items():
        sys.stdout.write(f"{name} {figure}\n")

"""Measures the jobs per second of the graph when the jobs themselves cost nothing.

`python -m benchmarks.graph` prints the figures; `measure()` returns them. 50 assets of
[probe -> 20 chunks -> join] are submitted, claimed, run on two slots and settled on SQLite, every
settle durable, once in an empty ledger and once in a ledger with 1,000,000 done and 100,000 waiting jobs.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, insert

from eddyline.core.stop import Stop
from eddyline.graph.db.schema import dependencies, jobs
from eddyline.graph.job import Done, Job, NewJob
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import OPEN
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker

ASSETS = 50
CHUNKS = 20
ROUNDS = 5
DONE_ROWS = 1_000_000
WAITING_ROWS = 100_000
_BATCH = 20_000


def measure(*, done_rows: int = DONE_ROWS, waiting_rows: int = WAITING_ROWS) -> dict[str, float]:
    """Return no-op jobs per second, end to end: in an empty and in a full ledger (medians of rounds)."""
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as name:
        folder = Path(name)
        with Ledger.open(folder / "full.db") as full, Ledger.open(folder / "empty.db") as empty:
            fill(full, done_rows=done_rows, waiting_rows=waiting_rows)
            measure_round(full, "warm"), measure_round(empty, "warm")
            # Alternating, so that other load of the machine affects both.
            pairs = [(measure_round(empty, f"r{n}"), measure_round(full, f"r{n}")) for n in range(ROUNDS)]
    return {
        "graph.jobs_per_s": round(statistics.median(pair[0] for pair in pairs), 1),
        "graph.jobs_per_s_backlog": round(statistics.median(pair[1] for pair in pairs), 1),
    }


def graph(prefix: str, assets: int = ASSETS) -> list[NewJob]:
    """The jobs of one round."""
    batch = []
    for asset in (f"{prefix}-{number}" for number in range(assets)):
        chunks = tuple(f"{asset}-chunk-{number}" for number in range(CHUNKS))
        batch.append(NewJob(id=f"{asset}-probe", asset=asset, kind="probe", spec={}))
        batch += [
            NewJob(id=chunk, asset=asset, kind="chunk", spec={}, dependencies=(f"{asset}-probe",))
            for chunk in chunks
        ]
        batch.append(NewJob(id=f"{asset}-join", asset=asset, kind="join", spec={}, dependencies=chunks))
    return batch


def measure_round(ledger: Ledger, prefix: str) -> float:
    """Jobs per second of one round, from submission to the last result."""
    batch = graph(prefix)
    open_before = _open_jobs(ledger)
    settled = 0

    def count(_job: Job, _context: JobContext) -> Done:
        nonlocal settled
        settled += 1  # under the interpreter's lock, and read only when idle
        return Done(result={})

    started = time.perf_counter()
    ledger.submit(batch)
    Worker(
        "bench",
        DirectBroker(ledger),
        dict.fromkeys(("probe", "chunk", "join"), count),
        slots=2,
        pools=("cpu",),
        stop=Stop(),
        exit_when=lambda: settled >= len(batch),
    ).run()
    seconds = time.perf_counter() - started
    assert settled == len(batch)
    assert _open_jobs(ledger) == open_before
    return len(batch) / seconds


def _open_jobs(ledger: Ledger) -> int:
    counts = ledger.counts()
    return sum(counts[state] for state in OPEN)


def fill(ledger: Ledger, *, done_rows: int, waiting_rows: int) -> None:
    """Insert rows of an old ledger: finished jobs, and jobs that wait for another pool."""

    def rows(count: int, state: str, asset: str) -> Iterator[list[dict[str, object]]]:
        for start in range(0, count, _BATCH):
            yield [
                _row(f"{asset}-{number // 22}-{number}", f"{asset}-{number // 22}", state)
                for number in range(start, min(start + _BATCH, count))
            ]

    blocker = NewJob(id="blocker", asset="blocked", kind="probe", pool="elsewhere", spec={})
    ledger.submit([blocker])

    def write(connection: Connection) -> None:
        for batch in rows(done_rows, "done", "old"):
            connection.execute(insert(jobs), batch)
            connection.execute(
                insert(dependencies),
                [
                    {
                        "job_id": row["id"],
                        "dependency_id": f"{row['asset']}-probe",
                        "optional": False,
                        "met": False,
                    }
                    for row in batch
                ],
            )
        for batch in rows(waiting_rows, "waiting", "held"):
            connection.execute(insert(jobs), batch)
            connection.execute(
                insert(dependencies),
                [
                    {"job_id": row["id"], "dependency_id": "blocker", "optional": False, "met": False}
                    for row in batch
                ],
            )

    ledger._database.write(write)  # noqa: SLF001 - submitting a million jobs would take minutes


def _row(name: str, asset: str, state: str) -> dict[str, object]:
    return {
        "id": name,
        "asset": asset,
        "kind": "chunk",
        "pool": "cpu",
        "priority": 0,
        "owner": "",
        "spec": '{"first":0,"last":1800,"source":"an-asset"}',
        "weight": 1.0,
        "created": 1_700_000_000.0,
        "state": state,
        "unmet": int(state == "waiting"),
        "attempt": 1,
        "starts": 1,
        "interruptions": 0,
        "losses": 0,
        "fence": 1,
        "result": '{"frames":1800}' if state == "done" else None,
    }


if __name__ == "__main__":
    quick = "--quick" in sys.argv
    for key, value in measure(**({"done_rows": 10_000, "waiting_rows": 1_000} if quick else {})).items():
        print(f"{key} {value}")

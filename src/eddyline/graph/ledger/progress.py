"""The progress of running jobs, as their workers report it: the table `job_progress`.

A report counts only while the job runs with the same fence. The fraction is for display; the CPU time is that
of a start whose worker is lost. Transactions that record them survive a killed process, but not a power cut.
Rows of jobs that ended are deleted later.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, exists, select, text

from eddyline.graph.db.bulk import rows_for
from eddyline.graph.db.library_schema import job_progress
from eddyline.graph.db.schema import jobs
from eddyline.graph.ledger.rows import IS_RUNNING
from eddyline.graph.ledger.transactions import Transactions

_PRUNE_EVERY_S = 60.0
_KEEP_S = 60.0  # rows of jobs that do not run any more

# Within one claim the fraction never decreases. PostgreSQL needs the types of the parameters.
_RECORD = """
INSERT INTO job_progress (job_id, fence, fraction, at)
SELECT id, fence, CAST(:fraction AS DOUBLE PRECISION), CAST(:at AS DOUBLE PRECISION) FROM jobs
WHERE id = :job_id AND state = 'running' AND fence = :fence{holder}
ON CONFLICT (job_id) DO UPDATE SET fence = excluded.fence, at = excluded.at,
cpu_s = CASE WHEN job_progress.fence = excluded.fence THEN job_progress.cpu_s END,
fraction = CASE WHEN job_progress.fence = excluded.fence AND job_progress.fraction > excluded.fraction
THEN job_progress.fraction ELSE excluded.fraction END
"""
_RECORD_CPU = text("""
INSERT INTO job_progress (job_id, fence, fraction, at, cpu_s)
SELECT id, fence, 0, CAST(:at AS DOUBLE PRECISION), CAST(:cpu_s AS DOUBLE PRECISION) FROM jobs
WHERE id = :job_id AND state = 'running' AND fence = :fence
ON CONFLICT (job_id) DO UPDATE SET fence = excluded.fence, at = excluded.at, cpu_s = excluded.cpu_s,
fraction = CASE WHEN job_progress.fence = excluded.fence THEN job_progress.fraction ELSE 0 END
""")
_CPU = select(job_progress.c.job_id, job_progress.c.fence, job_progress.c.cpu_s).where(
    job_progress.c.job_id.in_(bindparam("ids", expanding=True)), job_progress.c.cpu_s.is_not(None)
)
_OF_CLAIM = text(_RECORD.format(holder=""))
_OF_HOLDER = text(_RECORD.format(holder=" AND lease_owner = :worker"))
_RUNS = exists(
    select(jobs.c.id)
    .where(and_(jobs.c.id == job_progress.c.job_id, jobs.c.fence == job_progress.c.fence))
    .where(IS_RUNNING)
    .correlate(job_progress)
)


def record(
    connection: Connection, reports: Mapping[str, tuple[int, float]], *, now: float, worker: str | None = None
) -> None:
    """Record the progress of jobs: by job, the fence of the claim and the fraction that is done (0 to 1).

    `worker`: only of jobs that this worker holds. Other reports are ignored.
    """
    # In the order of ids, so that two transactions never wait for each other's rows.
    rows: list[dict[str, Any]] = [
        {"job_id": job_id, "fence": fence, "fraction": fraction, "at": now}
        for job_id, (fence, fraction) in sorted(reports.items())
    ]
    if not rows:
        return
    if worker is None:
        connection.execute(_OF_CLAIM, rows)
    else:
        connection.execute(_OF_HOLDER, [{**row, "worker": worker} for row in rows])


def cpu_of(connection: Connection, fences: Mapping[str, int]) -> dict[str, float]:
    """The CPU seconds that were reported of starts, given by job and fence."""
    if not fences:
        return {}
    rows = rows_for(connection, _CPU, fences)
    return {row.job_id: float(row.cpu_s) for row in rows if row.fence == fences[row.job_id]}


def prune(connection: Connection, *, now: float) -> int:
    """Delete the rows of jobs that ended, or were claimed again, more than a minute ago; returns how many."""
    stale = (job_progress.c.at < now - _KEEP_S) & ~_RUNS
    return int(connection.execute(delete(job_progress).where(stale)).rowcount)


class ProgressLog:
    """Records the progress of running jobs. Safe from any thread."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._lock = threading.Lock()
        self._next_prune = 0.0

    def record(self, reports: Mapping[str, tuple[int, float]]) -> None:
        """Record progress by job: the fence of its claim and the fraction (0 to 1), in one transaction.

        Reports of claims that do not count any more are ignored. Deletes old rows once a minute.
        """
        if not reports:
            return
        now = self._transactions.clock.now()
        is_prune_due = self._take_prune(now)

        def work(connection: Connection) -> None:
            record(connection, reports, now=now)
            if is_prune_due:
                prune(connection, now=now)

        self._transactions.database.write(work, durable=False)

    def record_cpu(self, spent: Mapping[str, tuple[int, float]]) -> None:
        """Record CPU time by job: the fence of its claim and the seconds so far, in one transaction.

        Reports of claims that do not count any more are ignored.
        """
        now = self._transactions.clock.now()
        rows: list[dict[str, Any]] = [
            {"job_id": job_id, "fence": fence, "cpu_s": cpu_s, "at": now}
            for job_id, (fence, cpu_s) in sorted(spent.items())
        ]
        if rows:
            self._transactions.database.write(lambda c: c.execute(_RECORD_CPU, rows), durable=False)

    def prune(self) -> int:
        """Delete the rows of jobs that ended more than a minute ago; returns how many."""
        now = self._transactions.clock.now()
        return self._transactions.database.write(lambda c: prune(c, now=now), durable=False)

    def fractions(self, asset: str) -> dict[str, float]:
        """The reported fraction of each running job of an asset."""
        query = select(job_progress.c.job_id, job_progress.c.fraction).select_from(
            job_progress.join(
                jobs, and_(jobs.c.id == job_progress.c.job_id, jobs.c.fence == job_progress.c.fence)
            )
        )
        query = query.where(jobs.c.asset == asset, IS_RUNNING)
        rows = self._transactions.database.read(lambda c: c.execute(query).all())
        return {row.job_id: float(row.fraction) for row in rows}

    def _take_prune(self, now: float) -> bool:
        with self._lock:
            is_due = now >= self._next_prune
            if is_due:
                self._next_prune = now + _PRUNE_EVERY_S
            return is_due

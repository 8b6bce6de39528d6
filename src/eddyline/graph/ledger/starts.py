"""Queries of the start history, which has one row for each ended start of a job (`ended_starts`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import Select, bindparam, delete, func, literal_column, select, tuple_

from eddyline.core.stop import Stop
from eddyline.graph.db.schema import instances, starts
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.run_times import AssetRunTimes, run_times_by_asset
from eddyline.graph.ledger.transactions import Transactions

KEEP_S = 400 * 86_400.0
"""How long rows are kept: a year, and a month to compare it with the one before."""

_PRUNED_AT_ONCE = 5_000


@dataclass(frozen=True, kw_only=True)
class Start:
    """One row of the history; `instance` is empty outside EC2."""

    job_id: str
    fence: int
    pool: str
    kind: str
    worker: str
    instance: str
    started: float
    ended: float
    outcome: StartOutcome
    cpu_s: float | None
    fraction: float | None


@dataclass(frozen=True, kw_only=True)
class StartTotals:
    """Sums over the starts of one pool, outcome and lifecycle ("spot", "on-demand", "" where unknown).

    `wall_s` is the time from start to end, `cpu_s` the CPU time of the starts whose workers reported it:
    all but `unmeasured`.
    """

    pool: str
    outcome: StartOutcome
    lifecycle: str
    starts: int
    wall_s: float
    cpu_s: float
    unmeasured: int


_OF_JOB = select(starts).where(starts.c.job_id == bindparam("job")).order_by(starts.c.fence)
# A literal: PostgreSQL would take the expressions of two parameters for different ones.
_LIFECYCLE = func.coalesce(instances.c.lifecycle, literal_column("''"))
_TOTALS: Select[tuple[str, str, str, int, float, float, int]] = (
    select(
        starts.c.pool,
        starts.c.outcome,
        _LIFECYCLE.label("lifecycle"),
        func.count().label("starts"),
        func.sum(starts.c.ended - starts.c.started).label("wall_s"),
        func.coalesce(func.sum(starts.c.cpu_s), 0.0).label("cpu_s"),
        (func.count() - func.count(starts.c.cpu_s)).label("unmeasured"),
    )
    .select_from(starts.outerjoin(instances, instances.c.instance == starts.c.instance))
    .where(starts.c.ended >= bindparam("since"), starts.c.ended < bindparam("until"))
    .group_by(starts.c.pool, starts.c.outcome, _LIFECYCLE)
)
_OLD = select(starts.c.job_id, starts.c.fence).where(starts.c.ended < bindparam("before"))
_OLD = _OLD.order_by(starts.c.ended).limit(bindparam("most"))
_PRUNE = delete(starts).where(tuple_(starts.c.job_id, starts.c.fence).in_(_OLD))


class StartHistory:
    """Queries of the start history of a ledger, and its housekeeping. Safe from any thread."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def of_job(self, job_id: str) -> list[Start]:
        """The ended starts of a job, in the order of their fences."""
        rows = self._transactions.database.read(lambda c: c.execute(_OF_JOB, {"job": job_id}).all())
        return [Start(**{**row._mapping, "outcome": StartOutcome(row.outcome)}) for row in rows]  # noqa: SLF001 - its public name

    def totals(self, since: float, until: float) -> list[StartTotals]:
        """Sums over the starts that ended from `since` to before `until` (seconds since 1970).

        By pool, outcome and lifecycle, in this order; the lifecycle is that of the instance in the fleet
        record.
        """
        times = {"since": since, "until": until}
        rows = self._transactions.database.read(lambda c: c.execute(_TOTALS, times).all())
        found = [StartTotals(**{**row._mapping, "outcome": StartOutcome(row.outcome)}) for row in rows]  # noqa: SLF001 - its public name
        return sorted(found, key=lambda each: (each.pool, each.outcome, each.lifecycle))

    def run_times(self, since: float, until: float, kinds: Collection[str]) -> Iterator[AssetRunTimes]:
        """The published assets submitted from `since` to before `until`, with the run times of their jobs.

        In the order of submission; times are in seconds since 1970. See `run_times_by_asset`.
        """
        return run_times_by_asset(self._transactions, since, until, kinds)

    def prune(
        self,
        *,
        keep_s: float = KEEP_S,
        at_once: int = _PRUNED_AT_ONCE,
        pause_s: float = 0.0,
        stop: Stop | None = None,
    ) -> int:
        """Delete rows of starts that ended more than `keep_s` ago; returns how many.

        In short transactions of `at_once` rows with a pause after each, so that workers do not wait.
        """
        clock = self._transactions.clock
        values = {"before": clock.now() - keep_s, "most": at_once}
        total = 0
        while stop is None or not stop.requested:
            pruned = self._transactions.database.write(lambda c: c.execute(_PRUNE, values).rowcount)
            total += pruned
            if pruned < at_once:
                break
            clock.sleep(pause_s)
        return total

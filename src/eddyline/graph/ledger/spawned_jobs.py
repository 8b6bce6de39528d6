"""Bounds what a job may add to the graph when it ends: only more jobs of the same asset.

A report comes from a worker, that is, from anyone with a worker's permissions. Without these bounds one job
could add any number of jobs in the name of every owner, ahead of all others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from eddyline.core.formatting import short_repr
from eddyline.core.name_rules import is_identifier
from eddyline.graph.db.schema import jobs
from eddyline.graph.job import PRIORITY_BAND, Addition, GraphError, Link, Move, NewJob
from eddyline.graph.ledger.rows import Record


@dataclass(frozen=True, kw_only=True)
class SpawnRules:
    """The known `kinds` and `pools` (None: any), and the maximum number of jobs of an asset."""

    kinds: Collection[str] | None = None
    pools: Collection[str] | None = None
    max_jobs: int = 100_000


ANY_OF_ITS_ASSET = SpawnRules()
"""Bounds only asset, owner, priority and number."""


class SpawnError(GraphError):
    """A job tries to add what it may not."""

    default_remedy = "check the worker that sent it: only a broken or hostile worker sends this"


def check(connection: Connection, record: Record, additions: Sequence[Addition], rules: SpawnRules) -> None:
    """Check that the job of `record` may add all of these. Raises `SpawnError`.

    New jobs must have its asset, owner and deadline (or none), a priority of its band, and ids that start
    with the asset; their dependencies, and linked and moved jobs, must be of that asset too.
    """
    parent = connection.execute(select(jobs.c.asset, jobs.c.deadline).where(jobs.c.id == record.job_id)).one()
    for each in additions:
        for name in _names(each):
            if not _belongs(name, parent.asset):
                raise SpawnError(
                    f"job {record.job_id} of asset {parent.asset} may not name {short_repr(name)}"
                )
        if isinstance(each, NewJob):
            _check_job(record, parent.asset, parent.deadline, each, rules)
        elif isinstance(each, Move) and rules.pools is not None and each.pool not in rules.pools:
            raise SpawnError(f"job {record.job_id} may not move jobs to pool {short_repr(each.pool)}")
    count = connection.execute(
        select(func.count()).select_from(jobs).where(jobs.c.asset == parent.asset)
    ).scalar_one()
    if count + len(additions) > rules.max_jobs:
        raise SpawnError(
            f"asset {parent.asset} would have more than {rules.max_jobs} jobs",
            remedy="use longer chunks, which make fewer jobs",
        )


def _names(addition: Addition) -> tuple[str, ...]:
    """The ids of all jobs that an addition names."""
    match addition:
        case NewJob():
            return (addition.id, *addition.optional, *addition.dependencies)
        case Link():
            return (addition.job_id, *addition.dependencies)
        case Move():
            return (addition.job_id,)


def _check_job(record: Record, asset: str, deadline: float | None, new: NewJob, rules: SpawnRules) -> None:
    allowed = {
        "asset": new.asset == asset,
        "owner": new.owner == record.owner,
        "priority": new.priority // PRIORITY_BAND == record.priority // PRIORITY_BAND,
        "deadline": new.deadline is None or new.deadline == deadline,
        "kind": rules.kinds is None or new.kind in rules.kinds,
        "pool": rules.pools is None or new.pool in rules.pools,
    }
    wrong = [name for name, is_allowed in allowed.items() if not is_allowed]
    if wrong:
        raise SpawnError(
            f"job {record.job_id} may not add {short_repr(new.id)} with that {' and '.join(wrong)}"
        )


def _belongs(name: str, asset: str) -> bool:
    """Whether a job's id is one of an asset's: the asset, a dot or dash, and more characters."""
    return is_identifier(name) and name.startswith((f"{asset}.", f"{asset}-"))

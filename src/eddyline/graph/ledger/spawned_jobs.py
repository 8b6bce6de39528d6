"""What a job may add to the graph when it ends: more work of its own asset, and nothing else.

A report comes from a worker, which may be anybody with a worker's rights. Without these bounds, one job
would be enough to add work in the name of every owner, ahead of everything else, without end.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from eddyline.core.formatting import short_repr
from eddyline.core.name_rules import is_identifier
from eddyline.graph.db.schema import jobs
from eddyline.graph.job import PRIORITY_BAND, Addition, GraphError, Link, NewJob
from eddyline.graph.ledger.rows import Record

_REMEDY = "look at the worker that sent it: only a broken or a hostile one asks for that"


@dataclass(frozen=True, kw_only=True)
class SpawnRules:
    """The `kinds` and `pools` that there are (None: any), and the most jobs that an asset may have."""

    kinds: Collection[str] | None = None
    pools: Collection[str] | None = None
    most_jobs: int = 100_000


ANY_OF_ITS_ASSET = SpawnRules()
"""No bounds but those of asset, owner, priority and number."""


class SpawnError(GraphError):
    """A job wants to add what it may not."""

    default_remedy = _REMEDY


def check(connection: Connection, record: Record, additions: Sequence[Addition], rules: SpawnRules) -> None:
    """See that the job of `record` may add all of these. Raises `SpawnError`.

    New jobs have its asset, owner and deadline (or none), a priority of its band, and ids that begin with
    the asset; what they need, and what is linked, are jobs of that asset too.
    """
    parent = connection.execute(select(jobs.c.asset, jobs.c.deadline).where(jobs.c.id == record.job_id)).one()
    for each in additions:
        named = (each.job_id,) if isinstance(each, Link) else (each.id, *each.optional)
        for name in (*named, *each.dependencies):
            if not _belongs(name, parent.asset):
                raise SpawnError(
                    f"job {record.job_id} of asset {parent.asset} may not name {short_repr(name)}"
                )
        if isinstance(each, NewJob):
            _check_job(record, parent.asset, parent.deadline, each, rules)
    count = connection.execute(
        select(func.count()).select_from(jobs).where(jobs.c.asset == parent.asset)
    ).scalar_one()
    if count + len(additions) > rules.most_jobs:
        raise SpawnError(
            f"asset {parent.asset} would have more than {rules.most_jobs} jobs",
            remedy="longer chunks make fewer jobs",
        )


def _check_job(record: Record, asset: str, deadline: float | None, new: NewJob, rules: SpawnRules) -> None:
    allowed = {
        "asset": new.asset == asset,
        "owner": new.owner == record.owner,
        "priority": new.priority // PRIORITY_BAND == record.priority // PRIORITY_BAND,
        "deadline": new.deadline is None or new.deadline == deadline,
        "kind": rules.kinds is None or new.kind in rules.kinds,
        "pool": rules.pools is None or new.pool in rules.pools,
    }
    wrong = [name for name, right in allowed.items() if not right]
    if wrong:
        raise SpawnError(
            f"job {record.job_id} may not add {short_repr(new.id)} with that {' and '.join(wrong)}"
        )


def _belongs(name: str, asset: str) -> bool:
    """Whether a job's id is one of an asset's: the asset, a dot or a dash, and more."""
    return is_identifier(name) and name.startswith((f"{asset}.", f"{asset}-"))

"""What failed or was interrupted while an asset was made, for the manifest's section `run`.

A worker with access to the ledger reads it there. For one without, the coordinator writes it into the job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from eddyline.fleet.pools import Pools
from eddyline.graph.job import Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Publication
from eddyline.pipeline.planning.job_kinds import job_kind
from eddyline.pipeline.runtime.run_cost import UNKNOWN_COST, RunCost, parse_run_cost, read_run_cost

_KEY = "history"  # in the spec of a job that publishes
_MAX_COUNT = 1 << 31
_MAX_TIME = 1e11  # seconds since 1970


@dataclass(frozen=True, kw_only=True)
class History:
    """`started` is when the first job of the asset started, in seconds since 1970; 0 if unknown.

    `cost` is what its jobs cost so far.
    """

    redone_jobs: int = 0
    interruptions: int = 0
    started: float = 0.0
    cost: RunCost = UNKNOWN_COST


def read_history(ledger: Ledger, pools: Pools | None = None) -> Callable[[Job], History]:
    """A function that reads the history of a job's asset from the ledger.

    `pools` tell the slots of instances whose workers are gone.
    """
    return lambda job: _history(ledger, job.asset, pools)


def history_from_spec(job: Job) -> History:
    """The history that the coordinator wrote into the job; zeros if it is missing or invalid."""
    value = job.spec.get(_KEY)
    if not isinstance(value, dict):
        return History()
    redone, interruptions = (value.get(name, 0) for name in ("redone_jobs", "interruptions"))
    started = value.get("started", 0.0)
    valid_counts = all(type(each) is int and 0 <= each < _MAX_COUNT for each in (redone, interruptions))
    if not valid_counts or type(started) not in (int, float) or not 0 <= started < _MAX_TIME:
        return History()
    return History(
        redone_jobs=redone,
        interruptions=interruptions,
        started=float(started),
        cost=parse_run_cost(value.get("cost")),
    )


def add_history(
    ledger: Ledger, pools: Pools | None = None
) -> Callable[[Sequence[Publication]], Sequence[Publication]]:
    """For coordinators: a function that writes the history into jobs that publish, before they are sent.

    `pools` as in `read_history`.
    """

    def prepare(publications: Sequence[Publication]) -> Sequence[Publication]:
        return [
            _with_history(ledger, each, pools) if job_kind(each.job.kind).publishes else each
            for each in publications
        ]

    return prepare


def _with_history(ledger: Ledger, publication: Publication, pools: Pools | None) -> Publication:
    job = publication.job
    spec = {**job.spec, _KEY: asdict(_history(ledger, job.asset, pools))}
    return replace(publication, job=replace(job, spec=spec))


def _history(ledger: Ledger, asset: str, pools: Pools | None) -> History:
    stats = ledger.stats(asset)
    started = [job.started for job in ledger.jobs(asset=asset) if job.started is not None]
    return History(
        redone_jobs=stats.redone,
        interruptions=stats.interruptions,
        started=min(started, default=0.0),
        cost=ledger.read(lambda connection: read_run_cost(connection, asset, pools)),
    )
